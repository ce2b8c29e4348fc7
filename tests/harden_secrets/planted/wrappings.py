"""Wrappings that go around anything, each with the name that a finding has for it."""

import base64
import bz2
import gzip
import io
import lzma
import tarfile
import textwrap
import zipfile
import zlib
from collections.abc import Callable
from urllib.parse import quote

import zstandard


def _lines(content: bytes) -> bytes:
    return b"\r\n".join(row.encode() for row in textwrap.wrap(base64.b64encode(content).decode(), 64))


def _url_safe(content: bytes) -> bytes:
    return base64.b64encode(content).rstrip(b"=")


def _tar(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
        member = tarfile.TarInfo("d/" + "e" * 120)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def _zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("f", content)
    return out.getvalue()


def _percent(content: bytes) -> bytes:
    return quote(content, safe="").encode()


WRAPPINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "base64": ("base64", base64.b64encode),
    "base64 in lines": ("base64", _lines),
    "base64 without padding": ("base64", _url_safe),
    "hexadecimal": ("hex", lambda content: content.hex().encode()),
    "hexadecimal in lines": ("hex", lambda content: "\n".join(textwrap.wrap(content.hex(), 60)).encode()),
    "escapes": ("hex", lambda content: b"".join(b"\\x%02x" % byte for byte in content)),
    "percent": ("percent", _percent),
    "gzip": ("gzip", gzip.compress),
    "zlib": ("zlib", zlib.compress),
    "xz": ("xz", lzma.compress),
    "bzip2": ("bzip2", bz2.compress),
    "zstd": ("zstd", zstandard.compress),
    "tar": ("tar:d/" + "e" * 120, _tar),
    "zip": ("zip:f", _zip),
}
