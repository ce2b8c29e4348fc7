"""Where an object of a repository stands: in which commit it appeared first, and under which path."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harden.errors import HardenError
from harden_secrets.sources.git import Listing
from harden_secrets.sources.gitcommand import Repository

_DIFF = ("diff-tree", "--stdin", "--root", "-r", "-c", "-z", "--raw", "--no-renames", "--no-ext-diff", "--no-textconv")
_TOGETHER = 500  # commits; what git prints for them is held in memory
_FAILURES = 64  # how often to try again with half of the commits before their paths are given up


@dataclass(frozen=True, slots=True)
class CommitBatch:
    """Commits whose additions are looked up in one go. ``number`` is its place in the order of history."""

    number: int
    commits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Additions:
    """Looks up where objects that are ``wanted`` came in; made once for all batches."""

    repository: Repository
    wanted: frozenset[str]

    def __call__(self, batch: CommitBatch) -> tuple[int, dict[str, str]]:
        """``COMMIT:path`` for each of the objects that a commit of the batch brought in, by the first that did."""
        found: dict[str, str] = {}
        for name, place in _in_chunk(self.repository, batch.commits, self.wanted, [_FAILURES]):
            found.setdefault(name, place)
        return batch.number, found


@dataclass(frozen=True, slots=True)
class EveryAddition:
    """The same with all places, by each commit that brought one of the objects in."""

    repository: Repository
    wanted: frozenset[str]

    def __call__(self, batch: CommitBatch) -> tuple[int, list[tuple[str, str]]]:
        """Objects and ``COMMIT:path``, in the order of the commits."""
        return batch.number, list(_in_chunk(self.repository, batch.commits, self.wanted, [_FAILURES]))


def commit_batches(repository: Repository, listing: Listing) -> list[CommitBatch]:
    """All commits, oldest first; after them those that nothing refers to any more."""
    reachable = repository.run("rev-list", "--topo-order", "--reverse", "--all", "--reflog").decode().split()
    # The parents of a lost commit may be gone, so that there is no walking along them.
    lost = sorted(set(listing.commits) - set(reachable))
    chunks = [part[at : at + _TOGETHER] for part in (reachable, lost) for at in range(0, len(part), _TOGETHER)]
    return [CommitBatch(number, tuple(chunk)) for number, chunk in enumerate(chunks)]


def staged_places(repository: Repository) -> dict[str, str]:
    """``:path`` for each object in the index."""
    return dict(reversed(list(_staged(repository))))


def _in_chunk(
    repository: Repository, commits: Sequence[str], wanted: frozenset[str], patience: list[int]
) -> Iterator[tuple[str, str]]:
    """Where trees are missing (a partial clone, a commit whose tree was pruned), those of the other commits."""
    try:
        printed = repository.run(*_DIFF, stdin="".join(f"{commit}\n" for commit in commits).encode())
    except HardenError:
        patience[0] -= 1
        if len(commits) > 1 and patience[0] > 0:
            middle = len(commits) // 2
            yield from _in_chunk(repository, commits[:middle], wanted, patience)
            yield from _in_chunk(repository, commits[middle:], wanted, patience)
        return
    yield from _parsed(printed, wanted)


def _parsed(printed: bytes, wanted: frozenset[str]) -> Iterator[tuple[str, str]]:
    commit = ""
    parts = iter(printed.split(b"\0"))
    for part in parts:
        if part.startswith(b":"):
            # `:MODE MODE ID ID STATUS`; of a merge one colon, mode and id more for each further parent
            name, path = part.split(b" ")[-2].decode(), next(parts, b"")
            if name in wanted:
                yield name, f"{commit}:{path.decode('utf-8', 'surrogateescape')}"
        elif part:
            commit = part.decode()


def _staged(repository: Repository) -> Iterator[tuple[str, str]]:
    if repository.run("rev-parse", "--is-bare-repository").strip() == b"true":
        return
    for entry in repository.run("ls-files", "--stage", "-z", "--full-name", ":/").split(b"\0"):
        if entry:
            about, _, path = entry.partition(b"\t")
            yield about.split(b" ")[1].decode(), f":{path.decode('utf-8', 'surrogateescape')}"
