"""How bytes lie in a KV store, whose values are JSON: base64 (RFC 4648, section 4) and a field that says so."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from harden.document.wording import quote
from harden_secrets.confidential import Confidential
from harden_secrets.vault.port import VaultError

MARKER = "harden_encoding"
BASE64 = "base64"


def encoded(fields: Mapping[str, Confidential]) -> dict[str, str]:
    """What is sent for ``fields``. Raises VaultError for no fields, an empty name, or the marker's own name."""
    if not fields:
        raise VaultError("there is nothing to store: a version needs at least one field")
    if "" in fields or MARKER in fields:
        raise VaultError(f"a field cannot be called {quote(MARKER if MARKER in fields else '')}")
    texts = {name: base64.b64encode(value.reveal()).decode("ascii") for name, value in fields.items()}
    return {**texts, MARKER: BASE64}


def decoded(data: Mapping[str, Any], where: str) -> dict[str, Confidential]:
    """The bytes of each field of a version that was read; ``where`` is its path, for messages.

    Without the marker somebody else wrote it: texts are their UTF-8 bytes, other JSON values their JSON. Raises
    VaultError, which shows no value, where the marker says what we do not know or a field is not as it says.
    """
    if MARKER not in data:
        return {name: Confidential(_foreign(value)) for name, value in data.items()}
    if data[MARKER] != BASE64:
        raise VaultError(f"{where}: its {MARKER} is not {BASE64}", "a newer harden wrote it: use that one")
    return {name: _bytes(name, text, where) for name, text in data.items() if name != MARKER}


def _foreign(value: object) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _bytes(name: str, text: object, where: str) -> Confidential:
    value = _decoded(text) if isinstance(text, str) else None
    if value is None:
        hint = f"somebody changed it by hand: store it as base64, or the whole version without {MARKER}"
        raise VaultError(f"{where}: the field {quote(name)} is not the base64 that {MARKER} promises", hint)
    return value


def _decoded(text: str) -> Confidential | None:
    try:
        return Confidential(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return None
