"""Key material that a plan can move: an entry of a ConfigMap or Secret, or a literal environment variable."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.examine import Sighting
from harden_secrets.material import Material
from harden_secrets.plan.entry import at, content, whole
from harden_secrets.pointer import tokens

_MOVED_PARTS = {"ConfigMap": ("data", "binaryData"), "Secret": ("data",)}
LITERAL = "env"


@dataclass(frozen=True, slots=True)
class Held:
    """One copy of a key. ``shown`` are the exact bytes of the entry, as who mounts it sees them.

    ``part`` is the part of the object (``data``, ``binaryData``, or ``env`` for a literal variable), ``key`` the
    entry's or variable's name.
    """

    object: ObjectName
    manifest: Manifest
    source: str
    part: str
    key: str
    pointer: str
    encodings: tuple[str, ...]
    material: Material
    description: str
    fingerprint: str
    value: Confidential
    shown: Confidential

    @property
    def content(self) -> Confidential:
        """What is kept in Vault for it: the entry's bytes, with one layer of base64 undone where that is all it is."""
        return content(self.shown, self.value)

    @property
    def is_literal(self) -> bool:
        """Whether it is a literal variable, which its consumer's change takes away."""
        return self.part == LITERAL


def held(source: str, manifest: Manifest, seen: Sighting, fingerprint: str) -> Held | None:
    """What was seen, if it stands where a plan can move it from."""
    if seen.object is None:
        return None
    place = _place(manifest, seen.object.field)
    if place is None:
        return None
    part, key = place
    pointer = seen.object.field
    shown = Confidential(str(at(manifest, pointer)).encode()) if part == LITERAL else whole(manifest, pointer)
    found = seen.detection
    return Held(
        ObjectName.of(manifest), manifest, source, part, key, pointer, seen.encodings,
        found.material, found.description, fingerprint, seen.value, shown,
    )  # fmt: skip


def moves_as_a_whole(manifest: Mapping[str, Any]) -> bool:
    """Whether all entries of an object go where one goes: a Secret's, and those of a ConfigMap that is `immutable`.

    An entry could be taken out of that only by deleting it and making another, and for a moment none would be there.
    """
    return manifest.get("kind") == "Secret" or (manifest.get("kind") == "ConfigMap" and bool(manifest.get("immutable")))


def _place(manifest: Mapping[str, Any], pointer: str) -> tuple[str, str] | None:
    """The part and name of an entry that can be moved, or None."""
    parts = tokens(pointer)
    if manifest.get("apiVersion") == "v1" and len(parts) == 2 and parts[0] in _MOVED_PARTS.get(manifest["kind"], ()):
        return parts[0], parts[1]
    if len(parts) > 3 and parts[-1] == "value" and parts[-3] == "env":
        entry = at(dict(manifest), pointer.rpartition("/")[0])
        return LITERAL, str(entry.get("name", ""))
    return None
