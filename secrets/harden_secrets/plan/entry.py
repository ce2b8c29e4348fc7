"""Entries of objects as bytes. Pure."""

import base64
import binascii
from typing import Any

from harden.errors import HardenError
from harden_secrets import pointer as pointers
from harden_secrets.cluster.port import Manifest
from harden_secrets.confidential import Confidential

AGAIN = "make the plan anew: harden secrets plan"


def content(shown: Confidential, value: Confidential) -> Confidential:
    """The bytes behind an entry: decoded where the entry is exactly the base64 text of something with the key in it."""
    if value.reveal() in shown.reveal():
        return shown
    try:
        decoded = base64.b64decode(shown.reveal(), validate=True)
    except (binascii.Error, ValueError):
        return shown
    exact = base64.b64encode(decoded) == shown.reveal()
    return Confidential(decoded) if exact and value.reveal() in decoded else shown


def whole(manifest: Manifest, pointer: str) -> Confidential:
    """The exact bytes of a field as whoever mounts it sees them: base64 of `data` (Secret) and `binaryData` undone."""
    text = at(manifest, pointer)
    encoded = pointer.startswith("/binaryData/") or (manifest.get("kind") == "Secret" and pointer.startswith("/data/"))
    return Confidential(base64.b64decode(text) if encoded else str(text).encode())


def at(manifest: Manifest, pointer: str) -> Any:
    """What stands at a JSON pointer (RFC 6901). Raises HardenError where nothing does."""
    try:
        return pointers.at(manifest, pointer)
    except (LookupError, ValueError, TypeError):
        raise HardenError(f"{manifest.get('kind')} has nothing at {pointer}", AGAIN) from None
