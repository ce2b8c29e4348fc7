"""Keys of git-crypt (its ``key.cpp``): the format since 0.4, and the 96 bytes before it where a name says so."""

import re
from collections.abc import Iterator

from harden.printable import printable
from harden_secrets.confidential import Confidential
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

MAGIC = b"\0GITCRYPTKEY"
_FORMAT = 2
_AES, _HMAC, _LEGACY = 32, 64, 96
_FIELD_END, _HEADER_NAME = 0, 1
_VERSION, _AES_KEY, _HMAC_KEY = 1, 3, 5
_LONGEST_NAME = 1024  # git-crypt takes 128
_MOST_ENTRIES = 1024
_SAYS_SO = re.compile(r"(?i)git[-_.]?crypt")


class _NoKeyError(ValueError):
    """The bytes end, or hold what git-crypt does not write."""


class _Fields:
    """The numbered fields that a key file consists of: u32 number, u32 length, bytes."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content = content
        self.at = at

    def number(self) -> int:
        value = self.octets(4)
        return int.from_bytes(value, "big")

    def octets(self, size: int) -> bytes:
        value = self._content[self.at : self.at + size]
        if len(value) < size:
            raise _NoKeyError
        self.at += size
        return value

    def section(self, lengths: dict[int, range]) -> dict[int, bytes]:
        """The fields up to the one that ends them; those with other numbers or lengths are refused."""
        fields: dict[int, bytes] = {}
        while (name := self.number()) != _FIELD_END:
            size = self.number()
            if name in fields or size not in lengths.get(name, range(0)):
                raise _NoKeyError
            fields[name] = self.octets(size)
        return fields

    @property
    def finished(self) -> bool:
        """Whether no further entry begins here: the end, or bytes that are no number of a field."""
        return self._content[self.at : self.at + 4] not in {b"\0\0\0\x01", b"\0\0\0\x03", b"\0\0\0\x05"}


def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
    """One detection for each version of the key that a file holds, each over the whole file."""
    at = content.find(MAGIC)
    while at >= 0:
        yield from _key_file(content, at)
        at = content.find(MAGIC, at + 1)
    if _is_legacy(content, surroundings):
        yield Detection(Material.GIT_CRYPT_KEY, Confidential(content), 0, _LEGACY, "in the format before 0.4")


def _key_file(content: bytes, start: int) -> Iterator[Detection]:
    fields = _Fields(content, start + len(MAGIC))
    versions: list[tuple[int, bytes]] = []
    name, note = "", ""
    try:
        if fields.number() != _FORMAT:
            return
        header = fields.section({_HEADER_NAME: range(_LONGEST_NAME)})
        name = header.get(_HEADER_NAME, b"").decode("utf-8", "replace")
        while not fields.finished and len(versions) < _MOST_ENTRIES:
            versions.append(_entry(fields))
    except _NoKeyError:
        note = ", cut off"
    called = f'named key "{printable(name)}"' if name else "default key"
    for version, keys in versions:
        numbered = f", version {version}" if version or len(versions) > 1 else ""
        description = called + numbered + note
        yield Detection(Material.GIT_CRYPT_KEY, Confidential(keys), start, fields.at, description)


def _entry(fields: _Fields) -> tuple[int, bytes]:
    """The version and the AES and HMAC keys of one entry."""
    entry = fields.section({_VERSION: range(4, 5), _AES_KEY: range(_AES, _AES + 1), _HMAC_KEY: range(_HMAC, _HMAC + 1)})
    keys = entry.get(_AES_KEY, b"") + entry.get(_HMAC_KEY, b"")
    if len(keys) != _LEGACY or len(set(keys)) < 8:
        raise _NoKeyError
    return int.from_bytes(entry.get(_VERSION, b""), "big"), keys


def _is_legacy(content: bytes, surroundings: Surroundings) -> bool:
    """96 bytes that look random, where a name speaks of git-crypt."""
    if len(content) != _LEGACY or len(set(content)) < 48 or content.isascii():
        return False
    names = (surroundings.name, surroundings.file, *surroundings.siblings)
    return any(_SAYS_SO.search(name) for name in names)


DETECTOR = Detector(
    "git-crypt",
    (
        Signature(MAGIC),
        Signature(rb"git[-_.]?crypt", literal=False, ignore_case=True),
        Signature(rb"\A[\x00-\xff]{96}$", literal=False, encoded=False),
    ),
    detect,
)
