"""That commits are what they should be: the same plaintext under the new key, and nothing under the old one.

Both are shown by git-crypt itself in fresh clones, and by every blob's own nonce.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from harden.document.wording import quote
from harden.errors import HardenError
from harden.printable import printable
from harden_secrets.rotate.kinds.gitcrypt import blobs, rekeying
from harden_secrets.rotate.kinds.gitcrypt.clone import Clone, digest
from harden_secrets.rotate.kinds.gitcrypt.keyfile import KeyFile
from harden_secrets.rotate.kinds.gitcrypt.rekeying import Succession
from harden_secrets.rotate.kinds.gitcrypt.site import Site
from harden_secrets.rotate.kinds.gitcrypt.survey import Branch, State, TreeFile, listed, sizes
from harden_secrets.rotate.kinds.gitcrypt.workroom import workroom


def prove_read(site: Site, keys: Succession, commits: Mapping[str, str]) -> str:
    """Unlocks a fresh clone of the commits with the new key and compares every plaintext; in words, what was read.

    Raises HardenError where a file is not what it was before, or not encrypted as the attributes say.
    """
    read: set[str] = set()
    with workroom(_size(site, commits)) as room:
        clone = Clone(room, site.layout.objects, site.layout.form)
        unlocked = False
        for name, (branch, expected) in _expected(site, keys, commits).items():
            said = clone.check_out(branch.tip)
            if said is None and not unlocked:
                said = clone.unlock(keys.new)
            if said is not None:
                raise HardenError(f"{printable(name)}: git-crypt does not read it with the new key: {said}")
            unlocked = True
            if differing := list(clone.differing(branch.files, expected)):
                raise _wrong(f"{printable(name)}: not the same plaintext as before", differing)
            read.update(file.id for file in branch.files if file.path in expected)
    return f"{len(read)} encrypted file{'' if len(read) == 1 else 's'} read with the new key, as before"


def prove_refused(site: Site, keys: Succession, commits: Mapping[str, str]) -> str:
    """Tries the old key on a fresh clone of the commits; in words, what git-crypt said. Raises HardenError."""
    branches = rekeying.looked_at(site.workshop, commits)
    states = rekeying.states(site.workshop, branches, keys)
    for branch in branches:
        if still := [file.path for file in branch.of(states, State.OLD)]:
            raise _wrong(f"{printable(branch.name)}: still encrypted with the old key", still)
    said = "no live branch has an encrypted file any more"
    with workroom(_size(site, commits)) as room:
        clone = Clone(room, site.layout.objects, site.layout.form)
        for branch in sorted(branches, key=lambda one: not any(_filtered(one, states, keys.new)))[:1]:
            if (failed := clone.check_out(branch.tip)) is not None:
                raise HardenError(f"{printable(branch.name)}: a fresh clone cannot be checked out: {failed}")
            refused = clone.unlock(keys.old)
            may_refuse = keys.old.driver == keys.new.driver and any(_filtered(branch, states, keys.new))
            if refused is None and may_refuse:
                raise HardenError(f"{printable(branch.name)}: git-crypt still unlocks it with the old key")
            if readable := list(clone.readable(branch.of(states, State.NEW))):
                raise _wrong(f"{printable(branch.name)}: the old key still opens files", readable)
            said = f"the old key is refused: {refused}" if refused is not None else "the old key opens no file"
    return said


@dataclass(frozen=True, slots=True)
class _Read:
    """What every blob is, and the SHA-256 of the plaintext of those that one of our keys encrypts."""

    states: Mapping[str, State]
    hashes: Mapping[str, bytes]


def _expected(
    site: Site, keys: Succession, commits: Mapping[str, str]
) -> dict[str, tuple[Branch, Mapping[str, bytes]]]:
    """The branches at their commits, and the hash that the plaintext of each file must have, by its path."""
    after = {branch.name: branch for branch in rekeying.looked_at(site.workshop, commits)}
    parents = {name: parent for name, commit in commits.items() if (parent := site.first_parent(commit))}
    before = {branch.name: branch for branch in rekeying.looked_at(site.workshop, parents)}
    read = _read(site, keys, (*after.values(), *before.values()))
    for name, branch in before.items():
        _refuse_changed(branch, after[name], read, keys)
    return {
        name: (branch, {file.path: read.hashes[file.id] for file in _filtered(branch, read.states, keys.new)})
        for name, branch in after.items()
    }


def _filtered(branch: Branch, states: Mapping[str, State], key: KeyFile) -> Iterator[TreeFile]:
    """The encrypted files that git-crypt decrypts at a checkout. Those that no attribute covers, it leaves alone."""
    return (file for file in branch.of(states, State.NEW) if branch.filters.get(file.path) == key.driver)


def _read(site: Site, keys: Succession, branches: Sequence[Branch]) -> _Read:
    states: dict[str, State] = {}
    hashes: dict[str, bytes] = {}
    for blob in site.workshop.blobs(sizes(branches)):
        if not blobs.is_encrypted(blob.head):
            states[blob.id] = State.PLAIN if blob.size else State.EMPTY
        elif (found := blobs.trial((*keys.new.keys, *keys.old.keys), keys.new.key, blob)) is None:
            states[blob.id] = State.FOREIGN
        else:
            states[blob.id] = State.NEW if found[0] in keys.new.keys else State.OLD
            hashes[blob.id] = digest(blobs.opened(found[0], blob))
    return _Read(states, hashes)


def _refuse_changed(before: Branch, after: Branch, read: _Read, keys: Succession) -> None:
    """Every file that the old key encrypted is there with its mode and plaintext, and its filter is the new one."""
    now = {file.path: file for file in after.files}
    wrong: list[str] = []
    uncovered: list[str] = []
    for old in before.of(read.states, State.OLD):
        new = now.get(old.path)
        same = new is not None and new.mode == old.mode and read.states[new.id] is State.NEW
        if new is None or not same or read.hashes[new.id] != read.hashes[old.id]:
            wrong.append(old.path)
        elif before.filters.get(old.path) == keys.old.driver and after.filters.get(old.path) != keys.new.driver:
            uncovered.append(old.path)
    if wrong:
        raise _wrong(f"{printable(after.name)}: not the same file as before under the new key", wrong)
    if uncovered:
        raise _wrong(f"{printable(after.name)}: not covered by the filter {keys.new.driver}", uncovered)


def _size(site: Site, commits: Mapping[str, str]) -> int:
    """How many bytes the files of the largest of these commits have."""
    return max((sum(file.size for file in site.workshop.files(commit)) for commit in commits.values()), default=0)


def _wrong(what: str, paths: Sequence[str]) -> HardenError:
    return HardenError((f"{what}:", *listed([quote(path) for path in paths])))
