"""Hexadecimal in a text: plain digits, wrapped as ``xxd -p`` does, ``\\x41\\x42``, ``0x41, 0x42``, ``41:42``."""

import re
from collections.abc import Callable, Iterator

from harden_secrets.budget import Meter
from harden_secrets.unwrap.clues import HEAD, Clues
from harden_secrets.unwrap.part import Part

_RUN = re.compile(
    rb"(?<![0-9A-Za-z])(?:"
    rb"(?:0x)?(?:[0-9a-f]{2}){16,}+(?:\r?\n[ \t]*(?:[0-9a-f]{2}){1,128}+(?![0-9a-z]))*+(?![0-9a-z])"
    rb"|(?:\\{1,4}x[0-9a-f]{2}){12,}+"
    rb"|(?:0x[0-9a-f]{2}[ \t\r\n]*,?[ \t\r\n]*){12,}+"
    rb"|[0-9a-f]{2}(?:[: ][0-9a-f]{2}){15,}+)",
    re.IGNORECASE,
)
_CLUTTER = bytes(set(range(256)) - set(b"0123456789abcdefABCDEF"))


def from_hexadecimal(content: bytes, clues: Clues, meter: Meter, skip: Callable[[int], int]) -> Iterator[Part]:
    """The runs of hexadecimal digits that are worth it. ``skip`` is as for base64."""
    position = 0
    while match := _RUN.search(content, position):
        start, end = match.span()
        position = end
        if skip(start) >= end or not clues.interesting(_decode(content[start : start + HEAD * 6])[:HEAD]):
            continue
        decoded = _decode(match[0])
        if meter.room(len(decoded)) < len(decoded):
            return
        meter.take_layer(len(decoded))
        yield Part("hex", decoded, start, end)


def array_form(plain: bytes) -> bytes:
    """A pattern for bytes as numbers of a list: ``0x2d, 0x2d``."""
    return rb"[\s,]{1,4}".join(b"0x%02x" % byte for byte in plain)


def _decode(run: bytes) -> bytes:
    digits = run.replace(b"0x", b"").replace(b"0X", b"").translate(None, _CLUTTER)
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode())
