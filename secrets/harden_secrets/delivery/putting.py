"""Bring an object of ours into being, or up to date; never write over what is somebody else's."""

from enum import StrEnum
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.marks import is_ours
from harden_secrets.cluster.port import Cluster, ConflictError, Manifest, ObjectName

_ATTEMPTS = 5


class Change(StrEnum):
    """What had to be done."""

    NONE = "up to date"
    CREATED = "created"
    UPDATED = "updated"


def put(cluster: Cluster, manifest: Manifest, *, dry_run: bool = False) -> Change:
    """Make the object so. Raises HardenError where one of its name is there that harden did not make."""
    name = ObjectName.of(manifest)
    now = cluster.get(name)
    if now is None:
        cluster.create(manifest, dry_run=dry_run)
        return Change.CREATED
    if not is_ours(now):
        raise HardenError(
            f"{name} is there already and harden did not make it",
            "nothing was overwritten; remove or rename it, or have it delivered under another name",
        )
    if all(_covers(now.get(part), manifest[part]) for part in manifest if part != "data") and _same_data(now, manifest):
        return Change.NONE
    if now.get("type") != manifest.get("type"):
        raise HardenError(
            f"{name} is of type {now.get('type')}, not {manifest.get('type')}, and no Secret can change its type",
            "delete it, then run this again: it is made anew from Vault",
        )
    cluster.replace(brought(now, manifest), dry_run=dry_run)
    return Change.UPDATED


def put_through(cluster: Cluster, manifest: Manifest) -> Change:
    """The same, looked at anew each time somebody else was faster. Raises HardenError, ConflictError in the end."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return put(cluster, manifest)
        except ConflictError:
            continue
    try:
        return put(cluster, manifest)
    except ConflictError as error:
        raise ConflictError(error.messages, "see who changes it all the time, then run this again") from None


def brought(now: Manifest, manifest: Manifest) -> Manifest:
    """The manifest as an update of the object that is there; labels and annotations of others stay."""
    old, new = now["metadata"], manifest["metadata"]
    both = {part: {**(old.get(part) or {}), **(new.get(part) or {})} for part in ("labels", "annotations")}
    return {**manifest, "metadata": {**old, **new, **both, "resourceVersion": old["resourceVersion"]}}


def _same_data(now: Manifest, manifest: Manifest) -> bool:
    return (now.get("data") or {}) == (manifest.get("data") or {})


def _covers(now: Any, wanted: Any) -> bool:
    """Whether what is there says all that is wanted; the server may have filled in more."""
    if isinstance(wanted, dict):
        return isinstance(now, dict) and all(key in now and _covers(now[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list | tuple):
        return isinstance(now, list) and len(now) == len(wanted) and all(map(_covers, now, wanted))
    return bool(now == wanted)
