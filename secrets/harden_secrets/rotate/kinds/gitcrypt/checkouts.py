"""Work trees in which a branch is checked out, brought along when it moves: index, files, and git-crypt's own key.

Index and files come before the branch: whoever commits in between commits what is right, and the branch then has moved
for us. In an unlocked work tree the plaintext stays as it is; in a locked one the new ciphertext takes its place.
Everything here can be done the other way round too, and again after it was cut off.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harden.document.wording import quote
from harden.errors import HardenError
from harden_secrets.rotate.kinds.gitcrypt import blobs
from harden_secrets.rotate.kinds.gitcrypt.keyfile import KeyFile
from harden_secrets.rotate.kinds.gitcrypt.layout import owner_kept, refuse_under_way, repository, without_filters
from harden_secrets.rotate.kinds.gitcrypt.survey import listed
from harden_secrets.rotate.kinds.gitcrypt.unlocked import UnlockedKey
from harden_secrets.rotate.kinds.gitcrypt.workshop import Blob, Workshop
from harden_secrets.rotate.kinds.gitcrypt.worktreefile import WorktreeFile, blob_id
from harden_secrets.rotate.kinds.gitcrypt.worktrees import Checkout
from harden_secrets.sources.gitcommand import Repository

_HIDDEN = "Ss"  # tags of `git ls-files -v`: not in the work tree (sparse)


@dataclass(frozen=True, slots=True)
class Change:
    """A file whose blob changes with the branch; an empty id and mode: it is not there on that side."""

    path: str
    old_mode: str
    new_mode: str
    old: str
    new: str

    @property
    def reversed(self) -> "Change":
        """The way back."""
        return Change(self.path, self.new_mode, self.old_mode, self.new, self.old)


def changes(workshop: Workshop, old: str, new: str) -> tuple[Change, ...]:
    """The files that differ between two commits."""
    options = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv")
    parts = iter(workshop.git.run("diff-tree", *options, old, new).split(b"\0"))
    return tuple(_change(part, next(parts)) for part in parts if part)


class BroughtAlong:
    """One work tree, and how its files are changed. Raises HardenError where somebody's work is in the way."""

    def __init__(self, checkout: Checkout, workshop: Workshop, form: str, old: KeyFile, new: KeyFile) -> None:
        self._checkout, self._workshop, self._form = checkout, workshop, form
        self._git = repository(str(checkout.root))
        self._key = UnlockedKey(checkout.git_dir, old, new, self._git)
        self._keys = (old, new)

    def refuse_dirty(self, wanted: Sequence[Change]) -> None:
        """Raises HardenError, naming them, for files that are not as they were committed. Changes nothing."""
        refuse_under_way(str(self._checkout.root), self._checkout.git_dir)
        self._key.refuse_other()
        index = _index(self._git, [change.path for change in wanted])
        dirty = [change.path for change in wanted if not self._is_clean(change, index.get(change.path))]
        if dirty := [*dirty, *self._staged_anew({change.path for change in wanted})]:
            named = listed([quote(path) for path in dirty])
            raise HardenError(
                (f"{self._checkout.root}: encrypted files have changes that are not committed:", *named),
                "commit them, or take them back, then run this again",
            )

    def _staged_anew(self, known: Container[str]) -> Iterator[str]:
        """Other files that the next commit would bring in under the old key."""
        options = ("-r", "-z", "--raw", "--no-renames", "--no-abbrev", "--no-ext-diff", "--no-textconv")
        parts = iter(self._git.run("diff-index", "--cached", *options, "HEAD").split(b"\0"))
        staged = {one.path: one.new for part in parts if part and (one := _change(part, next(parts))).path not in known}
        sizes = self._workshop.sizes(name for name in staged.values() if name)
        old = {blob.id for blob in self._workshop.blobs(sizes) if self._is_old(blob)}
        return (path for path, name in staged.items() if name in old)

    def _is_old(self, blob: Blob) -> bool:
        old, new = self._keys
        return blobs.is_encrypted(blob.head) and blobs.trial(old.keys, new.key, blob) is not None

    def go(self, wanted: Sequence[Change]) -> None:
        """Key, files and index are as the new commit wants them."""
        self._key.go()
        self._apply(wanted)

    def go_back(self, wanted: Sequence[Change]) -> None:
        """Key, files and index are as the old commit wants them."""
        self._apply([change.reversed for change in wanted])
        self._key.go_back()

    def _apply(self, wanted: Sequence[Change]) -> None:
        index = _index(self._git, [change.path for change in wanted])
        try:
            for change in wanted:
                if (entry := index.get(change.path)) is None or entry.tag not in _HIDDEN:
                    self._write(change)
        except OSError as error:
            raise HardenError(f"{self._checkout.root}: {error.filename}: {error.strerror}") from error
        staged = [change for change in wanted if _staged(index.get(change.path)) == change.old]
        with owner_kept(self._checkout.git_dir / "index"):
            _stage(without_filters(str(self._checkout.root)), staged, index)

    def _write(self, change: Change) -> None:
        """A file that lies there as git stores it follows its blob. Plaintext stays."""
        file = WorktreeFile(self._checkout.root, change.path)
        size = file.size()
        if not change.new:
            if size is not None and blob_id(self._form, size, file) == change.old:
                file.remove()
        elif (not change.old and size is None) or (size is not None and blob_id(self._form, size, file) == change.old):
            file.replace(self._workshop.pieces(change.new))

    def _is_clean(self, change: Change, entry: "_Entry | None") -> bool:
        if _staged(entry) not in {change.old, change.new}:
            return False
        if entry is not None and entry.tag in _HIDDEN:
            return True
        file = WorktreeFile(self._checkout.root, change.path)
        try:
            size = file.size()
            if size is None:
                return "" in {change.old, change.new}
            if blob_id(self._form, size, file) in {change.old, change.new}:
                return True
            return any(self._cleaned(key, size, file) in {change.old, change.new} for key in self._keys)
        except OSError:  # a symbolic link on the way, among others
            return False

    def _cleaned(self, key: KeyFile, size: int, file: WorktreeFile) -> str:
        """The blob that ``git-crypt clean`` would make of it."""
        sealed = blobs.sealed(key.key, file)
        return blob_id(self._form, size + blobs.HEADER_BYTES, sealed)


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: str
    id: str


