"""zip archives, and what is one under another name: jar, whl, docx, apk. PKWARE's APPNOTE 6.3.10."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from lzma import LZMAError

from harden_secrets.budget import Meter
from harden_secrets.unwrap.part import Part

ZIP = b"PK\x03\x04"
_DAMAGE = (
    zipfile.BadZipFile, zlib.error, LZMAError, NotImplementedError, RuntimeError, OSError, EOFError, ValueError,
    IndexError, OverflowError, MemoryError,
)  # fmt: skip
_PROTECTED = 0x1


def unzipped(content: bytes, meter: Meter) -> Iterator[Part]:
    """The files of an archive. Those under a password, or damaged ones, are named as missed."""
    if not content.startswith(ZIP):
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _DAMAGE:
        yield Part("zip", b"", 0, len(content), missed="zip is damaged")
        return
    with archive:
        for member in archive.infolist():
            if member.filename.endswith("/") or not member.file_size:
                continue
            part = _member(archive, member, len(content), meter)
            yield part
            if part.bomb and not meter.room(1):
                return


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, size: int, meter: Meter) -> Part:
    if member.flag_bits & _PROTECTED:
        return Part("zip", b"", 0, size, name=member.filename, missed="a member of the zip is under a password")
    room = meter.room(max(1, member.compress_size))
    try:
        with archive.open(member) as file:
            out = file.read(room + 1) if room else b"\0"
    except _DAMAGE:
        return Part("zip", b"", 0, size, name=member.filename, missed="a member of the zip is damaged")
    meter.take_layer(min(len(out), room))
    more = len(out) > room
    missed = f"a member of the zip comes to more than {room} bytes" if more else ""
    return Part("zip", out[:room], 0, size, name=member.filename, missed=missed, bomb=more)
