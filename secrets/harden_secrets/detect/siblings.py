"""What stands beside a value in the same mapping, as bytes, whether it is written plainly or in base64."""

import base64
import binascii
from collections.abc import Iterator

from harden_secrets.material import Surroundings

_LONGEST = 20_000  # bytes: what is longer is no name, identifier or number


def sibling_texts(surroundings: Surroundings) -> Iterator[tuple[str, bytes]]:
    """The names and values beside it. In the ``data`` of a Secret both the base64 text and what it stands for."""
    for name, text in surroundings.siblings.items():
        value = text.encode("utf-8", "surrogateescape")
        yield name, value
        decoded = plain_text(value)
        if decoded is not None:
            yield name, decoded


def sibling(surroundings: Surroundings, name: str) -> bytes | None:
    """The value beside it of that name; decoded, where it is base64 of a text."""
    found = [value for key, value in sibling_texts(surroundings) if key == name]
    return found[-1] if found else None


def plain_text(value: bytes) -> bytes | None:
    """The text of which the value is the base64, if it is that; as in ``data`` of a Secret."""
    if len(value) > _LONGEST or len(value) % 4 or not value:
        return None
    try:
        decoded = base64.b64decode(value, validate=True)
    except binascii.Error:
        return None
    return decoded if decoded.isascii() and decoded.strip().decode().isprintable() else None
