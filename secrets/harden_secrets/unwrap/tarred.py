"""tar archives: old, ustar (POSIX.1-1988), GNU and pax, read from memory.

A reader of our own, as the standard library's goes round in circles on negative sizes and searches pax headers in
quadratic time, up to releases that distributions still ship (CVE-2025-8194, CVE-2024-6232).
"""

from collections.abc import Iterator

from harden_secrets.budget import Meter
from harden_secrets.unwrap.part import Part

_BLOCK = 512
_REGULAR = b"\0" + b"07"
_LONG_NAME, _PAX = b"L", b"x"
_NAME_LENGTH = 4096


def looks_like_tar(content: bytes) -> bool:
    """Whether this begins with a header whose checksum is right."""
    return len(content) >= _BLOCK and content[257:262] in (b"ustar", b"\0" * 5) and _checked(content[:_BLOCK])


def untarred(content: bytes, meter: Meter) -> Iterator[Part]:
    """The regular files of an archive; a link or device has no content of its own."""
    if not looks_like_tar(content):
        return
    position, given = 0, b""
    while position + _BLOCK <= len(content):
        header = content[position : position + _BLOCK]
        if not _checked(header):
            return
        start, size = position + _BLOCK, _number(header[124:136])
        end = min(start + size, len(content))
        kind = header[156:157]
        if kind == _LONG_NAME:
            given = content[start:end][:_NAME_LENGTH].rstrip(b"\0")
        elif kind == _PAX:
            given = _pax_path(content[start:end]) or given
        else:
            if kind in _REGULAR and end > start:
                if meter.room(end - start) < end - start:
                    yield Part("tar", b"", 0, len(content), missed="tar holds more than is looked at", bomb=True)
                    return
                meter.take_layer(end - start)
                yield Part("tar", content[start:end], 0, len(content), name=_text(given or _name(header)))
            given = b""
        position = start + -(-size // _BLOCK) * _BLOCK


def _checked(header: bytes) -> bool:
    """Whether the sum of its bytes is what it says, counting the sum's own field as spaces."""
    stated = _number(header[148:156])
    return stated > 0 and stated == sum(header) - sum(header[148:156]) + 8 * 0x20


def _number(field: bytes) -> int:
    """Octal digits, or GNU's base 256; 0 for anything else."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:])
    digits = field.strip(b" \0")
    return int(digits, 8) if digits and not digits.strip(b"01234567") else 0


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0", 1)[0]
    prefix = header[345:500].split(b"\0", 1)[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _pax_path(records: bytes) -> bytes:
    """The value of ``path`` among ``LENGTH KEY=VALUE`` records."""
    position = 0
    while position < len(records):
        length = records[position : position + 20].split(b" ", 1)[0]
        if not length.isdigit() or int(length) < 1:
            return b""
        record = records[position + len(length) + 1 : position + int(length)]
        key, _, value = record.partition(b"=")
        if key == b"path":
            return value.rstrip(b"\n")[:_NAME_LENGTH]
        position += int(length)
    return b""


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace").removeprefix("./")
