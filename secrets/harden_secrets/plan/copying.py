"""What becomes of each copy of a key. Nothing is removed that somebody still uses. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harden_secrets.cluster.owners import owner
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.plan.callednames import called
from harden_secrets.plan.consuming import Use
from harden_secrets.plan.held import Held, moves_as_a_whole
from harden_secrets.plan.values import ConsumerChange, Copy
from harden_secrets.plan.world import World


@dataclass(frozen=True, slots=True)
class Left:
    """Who uses objects as they are after the consumers are changed."""

    changes: Mapping[ObjectName, ConsumerChange]
    uses: Mapping[ObjectName, Sequence[Use]]  # by the object to change
    asking: Sequence[Use]  # scripts that nobody rewrites
    used: frozenset[ObjectName]  # what somebody uses, or used until now

    def using(self, name: ObjectName) -> str:
        """Why the object has to stay for its consumers; nothing where it has not."""
        for target, change in self.changes.items():
            if not change.applies and any(use.of == name for use in self.uses.get(target, ())):
                return f"{target} still uses it"
        for use in self.asking:
            if use.of == name:
                reader = use.consumer
                who = f"the script at {reader.source}:{reader.line} still reads it" if reader.object is None else ""
                return who or f"{reader} still uses it"
        return ""


@dataclass(slots=True)
class Copies:
    """Takes copies away one after the other, in mind: what is in an object after the ones before."""

    world: World
    allow_owned: bool
    _gone: dict[ObjectName, set[str]] = field(default_factory=dict)

    def of(self, group: Sequence[Held], left: Left) -> Iterator[Copy]:
        """The copies of one key, each place once for each key in it."""
        done = set()
        for one in group:
            if (one.object, one.pointer, one.fingerprint) not in done:
                done.add((one.object, one.pointer, one.fingerprint))
                yield self._copy(one, left)

    def left_of(self, name: ObjectName) -> Manifest:
        """The object without the entries that were taken out of it already."""
        gone = self._gone.get(name, set())
        manifest = self.world.objects[name]
        parts = {part: manifest[part] for part in ("data", "binaryData") if manifest.get(part)}
        return manifest | {part: {k: v for k, v in entries.items() if k not in gone} for part, entries in parts.items()}

    def _copy(self, one: Held, left: Left) -> Copy:
        by = owner(one.manifest)
        copy = Copy(
            source=one.source,
            line=0,
            encodings=one.encodings,
            removal="leave",
            object=one.object,
            pointer=one.pointer,
            key=one.key,
            owner=by,
            material=str(one.material),
            fingerprint=one.fingerprint,
        )
        if one.is_literal:
            change = left.changes[one.object]
            return replace(copy, removal="repoint") if change.applies else replace(copy, reason=change.words)
        if by.will_undo and not self.allow_owned:
            return replace(copy, reason=f"{called(by)} would bring it back")
        if reason := left.using(one.object) or self._unknown():
            return replace(copy, reason=reason)
        rest = self.left_of(one.object)
        alone = {*(rest.get("data") or {}), *(rest.get("binaryData") or {})} <= {one.key}
        self._gone.setdefault(one.object, set()).add(one.key)
        whole = alone or moves_as_a_whole(one.manifest)
        reason = "" if one.object in left.used else "nobody uses it"
        return replace(copy, removal="delete-object" if whole else "remove-key", reason=reason)

    def _unknown(self) -> str:
        if not self.world.unseen:
            return ""
        return f"whether something uses it is not known, for {', '.join(self.world.unseen)} could not be listed"
