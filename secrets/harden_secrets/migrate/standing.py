"""Where a run stands."""

from typing import Literal

from harden_secrets.migrate.folder import RunFolder
from harden_secrets.migrate.journal import Journal

Standing = Literal["unfinished", "done", "being undone", "undone"]


def standing(folder: RunFolder) -> Standing:
    """Read from the journal, for which its key is not needed. Raises HardenError where that is damaged.

    A run has come to its end when its key has left the folder as well.
    """
    journal = Journal(folder.path, folder.id, None)
    ended = journal.finished and folder.is_handed_over
    if journal.going_back:
        return "undone" if ended else "being undone"
    return "done" if ended else "unfinished"
