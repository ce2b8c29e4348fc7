"""Bytes as text of the same length, so that a parser's positions are offsets in the bytes, whatever these hold.

ASCII stands for itself, every other byte for a private character that no parser objects to. Back again, a private
character is its byte and anything else (what an escape sequence made) is UTF-8.
"""

import codecs
import re

_BASE = 0xF700
_PLAIN = b"\t\n\r" + bytes(range(0x20, 0x7F))
_TABLE = "".join(chr(byte) if byte in _PLAIN else chr(_BASE + byte) for byte in range(256))
_PRIVATE = re.compile("[\uf700-\uf7ff]")


def as_text(content: bytes) -> str:
    """One character for every byte."""
    return codecs.charmap_decode(content, "strict", _TABLE)[0]


def as_bytes(text: str) -> bytes:
    """The bytes that a piece of such a text stands for."""
    if text.isascii():
        return text.encode("ascii")
    return b"".join(
        bytes((ord(character) - _BASE,)) if _PRIVATE.match(character) else character.encode("utf-8", "surrogatepass")
        for character in text
    )


def hidden(text: str) -> str:
    """The same text with every ASCII character that means something to a parser made private."""
    return "".join(
        character if character.isalnum() or ord(character) >= _BASE else chr(_BASE + ord(character))
        for character in text
    )
