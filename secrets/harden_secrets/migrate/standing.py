"""Where a run stands."""

from typing import Literal

from harden_secrets.migrate.folder import RunFolder
from harden_secrets.migrate.journal import Journal

Standing = Literal["unfinished", "done", "being undone", "undone"]


def standing(folder: RunFolder) -> Standing:
    """Read from the journal, for which its key is not needed. Raises HardenError where that is damaged."""
    journal = Journal(folder.path, folder.id, None)
    if journal.going_back:
        return "undone" if journal.finished else "being undone"
    return "done" if journal.finished else "unfinished"
