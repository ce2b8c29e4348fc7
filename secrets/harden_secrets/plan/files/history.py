"""What of a file git keeps whatever becomes of it."""

import os
from collections.abc import Iterable, Iterator

from harden.errors import HardenError
from harden_secrets.sources.gitcommand import Repository

_SECONDS = 60


def histories(paths: Iterable[str]) -> Iterator[str]:
    """One line for each file that commits of a repository hold, with their number, and for each that is staged."""
    for path in paths:
        folder, name = os.path.split(path)
        repository = Repository(folder or ".")
        try:
            top = repository.run("rev-parse", "--show-prefix", seconds=_SECONDS)
        except HardenError:
            continue  # no repository: nothing keeps it
        pathspec = f":(top,literal){os.fsdecode(top).rstrip(chr(10))}{name}"
        if count := _commits(repository, pathspec):
            yield f"git keeps {path} in {count} commit{'s' if count != 1 else ''}, and so does every clone"
        if _is_staged(repository, pathspec):
            yield f"git's index has {path} as it was staged; after `git add`, git's objects keep it until `git gc`"


def _commits(repository: Repository, pathspec: str) -> int:
    """How many commits changed it; none where the repository has none."""
    try:
        return len(repository.run("log", "--all", "--format=%h", "--", pathspec, seconds=_SECONDS).split())
    except HardenError:
        return 0


def _is_staged(repository: Repository, pathspec: str) -> bool:
    """Whether the index has another content for it than the last commit, or is the first to have it."""
    asked = ("diff", "--cached", "--name-only", "--diff-filter=d", "--no-ext-diff", "--no-textconv", "--", pathspec)
    try:
        return bool(repository.run(*asked, seconds=_SECONDS))
    except HardenError:
        return False  # a bare repository has no index
