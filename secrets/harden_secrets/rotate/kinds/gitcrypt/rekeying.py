"""The commits with which the branches go over to a new key, built in the object database and nowhere else.

Each file that the old key encrypts is decrypted and encrypted anew, in memory, piece by piece. What is written is
ciphertext. No branch is moved. The same branches and keys give the same commits whenever and wherever they are built,
but for keys that are wrapped for people: GnuPG never writes the same twice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from harden_secrets.rotate.kinds.gitcrypt import attributes, blobs, survey
from harden_secrets.rotate.kinds.gitcrypt.blobs import BlobKey
from harden_secrets.rotate.kinds.gitcrypt.importing import Import, NewCommit, NewFile, importing
from harden_secrets.rotate.kinds.gitcrypt.keyfile import KeyFile
from harden_secrets.rotate.kinds.gitcrypt.lineage import Lineage
from harden_secrets.rotate.kinds.gitcrypt.survey import Branch, State
from harden_secrets.rotate.kinds.gitcrypt.workshop import Blob, Workshop

Wrap = Callable[[str], Mapping[str, bytes | None]]
"""What changes among the keys that are wrapped for people, in the tree of a commit."""


@dataclass(frozen=True, slots=True)
class Succession:
    """From which key to which."""

    old: KeyFile
    new: KeyFile

    @property
    def reversed(self) -> "Succession":
        """The way back."""
        return Succession(self.new, self.old)

    @property
    def drivers(self) -> tuple[str, ...]:
        """The filters of both, the old one's first."""
        return tuple(dict.fromkeys((self.old.driver, self.new.driver)))


@dataclass(frozen=True, slots=True)
class Signing:
    """Who makes the commits, when, and what they say."""

    author: str
    when: datetime
    message: str


@dataclass(frozen=True, slots=True)
class Ground:
    """What is built on: the live ``branches`` that need a commit, and the common ``ancestors`` of all of them.

    ``made`` has the new commits, by the old ones, of branches for which they were built before.
    """

    branches: Sequence[Branch]
    ancestors: Sequence[Branch]
    lineage: Lineage
    made: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Built:
    """The new commit of each branch that has files to be encrypted anew, and what all blobs were found to be."""

    states: Mapping[str, State] = field(repr=False)
    commits: Mapping[str, str] = field(default_factory=dict)


def looked_at(workshop: Workshop, tips: Mapping[str, str]) -> tuple[Branch, ...]:
    """The branches at these commits."""
    found = []
    for name, tip in tips.items():
        files = workshop.files(tip)
        found.append(Branch(name, tip, files, workshop.filters(tip, files)))
    return tuple(found)


def states(workshop: Workshop, branches: Sequence[Branch], keys: Succession | KeyFile) -> dict[str, State]:
    """What each blob of the branches is. Without a successor nothing is NEW."""
    succession = keys if isinstance(keys, Succession) else Succession(keys, keys)
    return {blob.id: judged(blob, succession)[0] for blob in workshop.blobs(survey.sizes(branches))}


def judged(blob: Blob, keys: Succession) -> tuple[State, tuple[BlobKey, bytes] | None]:
    """What a blob is and, where it is OLD, its key and its nonce under the new one."""
    if not blobs.is_encrypted(blob.head):
        return State.PLAIN if blob.size else State.EMPTY, None
    found = blobs.trial((*keys.old.keys, *keys.new.keys), keys.new.key, blob)
    if found is None:
        return State.FOREIGN, None
    return (State.OLD, found) if found[0] in keys.old.keys else (State.NEW, None)


def build(workshop: Workshop, room: Path, ground: Ground, keys: Succession, signing: Signing, wrap: Wrap) -> Built:
    """Writes the blobs and commits. Raises HardenError, naming them, for files that are in the way."""
    known: dict[str, State] = {}
    marks: dict[str, int] = {}
    made: dict[str, int] = {}
    looked = {branch.tip: branch for branch in (*ground.branches, *ground.ancestors)}
    with importing(workshop.git, room) as (into, ids):
        for blob in workshop.blobs(survey.sizes(looked.values())):
            known[blob.id], found = judged(blob, keys)
            if found is not None:
                pieces = blobs.renewed(found[0], keys.new.key, found[1], blob)
                marks[blob.id] = into.blob(blob.size, pieces)
        survey.refuse(workshop.path, ground.branches, known, keys.drivers)
        successors = dict(ground.made)
        for commit, nearest in ground.lineage.items():
            if commit in looked and looked[commit].of(known, State.OLD):
                changes = _changes(workshop, into, looked[commit], keys, marks, wrap(commit))
                parents = (commit, *(successors[one] for one in nearest if one in successors))
                made[commit] = into.commit(NewCommit(parents, signing.author, signing.when, signing.message, changes))
                successors[commit] = f":{made[commit]}"
    return Built(known, {one.name: ids[made[one.tip]] for one in ground.branches if one.tip in made})


def _changes(
    workshop: Workshop,
    into: Import,
    branch: Branch,
    keys: Succession,
    marks: Mapping[str, int],
    wrapped: Mapping[str, bytes | None],
) -> dict[str, NewFile | None]:
    changes: dict[str, NewFile | None] = {
        file.path: NewFile(file.mode, marks[file.id]) for file in branch.files if file.id in marks
    }
    if keys.old.driver != keys.new.driver:
        changes.update(_turned(workshop, into, branch, {keys.old.driver: keys.new.driver}))
    for path, content in wrapped.items():
        changes[path] = None if content is None else NewFile("100644", into.blob(len(content), (content,)))
    return changes


def _turned(
    workshop: Workshop, into: Import, branch: Branch, drivers: Mapping[str, str]
) -> Iterable[tuple[str, NewFile]]:
    """The files with attributes that name the old driver, naming the new one."""
    for file in branch.files:
        if attributes.is_of(file.path):
            before = workshop.content(file.id)
            after = attributes.turned(before, drivers)
            if after != before:
                yield file.path, NewFile(file.mode, into.blob(len(after), (after,)))
