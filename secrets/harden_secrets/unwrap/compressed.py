"""gzip, zlib, xz, bzip2 and zstd: one stream, or several one after the other, as far as the meter allows.

RFC 1952, RFC 1950, the .xz file format 1.1, RFC 8878. What is damaged gives what came before the damage.
"""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from harden_secrets.budget import Meter
from harden_secrets.unwrap.part import Part

_MEMORY = 64 << 20  # for the dictionary of xz or the window of zstd: no more than 64 MiB
_STREAMS = 1_000  # one after the other in one file
GZIP, XZ, ZSTD, BZIP2 = b"\x1f\x8b\x08", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"BZh"
_ZLIB_HEADERS = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


class _Decompressor(Protocol):
    """What the decompressors of bz2 and lzma have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


def kind(content: bytes) -> str:
    """Which compression this begins as, or nothing."""
    if content.startswith(GZIP):
        return "gzip"
    if content.startswith(XZ):
        return "xz"
    if content.startswith(ZSTD):
        return "zstd"
    if content.startswith(BZIP2) and content[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90"):
        return "bzip2"
    return "zlib" if content.startswith(_ZLIB_HEADERS) and len(content) > 10 else ""


def decompressed(content: bytes, meter: Meter) -> Iterator[Part]:
    """The content of a compressed file, if it is one."""
    which = kind(content)
    if not which:
        return
    room = meter.room(len(content))
    if which == "zstd":
        out, more = _zstd(content, room)
    else:
        out, more = _streams(content, _MAKERS[which], room)
    if not out and not more:
        return
    meter.take_layer(len(out))
    missed = f"{which} comes to more than {len(out)} bytes" if more else ""
    yield Part(which, out, 0, len(content), missed=missed, bomb=more)


class _Inflate:
    """zlib's decompressor with the interface of the others."""

    def __init__(self, window: int) -> None:
        self._inner = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        return self._inner.decompress(data, max_length)


_MAKERS: dict[str, Callable[[], _Decompressor]] = {
    "gzip": lambda: _Inflate(16 + zlib.MAX_WBITS),
    "zlib": lambda: _Inflate(zlib.MAX_WBITS),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY),
}
_DAMAGE = (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError, MemoryError)


def _streams(content: bytes, maker: Callable[[], _Decompressor], room: int) -> tuple[bytes, bool]:
    """What comes out, at most ``room`` bytes, and whether there is more."""
    out = bytearray()
    for _ in range(_STREAMS):
        stream = maker()
        try:
            out += stream.decompress(content, room - len(out) + 1)
        except _DAMAGE:
            out += _salvaged(content, maker(), room - len(out))
            break
        if len(out) > room:
            return bytes(out[:room]), True
        content = stream.unused_data.lstrip(b"\0")
        if not stream.eof or not content:
            break
    return bytes(out), False


def _salvaged(content: bytes, stream: _Decompressor, room: int) -> bytes:
    """What comes before the damage, a small piece at a time."""
    out = bytearray()
    step = max(64, len(content) // 256)
    try:
        for start in range(0, len(content), step):
            if len(out) >= room or stream.eof:
                break
            out += stream.decompress(content[start : start + step], room - len(out))
    except _DAMAGE:
        pass  # all there is
    return bytes(out)


def _zstd(content: bytes, room: int) -> tuple[bytes, bool]:
    import zstandard  # noqa: PLC0415 - only those who have such a file wait for it

    decompressor = zstandard.ZstdDecompressor(max_window_size=_MEMORY)
    out = bytearray()
    with decompressor.stream_reader(io.BytesIO(content), read_across_frames=True) as reader:
        try:
            while len(out) <= room and (chunk := reader.read(min(room - len(out) + 1, 1 << 20))):
                out += chunk
        except (zstandard.ZstdError, MemoryError):
            pass  # damaged: what came before it
    return bytes(out[:room]), len(out) > room
