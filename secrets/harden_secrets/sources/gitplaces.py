"""Where an object of a repository stands: in which commit it appeared first, and under which path."""

from collections.abc import Iterable, Iterator, Sequence

from harden.errors import HardenError
from harden_secrets.sources.git import Listing
from harden_secrets.sources.gitcommand import Repository

_DIFF = ("diff-tree", "--stdin", "--root", "-r", "-c", "-z", "--raw", "--no-renames", "--no-ext-diff", "--no-textconv")
_TOGETHER = 2_000  # commits; what git prints for them is held in memory
_FAILURES = 64  # how often to try again with half of the commits before their paths are given up


def places_of(repository: Repository, wanted: Iterable[str], listing: Listing) -> dict[str, str]:
    """For each object ``COMMIT:path``, the first commit that brought it in, or ``:path`` where it is only staged.

    What has no path is left out: commits, tags, and blobs that nothing refers to.
    """
    missing = set(wanted)
    found: dict[str, str] = {}
    reachable = repository.run("rev-list", "--topo-order", "--reverse", "--all", "--reflog").decode().split()
    for commits in (reachable, _sorted_rest(listing.commits, reachable)):
        if missing and commits:
            _look_up(_additions(repository, commits), missing, found)
    if missing:
        _look_up(_staged(repository), missing, found)
    return found


def _look_up(additions: Iterator[tuple[str, str]], missing: set[str], found: dict[str, str]) -> None:
    for name, place in additions:
        if name in missing:
            missing.remove(name)
            found[name] = place
            if not missing:
                return


def _sorted_rest(commits: Sequence[str], reachable: Iterable[str]) -> list[str]:
    """Commits that nothing refers to any more. Their parents may be gone, so that there is no walking along them."""
    return sorted(set(commits) - set(reachable))


def _additions(repository: Repository, commits: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Objects that a commit brought in, with their places, in the order of the commits."""
    patience = [_FAILURES]
    for at in range(0, len(commits), _TOGETHER):
        yield from _in_chunk(repository, commits[at : at + _TOGETHER], patience)


def _in_chunk(repository: Repository, commits: Sequence[str], patience: list[int]) -> Iterator[tuple[str, str]]:
    """Where trees are missing (a partial clone, a commit whose tree was pruned), those of the other commits."""
    try:
        printed = repository.run(*_DIFF, stdin="".join(f"{commit}\n" for commit in commits).encode())
    except HardenError:
        patience[0] -= 1
        if len(commits) > 1 and patience[0] > 0:
            middle = len(commits) // 2
            yield from _in_chunk(repository, commits[:middle], patience)
            yield from _in_chunk(repository, commits[middle:], patience)
        return
    yield from _parsed(printed)


def _parsed(printed: bytes) -> Iterator[tuple[str, str]]:
    commit = ""
    parts = iter(printed.split(b"\0"))
    for part in parts:
        if part.startswith(b":"):
            # `:MODE MODE ID ID STATUS`; of a merge one colon, mode and id more for each further parent
            path = next(parts, b"").decode("utf-8", "surrogateescape")
            yield part.split(b" ")[-2].decode(), f"{commit}:{path}"
        elif part:
            commit = part.decode()


def _staged(repository: Repository) -> Iterator[tuple[str, str]]:
    if repository.run("rev-parse", "--is-bare-repository").strip() == b"true":
        return
    for entry in repository.run("ls-files", "--stage", "-z", "--full-name", ":/").split(b"\0"):
        if entry:
            about, _, path = entry.partition(b"\t")
            yield about.split(b" ")[1].decode(), f":{path.decode('utf-8', 'surrogateescape')}"
