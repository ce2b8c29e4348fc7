"""An object with an entry taken out of it, and whether what goes is all known. Pure."""

import base64
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from harden_secrets.cluster.port import Manifest
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine_object
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.migrate.performers.lastapplied import LAST_APPLIED, forgotten
from harden_secrets.plan.entry import whole
from harden_secrets.plan.values import Copy

__all__ = ["LAST_APPLIED", "entry", "holds_key", "part_of", "strangers", "without"]


def part_of(copy: Copy) -> str:
    """``data`` or ``binaryData``."""
    return copy.pointer.split("/")[1]


def entry(manifest: Manifest, copy: Copy) -> Any:
    """What stands in the object for the copy; None where it is gone."""
    return (manifest.get(part_of(copy)) or {}).get(copy.key)


def without(manifest: Manifest, copy: Copy) -> Manifest:
    """The object without the entry, nor with it in the annotation where kubectl keeps what was applied last."""
    made = deepcopy(manifest)
    part = part_of(copy)
    del made[part][copy.key]
    if not made[part]:
        del made[part]
    annotations = made["metadata"].get("annotations") or {}
    if LAST_APPLIED in annotations:
        remembered = forgotten(annotations[LAST_APPLIED], part, copy.key)
        if remembered is None:
            del annotations[LAST_APPLIED]
        else:
            annotations[LAST_APPLIED] = remembered
    return made


def strangers(
    manifest: Manifest,
    copy: Copy,
    stored: Mapping[str, Confidential],
    fingerprint: str,
    fingerprints: Fingerprinter,
) -> list[str]:
    """The entries that would go with the copy and that Vault does not have: pointers, without values."""
    parts = ("data", "binaryData") if copy.removal == "delete-object" else ()
    pointers = {f"/{part}/{key}" for part in parts for key in manifest.get(part) or {}} | {copy.pointer}
    unknown = {one for one in pointers if not _is_stored(whole(manifest, one), stored)}
    if copy.pointer in unknown and holds_key(manifest, copy.pointer, fingerprint, fingerprints):
        unknown.discard(copy.pointer)  # in a wrapping that nobody used
    return sorted(unknown)


def _is_stored(shown: Confidential, stored: Mapping[str, Confidential]) -> bool:
    return any(shown in (value, Confidential(base64.b64encode(value.reveal()))) for value in stored.values())


def holds_key(manifest: Manifest, pointer: str, fingerprint: str, fingerprints: Fingerprinter) -> bool:
    """Whether the key of that fingerprint stands at a pointer of the object, in whatever wrapping."""
    return any(
        isinstance(seen, Sighting)
        and seen.object is not None
        and seen.object.field == pointer
        and fingerprints.of(seen.detection) == fingerprint
        for seen in examine_object(manifest, DETECTORS)
    )
