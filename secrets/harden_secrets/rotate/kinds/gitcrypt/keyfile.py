"""Key files of git-crypt as values (its ``key.cpp``). Pure.

Since 0.4: ``00 "GITCRYPTKEY"``, the format's version, header fields, then entries, each of fields; all integers are
four bytes, the most significant first. Before that: an AES key and an HMAC key, 96 bytes with nothing around them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harden_secrets.confidential import Confidential
from harden_secrets.detect.gitcrypt import MAGIC
from harden_secrets.rotate.kinds.gitcrypt.blobs import AES_BYTES, HMAC_BYTES, BlobKey

KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_FORMAT = 2
_END, _NAME = 0, 1
_VERSION, _AES, _HMAC = 1, 3, 5
_LONGEST_FIELD = 1 << 20
LEGACY = AES_BYTES + HMAC_BYTES


class KeyFileError(ValueError):
    """The bytes are no key file that git-crypt takes; says why, and nothing of what is in them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a key. ``extra``: fields that git-crypt skips (even numbers), as they were."""

    version: int
    key: BlobKey
    extra: Mapping[int, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A whole key file. ``name`` is empty for the default key. ``legacy``: it was in the format before 0.4."""

    entries: tuple[Entry, ...]
    name: str = ""
    legacy: bool = False
    extra: Mapping[int, bytes] = field(default_factory=dict, repr=False)

    @property
    def keys(self) -> tuple[BlobKey, ...]:
        """The keys of all versions, in the file's order: the newest first."""
        return tuple(entry.key for entry in self.entries)

    @property
    def key(self) -> BlobKey:
        """The key of version 0, the only one with which git-crypt reads (``commands.cpp``, ``smudge``)."""
        for entry in self.entries:
            if entry.version == 0:
                return entry.key
        raise KeyFileError("it has no key of version 0, which is the only one that git-crypt reads with")

    @property
    def folder(self) -> str:
        """What git-crypt calls the key in ``.git/git-crypt/keys`` and ``.git-crypt/keys``."""
        return self.name or "default"

    @property
    def driver(self) -> str:
        """The name of its filter and diff drivers in ``.gitattributes``."""
        return f"git-crypt-{self.name}" if self.name else "git-crypt"


def single(key: BlobKey, name: str = "") -> KeyFile:
    """What ``git-crypt init`` makes: one entry, version 0."""
    return KeyFile((Entry(0, key),), name)


def parse(content: Confidential) -> KeyFile:
    """The key file that those bytes are. Raises KeyFileError."""
    octets = content.reveal()
    if octets.startswith(MAGIC):
        return _parsed(octets)
    if len(octets) == LEGACY:
        return KeyFile((Entry(0, _blob_key(octets[:AES_BYTES], octets[AES_BYTES:])),), legacy=True)
    raise KeyFileError("it does not begin as a key file of git-crypt does")


def serialise(file: KeyFile) -> Confidential:
    """The file in the format since 0.4, byte for byte what git-crypt writes for it; ``parse`` is its reverse."""
    header = {_NAME: file.name.encode()} if file.name else {}
    parts = [MAGIC, _number(_FORMAT), _section({**header, **file.extra})]
    for entry in file.entries:
        known = {_VERSION: _number(entry.version), _AES: entry.key.aes.reveal(), _HMAC: entry.key.hmac.reveal()}
        parts.append(_section({**known, **entry.extra}))
    return Confidential(b"".join(parts))


class _Reading:
    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = len(MAGIC)

    @property
    def finished(self) -> bool:
        return self._at == len(self._octets)

    def number(self) -> int:
        return int.from_bytes(self.octets(4), "big")

    def octets(self, size: int) -> bytes:
        value = self._octets[self._at : self._at + size]
        if len(value) < size:
            raise KeyFileError("it is cut off")
        self._at += size
        return value

    def section(self, known: Mapping[int, int]) -> dict[int, bytes]:
        """Fields up to the end of the section; ``known`` are those that may be there and the longest they may be."""
        fields: dict[int, bytes] = {}
        while (number := self.number()) != _END:
            size = self.number()
            if number not in known and number % 2:
                raise KeyFileError("it has a field that git-crypt does not know and must not skip")
            if number in fields:
                raise KeyFileError("it has a field twice")
            if size > known.get(number, _LONGEST_FIELD):
                raise KeyFileError("it has a field that is longer than git-crypt allows")
            fields[number] = self.octets(size)
        return fields


def _parsed(octets: bytes) -> KeyFile:
    reading = _Reading(octets)
    if reading.number() != _FORMAT:
        raise KeyFileError("its format is newer than this program knows")
    header = reading.section({_NAME: 128})
    entries: list[Entry] = []
    while not reading.finished:
        fields = reading.section({_VERSION: 4, _AES: AES_BYTES, _HMAC: HMAC_BYTES})
        entries.append(_entry(fields))
    if not entries:
        raise KeyFileError("it holds no key")
    if len({entry.version for entry in entries}) != len(entries):
        raise KeyFileError("it has two keys of one version")
    return KeyFile(tuple(entries), _name(header.pop(_NAME, None)), extra=header)


def _entry(fields: dict[int, bytes]) -> Entry:
    version = fields.pop(_VERSION, b"")
    if len(version) != 4:
        raise KeyFileError("it has a key without a version")
    key = _blob_key(fields.pop(_AES, b""), fields.pop(_HMAC, b""))
    return Entry(int.from_bytes(version, "big"), key, fields)


def _blob_key(aes: bytes, hmac: bytes) -> BlobKey:
    if len(aes) != AES_BYTES or len(hmac) != HMAC_BYTES:
        raise KeyFileError("it has keys of the wrong length")
    return BlobKey(Confidential(aes), Confidential(hmac))


def _name(octets: bytes | None) -> str:
    if octets is None:
        return ""
    name = octets.decode("latin-1")
    if KEY_NAME.fullmatch(name) is None or name == "default":
        raise KeyFileError("its name is none that git-crypt takes")
    return name


def _section(fields: Mapping[int, bytes]) -> bytes:
    parts = [_number(number) + _number(len(value)) + value for number, value in fields.items()]
    return b"".join((*parts, _number(_END)))


def _number(value: int) -> bytes:
    return value.to_bytes(4, "big")
