"""Whether the world is still the one that a plan was made for."""

import os
from pathlib import Path

from harden.errors import HardenError
from harden_secrets.cluster.port import Cluster
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan.digest import digest, file_digest
from harden_secrets.plan.values import Plan, SeenFile, SeenObject


def check_unchanged(plan: Plan, cluster: Cluster | None, fingerprints: Fingerprinter) -> None:
    """Raises HardenError that names everything that is not as the plan saw it."""
    wrong = [words for one in plan.files if (words := _file_change(one, fingerprints))]
    if cluster is not None:
        wrong += [words for one in plan.objects if (words := _object_change(one, cluster, fingerprints))]
    if wrong:
        raise HardenError(wrong, "nothing was changed; make the plan anew: harden secrets plan")


def check_writable(path: Path) -> None:
    """Raises HardenError where a file could not be written in the end: better to know before anything is changed."""
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK)) or path.is_dir():
        raise HardenError(
            f"{path}: cannot be written, and what is moved has to be entered there",
            "name an inventory that you may write, with --inventory FILE or HARDEN_INVENTORY",
        )


def _object_change(seen: SeenObject, cluster: Cluster, fingerprints: Fingerprinter) -> str:
    now = cluster.get(seen.object)
    if now is None:
        return f"{seen.object} is gone since the plan was made"
    if now["metadata"].get("uid", "") != seen.uid:
        return f"{seen.object} is another object since the plan was made"
    return f"{seen.object} was changed since the plan was made" if digest(now, fingerprints) != seen.digest else ""


def _file_change(seen: SeenFile, fingerprints: Fingerprinter) -> str:
    try:
        now = Path(seen.path).read_bytes()
    except OSError as error:
        return f"{seen.path}: cannot be read since the plan was made: {error.strerror}"
    return f"{seen.path}: was changed since the plan was made" if file_digest(now, fingerprints) != seen.digest else ""
