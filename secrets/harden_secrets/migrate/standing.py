"""Where a run stands."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from harden.errors import HardenError
from harden_secrets.migrate.folder import RunFolder, run_ids
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


def moved_before(state: Path, vault_address: str, mount: str) -> Mapping[str, tuple[str, str]]:
    """Name and path in this Vault of every key that a finished run moved, by fingerprint; the latest run counts."""
    known: dict[str, tuple[str, str]] = {}
    for run_id in run_ids(state):
        folder = RunFolder(state, run_id)
        plan = folder.plan
        if standing(folder) != "done" or (plan.vault_address, plan.vault_mount) != (vault_address, mount):
            continue
        for secret in plan.secrets:
            prints = {secret.fingerprint, *(copy.fingerprint for copy in secret.copies)} - {""}
            known.update(dict.fromkeys(prints, (secret.name, secret.vault_path)))
    return known


def check_nothing_builds_on(folder: RunFolder, state: Path) -> None:
    """Raises HardenError where a later run that is not undone keeps a key at the same path in Vault.

    It found the key stored, and its Secrets delivered, and left both as they were: with this run undone its consumers
    would be without them, and where it took the last copy away, nobody would have the key.
    """
    plan = folder.plan
    ours = {(plan.vault_address, plan.vault_mount, one.vault_path) for one in plan.secrets}
    for run_id in (one for one in run_ids(state) if one > folder.id):
        later = RunFolder(state, run_id)
        other = later.plan
        shared = [one.name for one in other.secrets if (other.vault_address, other.vault_mount, one.vault_path) in ours]
        if shared and standing(later) != "undone":
            raise HardenError(
                f"run {run_id} came later and relies on what this one stored ({', '.join(shared)}): nothing was undone",
                f"undo that one first: harden secrets rollback {run_id}",
            )
