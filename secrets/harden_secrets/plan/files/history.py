"""What of a file git keeps whatever becomes of it."""

import os
from collections.abc import Iterable, Iterator

from harden.errors import HardenError
from harden_secrets.sources.gitcommand import Repository

_SECONDS = 60


def histories(paths: Iterable[str]) -> Iterator[str]:
    """One line for each file that commits of a repository hold, with their number."""
    for path in paths:
        folder, name = os.path.split(path)
        try:
            listed = Repository(folder or ".").run(
                "log", "--all", "--format=%h", "--", f":(top,literal){_from_top(folder or '.', name)}", seconds=_SECONDS
            )
        except HardenError:
            continue  # no repository, or one without a commit: nothing keeps it
        count = len(listed.split())
        if count:
            yield f"git keeps {path} in {count} commit{'s' if count != 1 else ''}, and so does every clone"


def _from_top(folder: str, name: str) -> str:
    top = Repository(folder).run("rev-parse", "--show-prefix", seconds=_SECONDS)
    return os.fsdecode(top).rstrip("\n") + name
