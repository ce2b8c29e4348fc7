"""One key in files: who uses it, what is delivered for it, and which files can be changed for it. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from harden.errors import HardenError
from harden_secrets.cluster.consumers import Consumer, Index
from harden_secrets.cluster.port import ObjectName
from harden_secrets.delivery.values import Delivery
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan import delivering
from harden_secrets.plan.consuming import Use
from harden_secrets.plan.fileobjects import file_objects
from harden_secrets.plan.files.changes import Wanted, edits_for
from harden_secrets.plan.files.places import Place, place_of
from harden_secrets.plan.files.tree import Found, Tree
from harden_secrets.plan.held import Held, moves_as_a_whole
from harden_secrets.plan.moves import Move
from harden_secrets.plan.sourcing import sourced
from harden_secrets.plan.storing import store
from harden_secrets.plan.values import FileChange
from harden_secrets.plan.world import Request
from harden_secrets.rewrite import rewritten
from harden_secrets.rewrite.stream import stream


@dataclass(slots=True)
class Settled:
    """The changes of files and what these come to; no bytes for a file that goes."""

    changes: list[FileChange] = field(default_factory=list)
    after: dict[str, bytes] = field(default_factory=dict)


class Group:
    """Copies of one key, and what moves together with it."""

    def __init__(
        self, items: Sequence[Held | Found], tree: Tree, now: dict[str, bytes], request: Request,
        fingerprints: Fingerprinter,
    ) -> None:  # fmt: skip
        self._tree, self._now, self._request, self._fingerprints = tree, now, request, fingerprints
        self.held = _each_once(items)
        self.found = [one for one in items if isinstance(one, Found)]
        self.kept = store(self.held, fingerprints)
        self.places = [_place(one, tree.contents[one.path]) for one in self.found]
        self.place_reasons: dict[int, str] = dict(self._used_files())
        self.deliveries: dict[ObjectName, Delivery] = {}
        self.unread: list[Use] = []
        self._moves: dict[tuple[str, str], Move] = {}
        self._uses: list[Use] = []
        self._asking: list[Use] = []
        self._literals: dict[ObjectName, dict[str, tuple[str, str]]] = {}
        self._stays: dict[ObjectName, str] = {}
        self._unturned: dict[ObjectName, str] = {}
        self._homes = {one.object: one.source for one in self.held}

    def home(self, of: ObjectName) -> str:
        """The file that describes an object."""
        return self._homes[of]

    def content(self, path: str) -> bytes:
        """A file as it was read."""
        return self._tree.contents[path]

    def written(self, one: Held) -> tuple[int, tuple[str, ...]]:
        """The line where its value begins in its file, and what wraps it there."""
        return self._tree.written.get((one.source, one.object, one.pointer), (0, ()))

    def reason(self, one: Held) -> str:
        """Why a copy stays, or nothing."""
        return self._reason(one.object)

    def deliver(self, taken: dict[str, set[str]]) -> None:
        """Find the consumers of everything that moves, and what they are given instead."""
        for name, entries in self.kept.entries.items():
            users = self._tree.index.consumers(name)
            names = taken.setdefault(name.namespace, set())
            if not users and name.kind == "Secret":
                # Who uses it is not under these paths, so it keeps its name for them.
                names = names - {name.name}
            elif not users:
                continue
            manifest = next(one.manifest for one in self.held if one.object == name)
            delivery, move = delivering.delivered(name, manifest, entries, users, names, self._fingerprints)
            taken[name.namespace].add(delivery.secret)
            self.deliveries[name] = delivery
            self._moves[str(name), move.secret] = move
            for user in users:
                of_it = tuple(entry for entry in entries if user.narrowed(entry.key) is not None)
                if of_it:
                    self._take(Use(user, name, of_it, move.secret))
        for (name, pointer), entry in self.kept.literals.items():
            made = delivering.literal(name, entry, taken.setdefault(name.namespace, set()), self._fingerprints)
            taken[name.namespace].add(made.secret)
            self.deliveries[replace(name, api_version=f"{name.api_version}#{pointer}")] = made
            self._homes[replace(name, api_version=f"{name.api_version}#{pointer}")] = self._homes[name]
            self._literals.setdefault(name, {})[pointer] = (made.secret, entry.key)

    def _take(self, use: Use) -> None:
        if use.consumer.object is not None:
            self._uses.append(use)
            return
        source = use.consumer.source
        if self._now.get(source) == self._tree.contents.get(source):
            self._asking.append(use)
            return
        moved = Index()  # a key before this one has changed the script
        moved.add_text(source, self._now[source].decode())
        self._asking += [replace(use, consumer=one) for one in moved.consumers(use.of) if one.line == use.consumer.line]

    def settled(self) -> Settled:
        """The changes that can be made. What cannot be changed stays, and so does what it uses."""
        scripts = sourced(self._asking, self._request)
        self.unread = [use for use in self._asking if use not in scripts.rewritten]
        while True:
            made = Settled()
            if self._tried(made):
                break
        for one in scripts.files:
            made.changes.append(one)
            made.after[one.path] = rewritten(self._now[one.path], one.edits, one.path)
        return made

    def _tried(self, made: Settled) -> bool:
        for path, wanted in self._wanted().items():
            try:
                edits = edits_for(path, self._now[path], wanted, self._moves)
                if edits.failed:
                    self._unturned.update(edits.failed)
                    return False
                after = rewritten(self._now[path], edits.edits, path)
            except HardenError as error:
                self._refuse(path, wanted, error.messages[0])
                return False
            made.after[path] = after
            words = edits.words if after else (*edits.words, "nothing is left of the file, so it is deleted")
            made.changes.append(FileChange(path, words, tuple(dict(one) for one in edits.edits)))
        return True

    def _refuse(self, path: str, wanted: Wanted, why: str) -> None:
        for name in (*wanted.whole, *wanted.gone, *wanted.literals):
            self._stays[name] = why
        for name in wanted.uses:
            self._unturned[name] = why
        for number, one in enumerate(self.found):
            if one.path == path and self.places[number].kind == "comment":
                self.place_reasons[number] = why

    def _wanted(self) -> dict[str, Wanted]:
        """What shall happen to each file, as far as nothing is in its way."""
        files: dict[str, Wanted] = {}
        for use in self._uses:
            assert use.consumer.object is not None
            if use.consumer.object not in self._unturned:
                files.setdefault(use.consumer.source, Wanted()).uses.setdefault(use.consumer.object, []).append(use)
        for one in self.held:
            if self._reason(one.object):
                continue
            wanted = files.setdefault(one.source, Wanted())
            if one.is_literal:
                wanted.literals[one.object] = self._literals[one.object]
            elif moves_as_a_whole(one.manifest) or not self._left(one):
                wanted.whole.add(one.object)
            else:
                wanted.gone.setdefault(one.object, set()).add(one.key)
        for path, spans in self._comments():
            files.setdefault(path, Wanted()).cuts = spans
        return files

    def _left(self, one: Held) -> set[str]:
        """The entries of an object that stay."""
        gone = {entry.key for entry in self.kept.entries[one.object]}
        there = next(
            (
                each.manifest
                for each in file_objects(one.source, stream(self._now[one.source]))
                if each.name == one.object
            ),
            one.manifest,
        )
        return {*(there.get("data") or {}), *(there.get("binaryData") or {})} - gone

    def _reason(self, name: ObjectName) -> str:
        """Why an object stays as it is, or nothing."""
        if name in self._stays:
            return self._stays[name]
        for use in self._uses:
            if use.of == name and use.consumer.object in self._unturned:
                return f"{use.consumer.object} still uses it: {self._unturned[use.consumer.object]}"
        for use in self.unread:
            if use.of == name:
                return f"{_said(use.consumer)} still reads it (--rewrite-scripts changes it where harden knows how)"
        return ""

    def _comments(self) -> Iterator[tuple[str, list[tuple[int, int]]]]:
        """The comments to cut out of each file as it is now."""
        wanted = [
            one.path
            for number, one in enumerate(self.found)
            if self.places[number].kind == "comment" and number not in self.place_reasons
        ]
        fingerprints = {one.fingerprint for one in self.found}
        for path in dict.fromkeys(wanted):
            content = self._now[path]
            whole = stream(content)
            spans = []
            for seen in examine(content, path, DETECTORS):
                if isinstance(seen, Sighting) and self._fingerprints.of(seen.detection) in fingerprints:
                    place = place_of(content, whole, seen)
                    spans += [(place.start, place.end)] if place.kind == "comment" else []
            if spans:
                yield path, list(dict.fromkeys(spans))

    def _used_files(self) -> Iterator[tuple[int, str]]:
        """Files that are keys as a whole and that others name."""
        for number, one in enumerate(self.found):
            if self.places[number].kind == "file" and (user := self._tree.naming(one.path)):
                yield number, f"{user} names it"


def _each_once(items: Sequence[Held | Found]) -> list[Held]:
    """The entries that move; one with two keys in it is one entry."""
    made: dict[tuple[ObjectName, str], Held] = {}
    for one in items:
        if isinstance(one, Held):
            made.setdefault((one.object, one.pointer), one)
    return list(made.values())


def _place(one: Found, content: bytes) -> Place:
    return place_of(content, stream(content), one.sighting)


def _said(reader: Consumer) -> str:
    return f"{reader.source}:{reader.line}"