def _staged(entry: _Entry | None) -> str:
    return entry.id if entry is not None else ""


def _index(git: Repository, paths: Sequence[str]) -> dict[str, _Entry]:
    """The index's entries for these paths. One with a conflict has an id that nothing has."""
    wanted = set(paths)
    found: dict[str, _Entry] = {}
    for line in git.run("ls-files", "-v", "--stage", "-z", "--full-name", ":/").split(b"\0"):
        about, _, octets = line.partition(b"\t")
        path = octets.decode("utf-8", "surrogateescape")
        if about and path in wanted:
            tag, _, name, stage = about.decode().split()
            found[path] = _Entry(tag, name if stage == "0" else "conflict")
    return found


def _stage(git: Repository, wanted: Iterable[Change], index: Mapping[str, _Entry]) -> None:
    """The index has the new blobs. Flags of entries are kept, which git would drop."""
    lines: list[bytes] = []
    flagged: dict[str, list[bytes]] = {"--skip-worktree": [], "--assume-unchanged": []}
    for change in wanted:
        path = change.path.encode("utf-8", "surrogateescape") + b"\0"
        mode, name = (change.new_mode, change.new) if change.new else ("0", "0" * len(change.old))
        lines.append(f"{mode} {name} 0\t".encode() + path)
        tag = index[change.path].tag if change.path in index else "H"
        if change.new and tag in _HIDDEN:
            flagged["--skip-worktree"].append(path)
        if change.new and tag.islower():
            flagged["--assume-unchanged"].append(path)
    if lines:
        git.run("update-index", "-z", "--index-info", stdin=b"".join(lines))
    for flag, paths in flagged.items():
        if paths:
            git.run("update-index", flag, "-z", "--stdin", stdin=b"".join(paths))


def _change(about: bytes, path: bytes) -> Change:
    old_mode, new_mode, old, new, _ = about.decode().removeprefix(":").split()
    old, new = ("" if not name.strip("0") else name for name in (old, new))
    return Change(path.decode("utf-8", "surrogateescape"), old_mode, new_mode, old, new)
