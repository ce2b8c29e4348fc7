"""What wraps a value, undone: encodings, compressions, archives. One module a wrapping; all pure and bounded."""

from collections.abc import Callable, Iterator

from harden_secrets.budget import Meter
from harden_secrets.material import Signature
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

__all__ = ["UNWRAP_SIGNATURES", "Clues", "Part", "archived", "embedded"]

# Where a wrapping begins in a file, for the first pass: what is in it shows only once it is undone.
UNWRAP_SIGNATURES = (
    Signature(rb"\A\x1f\x8b\x08", literal=False),
    Signature(rb"(?:^|[^A-Za-z0-9+/_=-])H4sI[A-Za-z0-9+/_-]{20}", literal=False),
    Signature(rb"(?:^|[^A-Za-z0-9+/_=-])SDRzS[A-Za-z0-9+/_-]{20}", literal=False),  # the same once more encoded
    Signature(b"\xfd7zXZ\x00"),
    Signature(rb"\A\x28\xb5\x2f\xfd", literal=False),
    Signature(rb"(?:^|[^A-Za-z0-9+/_=-])KLUv/[A-Za-z0-9+/_-]{20}", literal=False),
    Signature(rb"BZh[1-9]1AY&SY", literal=False),
    Signature(rb"(?:^|[^A-Za-z0-9+/_=-])QlpoO[A-Za-z0-9+/_-]{20}", literal=False),
    Signature(rb"\APK\x03\x04", literal=False),
    Signature(rb"(?:^|[^A-Za-z0-9+/_=-])UEsDB[A-Za-z0-9+/_-]{20}", literal=False),
    Signature(b"\x00ustar\x0000"),
    Signature(b"\x00ustar  \x00"),
    Signature(rb"\A\x78[\x01\x5e\x9c\xda]", literal=False),
    Signature(rb"(?:^|[^A-Za-z0-9+/_=-])(?:eJ[w-z]|eN[o-r]|eA[E-H]|eF[4-7])[A-Za-z0-9+/_-]{40}", literal=False),
    # UTF-16 with and without a mark, and in base64, as PowerShell takes commands
    Signature(rb"\A(?:\xff\xfe)?(?:[\t\r\n -~]\x00){8}", literal=False),
    Signature(rb"\A(?:\xfe\xff)?(?:\x00[\t\r\n -~]){8}", literal=False),
    Signature(rb"(?:[A-Za-z0-9+/][AQgw][AB][A-Za-z0-9+/]A[A-H][A-Za-z0-9+/]A){4}", literal=False),
    # text in base64 or hexadecimal: many tokens have no bytes that would always be there to be recognised by
    Signature(text_form(), literal=False),
    Signature(rb"(?:^|[^A-Za-z0-9])(?:[2-7][0-9a-f]){24}", literal=False, ignore_case=True),
    # numbers of a program's array that spell how a key begins
    *(Signature(array_form(opening), literal=False, ignore_case=True) for opening in OPENINGS),
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


def embedded(content: bytes, clues: Clues, meter: Meter, skip: Callable[[int], int], *, forms: bool) -> Iterator[Part]:
    """What is encoded somewhere in a text.

    Parts of the text may be looked at elsewhere: ``skip`` gives the offset where the one ends that an offset lies in.
    ``forms`` says whether the base64 of a signature may stand in it (where that is not known, it may).
    """
    yield from from_base64(content, clues, meter, skip, forms=forms)
    yield from from_hexadecimal(content, clues, meter, skip)
    yield from from_percent(content, meter, skip)
    yield from from_escapes(content, meter, skip)
