"""How bytes look when something encodes the text that they stand in: what the first pass searches for besides them.

Only encodings that map bytes to bytes one after the other, so that a piece can be recognised from itself. Whatever
compresses is recognised by its own magic numbers instead.
"""

import base64
from collections.abc import Iterator
from urllib.parse import quote

from harden_secrets.material import Encoding

_SHORTEST = 4  # characters: with fewer, an encoded form would turn up in every image
_SHORTEST_TWICE = 6
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
# Before an incomplete group of base64 come the characters that also depend on what stands before the bytes.
_LEADING = (0, 2, 3)


def encoded_forms(plain: bytes) -> Iterator[tuple[Encoding, bytes]]:
    """Every form of ``plain`` in a text encoded once, or twice by base64, and what has to be undone to get it."""
    for once in _base64_forms(plain, _SHORTEST):
        yield Encoding.BASE64, once
        yield from ((Encoding.BASE64, twice) for twice in _base64_forms(once, _SHORTEST_TWICE))
    digits = plain.hex()
    escaped = "".join(f"\\x{byte:02x}" for byte in plain)
    yield from ((Encoding.HEXADECIMAL, text.encode()) for text in (digits, digits.upper(), escaped))
    for before in (False, True):
        yield Encoding.PLAIN, _interleaved(plain, before=before)
    percent = quote(plain, safe="").encode()
    yield from ((Encoding.PERCENT, text) for text in {percent, percent.replace(b"%20", b"+")} - {plain})


def _base64_forms(plain: bytes, shortest: int) -> Iterator[bytes]:
    """The characters that any base64 of a text holding ``plain`` contains, at the three places it can begin at."""
    for shift, leading in enumerate(_LEADING):
        whole = (shift + len(plain)) * 8 // 6
        characters = base64.b64encode(bytes(shift) + plain)[leading:whole]
        if len(characters) >= shortest:
            yield characters
            yield characters.translate(_URL_SAFE)


def _interleaved(plain: bytes, *, before: bool) -> bytes:
    """ASCII as UTF-16: a zero ``before`` each byte (big-endian) or after it. The outermost zeros are left out."""
    return (b"\0" if before else b"").join(plain[at : at + 1] + (b"" if before else b"\0") for at in range(len(plain)))
