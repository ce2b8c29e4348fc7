"""Secret keys of OpenPGP, armoured and binary.

Public keys and messages are none, nor is a key whose secret is on a card or was taken out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harden_secrets.confidential import Confidential
from harden_secrets.detect.armour import armours, base64_text
from harden_secrets.detect.pgppacket import (
    PUBLIC_KEY,
    PUBLIC_SUBKEY,
    SECRET_KEY,
    SECRET_SUBKEY,
    KeyPacket,
    Packet,
    Secret,
    key_packet,
    packets,
)
from harden_secrets.detect.recognised import Recognised
from harden_secrets.material import PAIR, Detection, Detector, Encoding, Material, Signature, Surroundings

_SECRET_BLOCK = re.compile(rb"-----BEGIN (PGP PRIVATE KEY BLOCK)-----")
_PUBLIC_BLOCK = re.compile(rb"-----BEGIN (PGP PUBLIC KEY BLOCK)-----")
_HEADERS = re.compile(rb"\s*(?:(?:Version|Comment|MessageID|Hash|Charset)(?:: ?[^\n]*)\n\s*)+")
_CHECKSUM = re.compile(rb"\s=[A-Za-z0-9+/]{4}\s*\Z")
_FIRST_OCTETS = b"\x94\x95\x96\xc5"


@dataclass(frozen=True, slots=True)
class _Transferable:
    """A primary key with its subkeys, and where in the bytes they are."""

    primary: KeyPacket
    subkeys: tuple[KeyPacket, ...]
    start: int
    end: int


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """One detection for each primary key, whatever the number of its subkeys."""
    for armour in armours(content, _SECRET_BLOCK):
        for key in _transferable(_armoured(armour.text())):
            yield from _detection(key, armour.start, armour.end)
    if content[:1] and content[0] in _FIRST_OCTETS:
        for key in _transferable(content):
            yield from _detection(key, key.start, key.end)


def public_keys(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Public halves in armour: (DER SubjectPublicKeyInfo, start, end) of each primary key."""
    for armour in armours(content, _PUBLIC_BLOCK):
        for packet in packets(_armoured(armour.text())):
            key = key_packet(packet) if packet.tag == PUBLIC_KEY else None
            if key is not None and key.public is not None:
                yield key.public, armour.start, armour.end


def _armoured(text: bytes) -> bytes:
    headers = _HEADERS.match(text)
    return base64_text(_CHECKSUM.sub(b"", text[headers.end() if headers else 0 :]))[0]


def _transferable(data: bytes) -> Iterator[_Transferable]:
    """The keys that begin with a secret primary key."""
    primary: KeyPacket | None = None
    subkeys: list[KeyPacket] = []
    start = end = 0
    for packet in packets(data):
        if packet.tag in {SECRET_KEY, PUBLIC_KEY}:
            if primary is not None:
                yield _Transferable(primary, tuple(subkeys), start, end)
            primary, subkeys, start = key_packet(packet), [], end
            if primary is None:
                return
        elif packet.tag in {SECRET_SUBKEY, PUBLIC_SUBKEY}:
            subkeys.extend(_whole(packet))
        elif primary is None:
            return  # not a key: bytes that happened to begin like one
        end = packet.end
    if primary is not None:
        yield _Transferable(primary, tuple(subkeys), start, end)


def _whole(packet: Packet) -> Iterator[KeyPacket]:
    key = key_packet(packet)
    if key is not None:
        yield key


def _detection(key: _Transferable, start: int, end: int) -> Iterator[Detection]:
    states = [one.secret for one in (key.primary, *key.subkeys) if one.secret is not Secret.ABSENT]
    if not states:
        return
    primary = key.primary
    description = primary.name + (", only subkeys are secret" if primary.secret is Secret.ABSENT else "")
    found = Recognised(
        Confidential(primary.public or primary.public_part),
        description,
        protected=Secret.PLAIN not in states,
        public=primary.public,
        family=PAIR if primary.public else "",
    )
    yield found.detection(Material.PGP_PRIVATE_KEY, start, end)


# Binary: tag 5, a length of one, two or five octets, version 4, a time from 1995 on, an algorithm.
_BINARY = (
    rb"\A(?:\x94[\x00-\xff]|\x95[\x00-\xff]{2}|\xc5[\x00-\xff]{1,5})\x04[\x30-\x7f][\x00-\xff]{3}[\x01\x11\x13\x16]"
)
# The same in base64, where the first four octets and the algorithm show in these signs; short ones are Ed25519 with
# the object identifier of its curve.
_BASE64 = (
    rb"l[Q-T][A-Za-z0-9+/]{2}B[D-H][A-Za-z0-9+/]{5}[BRTW]",
    rb"l[A-P][AEIMQUYcgkosw048]E[M-f][A-Za-z0-9+/]{4}[BRhx]YJKwYBBAHaRw8B",
)
DETECTOR = Detector(
    "pgp",
    (
        Signature(b"PRIVATE KEY BLOCK-----"),
        Signature(_BINARY, literal=False, encoded=False),
        *(Signature(pattern, literal=False, encoded=False, encoding=Encoding.BASE64) for pattern in _BASE64),
    ),
    detect,
)
