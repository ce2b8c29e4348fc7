"""UTF-16, as editors and PowerShell write it, with and without a byte order mark."""

import codecs
from collections.abc import Iterator

from harden_secrets.budget import Meter
from harden_secrets.unwrap.part import Part

_HEAD = 64


def from_utf16(content: bytes, meter: Meter) -> Iterator[Part]:
    """The same text in UTF-8, if it is UTF-16."""
    which = _order(content)
    if which and meter.room(len(content)) >= len(content):
        text = content.decode(which, "replace").removeprefix("\ufeff")
        out = text.encode("utf-8", "replace")
        meter.take_layer(len(out))
        yield Part(which, out, 0, len(content))


def _order(content: bytes) -> str:
    """``utf-16-le`` or ``utf-16-be``; nothing for anything else."""
    if content.startswith(codecs.BOM_UTF16_LE) and len(content) > 2:
        return "utf-16-le"
    if content.startswith(codecs.BOM_UTF16_BE) and len(content) > 2:
        return "utf-16-be"
    head = content[:_HEAD]
    even, odd = head[::2], head[1::2]
    if len(head) >= 16 and not any(odd) and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in even):
        return "utf-16-le"
    if len(head) >= 16 and not any(even) and all(32 <= byte < 127 or byte in b"\t\r\n" for byte in odd):
        return "utf-16-be"
    return ""
