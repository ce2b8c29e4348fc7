"""What wraps a value, undone: encodings, compressions, archives. One module a wrapping; all pure and bounded."""

from collections.abc import Iterator

from harden_secrets.budget import Meter
from harden_secrets.material import Encoding, Signature
from harden_secrets.unwrap.base64text import from_base64, text_form
from harden_secrets.unwrap.clues import OPENINGS, Clues
from harden_secrets.unwrap.compressed import decompressed, kind
from harden_secrets.unwrap.escapes import from_escapes
from harden_secrets.unwrap.hexadecimal import array_form, from_hexadecimal
from harden_secrets.unwrap.part import Part
from harden_secrets.unwrap.percent import from_percent
from harden_secrets.unwrap.tarred import looks_like_tar, untarred
from harden_secrets.unwrap.utf16 import from_utf16
from harden_secrets.unwrap.zipped import ZIP, unzipped

__all__ = [
    "UNWRAP_SIGNATURES", "Clues", "Part", "archived", "from_base64", "from_escapes", "from_hexadecimal", "from_percent",
]  # fmt: skip


def _in_base64(pattern: bytes) -> Signature:
    return Signature(rb"(?:^|[^A-Za-z0-9+/_=-])" + pattern, literal=False, encoding=Encoding.BASE64)


# Where a wrapping begins in a file, for the first pass: what is in it shows only once it is undone.
UNWRAP_SIGNATURES = (
    Signature(rb"\A\x1f\x8b\x08", literal=False),
    _in_base64(rb"H4sI[A-Za-z0-9+/_-]{20}"),
    _in_base64(rb"SDRzS[A-Za-z0-9+/_-]{20}"),  # the same once more encoded
    Signature(b"\xfd7zXZ\x00"),
    Signature(rb"\A\x28\xb5\x2f\xfd", literal=False),
    _in_base64(rb"KLUv/[A-Za-z0-9+/_-]{20}"),
    Signature(rb"BZh[1-9]1AY&SY", literal=False),
    _in_base64(rb"QlpoO[A-Za-z0-9+/_-]{20}"),
    Signature(rb"\APK\x03\x04", literal=False),
    _in_base64(rb"UEsDB[A-Za-z0-9+/_-]{20}"),
    Signature(b"\x00ustar\x0000"),
    Signature(b"\x00ustar  \x00"),
    Signature(rb"\A\x78[\x01\x5e\x9c\xda]", literal=False),
    _in_base64(rb"(?:eJ[w-z]|eN[o-r]|eA[E-H]|eF[4-7])[A-Za-z0-9+/_-]{40}"),
    # UTF-16 with and without a mark, and in base64, as PowerShell takes commands
    Signature(rb"\A(?:\xff\xfe)?(?:[\t\r\n -~]\x00){8}", literal=False),
    Signature(rb"\A(?:\xfe\xff)?(?:\x00[\t\r\n -~]){8}", literal=False),
    Signature(
        rb"(?:[A-Za-z0-9+/][AQgw][AB][A-Za-z0-9+/]A[A-H][A-Za-z0-9+/]A){4}",
        literal=False,
        encoding=Encoding.BASE64,
        bare=True,
    ),
    # text in base64 or hexadecimal: many tokens have no bytes that would always be there to be recognised by
    Signature(text_form(), literal=False, encoding=Encoding.BASE64, bare=True),
    Signature(
        rb"(?:^|[^A-Za-z0-9])(?:[2-7][0-9a-f]){24}",
        literal=False,
        ignore_case=True,
        encoding=Encoding.HEXADECIMAL,
        bare=True,
    ),
    # numbers of a program's array that spell how a key begins
    *(
        Signature(array_form(opening), literal=False, ignore_case=True, encoding=Encoding.HEXADECIMAL)
        for opening in OPENINGS
    ),
)


def archived(content: bytes, meter: Meter) -> Iterator[Part]:
    """What the whole content is the compressed, archived or UTF-16 form of; nothing if it is none of these."""
    if kind(content):
        yield from decompressed(content, meter)
    elif content.startswith(ZIP):
        yield from unzipped(content, meter)
    elif looks_like_tar(content):
        yield from untarred(content, meter)
    else:
        yield from from_utf16(content, meter)
