"""Packets of OpenPGP (RFC 9580, RFC 4880) as far as keys go: who they are, in what state their secret is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from harden_secrets.detect import der, pair

PUBLIC_KEY, SECRET_KEY, PUBLIC_SUBKEY, SECRET_SUBKEY = 6, 5, 14, 7
_LONGEST = 1 << 20
_MOST_PACKETS = 10_000
_RSA, _ELGAMAL, _DSA, _ECDH, _ECDSA, _EDDSA = {1, 2, 3}, {16, 20}, 17, 18, 19, 22
_RAW = {25: "x25519", 26: "x448", 27: "ed25519", 28: "ed448"}
# OpenPGP's own object identifiers for curves that have others elsewhere (RFC 9580, 9.2).
_OWN_CURVES = {"1.3.6.1.4.1.11591.15.1": "ed25519", "1.3.6.1.4.1.3029.1.5.1": "x25519"}


class NoPacketError(ValueError):
    """The bytes are no packet of OpenPGP, or end within one."""


class Secret(Enum):
    """What there is of the secret half."""

    PLAIN = "plain"
    LOCKED = "locked"
    ABSENT = "absent"  # on a card, or taken out on purpose


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet: its tag, what it holds, where it ends."""

    tag: int
    body: bytes = field(repr=False)
    end: int


@dataclass(frozen=True, slots=True)
class KeyPacket:
    """A key: what to call it, its public half as DER SubjectPublicKeyInfo (None where that has no form for it)."""

    name: str
    public: bytes | None
    public_part: bytes
    secret: Secret


def packets(data: bytes, at: int = 0) -> Iterator[Packet]:
    """Packet after packet until the end, or until something that is none."""
    for _ in range(_MOST_PACKETS):
        try:
            packet = _packet(data, at)
        except NoPacketError:
            return
        yield packet
        at = packet.end


def _packet(data: bytes, at: int) -> Packet:
    header = _slice(data, at, 2)
    if not header[0] & 0x80:
        raise NoPacketError
    if header[0] & 0x40:
        tag, (start, size) = header[0] & 0x3F, _new_length(data, at + 1)
    else:
        octets = (1, 2, 4, 0)[header[0] & 3]
        tag, start = header[0] >> 2 & 0xF, at + 1 + octets
        size = int.from_bytes(_slice(data, at + 1, octets), "big") if octets else _LONGEST + 1
    if size > _LONGEST or not tag:
        raise NoPacketError
    return Packet(tag, _slice(data, start, size), start + size)


def _new_length(data: bytes, at: int) -> tuple[int, int]:
    first = _slice(data, at, 1)[0]
    if first < 192:
        return at + 1, first
    if first < 224:
        return at + 2, (first - 192 << 8) + _slice(data, at + 1, 1)[0] + 192
    if first == 255:
        return at + 5, int.from_bytes(_slice(data, at + 1, 4), "big")
    raise NoPacketError  # in parts, as only messages are


def _slice(data: bytes, at: int, size: int) -> bytes:
    piece = data[at : at + size]
    if len(piece) < size:
        raise NoPacketError
    return piece


class _Body:
    """Reads a packet's body."""

    def __init__(self, body: bytes) -> None:
        self.body, self.at = body, 0

    def octets(self, size: int) -> bytes:
        piece = _slice(self.body, self.at, size)
        self.at += size
        return piece

    def number(self, size: int = 1) -> int:
        return int.from_bytes(self.octets(size), "big")

    def mpi(self) -> bytes:
        bits = self.number(2)
        if not 0 < bits <= 16400:
            raise NoPacketError
        value = self.octets((bits + 7) // 8)
        if value[0].bit_length() != (bits - 1) % 8 + 1:
            raise NoPacketError  # not what it says it is: no multiprecision integer
        return value

    def integers(self, count: int) -> list[int]:
        return [int.from_bytes(self.mpi(), "big") for _ in range(count)]


def key_packet(packet: Packet) -> KeyPacket | None:
    """The key in a packet of one of the four kinds; None if it is not well-formed."""
    body = _Body(packet.body)
    try:
        version = body.number()
        if version not in {3, 4, 5, 6}:
            return None
        body.octets(6 if version == 3 else 4)  # when it was made, and for how long
        algorithm = body.number()
        if version > 4:
            body.octets(4)
        name, public = _public(algorithm, body)
        public_part = packet.body[: body.at]
        state = Secret.ABSENT
        if packet.tag in {SECRET_KEY, SECRET_SUBKEY}:
            state = _secret(version, body)
    except (NoPacketError, der.MalformedError):
        return None
    return KeyPacket(name, public, public_part, state)


def _public(algorithm: int, body: _Body) -> tuple[str, bytes | None]:
    if algorithm in _RSA:
        n, e = body.integers(2)
        return f"rsa{n.bit_length()}", pair.rsa_public(n, e)
    if algorithm == _DSA:
        p, q, g, y = body.integers(4)
        return f"dsa{p.bit_length()}", pair.dsa_public(p, q, g, y)
    if algorithm in _ELGAMAL:
        return f"elgamal{body.integers(3)[0].bit_length()}", None
    if algorithm in _RAW:
        name = _RAW[algorithm]
        return name, pair.edwards_public(name, body.octets(pair.EDWARDS[pair.EDWARDS_OIDS[name]][1]))
    if algorithm in {_ECDH, _ECDSA, _EDDSA}:
        return _on_curve(algorithm, body)
    raise NoPacketError


def _on_curve(algorithm: int, body: _Body) -> tuple[str, bytes | None]:
    curve, point = der.dotted(body.octets(body.number())), body.mpi()
    if algorithm == _ECDH:
        body.octets(body.number())  # how to derive keys
    if curve in _OWN_CURVES:
        name = _OWN_CURVES[curve]
        return name, pair.edwards_public(name, point[1:]) if point[0] == 0x40 and len(point) == 33 else None
    if curve in pair.CURVES and point[0] == 4:
        return pair.CURVES[curve][0], pair.ec_public(curve, point)
    return f"curve {curve}", None


def _secret(version: int, body: _Body) -> Secret:
    """By the octet that says how the secret half is encrypted (RFC 9580, 3.7.2.1)."""
    usage = body.number()
    if usage == 0:
        return _plain(version, body)
    if version > 4:
        body.octets(1)  # how long the parameters are
    if usage in {253, 254, 255}:
        body.octets(2 if usage == 253 else 1)
        if version == 6 and usage != 255:
            body.octets(1)
        specifier = body.number()
        if specifier == 101:  # GnuPG's own: its file doc/DETAILS
            body.octets(1)
            return Secret.ABSENT if body.octets(3) == b"GNU" and body.number() in {1, 2} else Secret.LOCKED
        if specifier not in {0, 1, 3, 4}:
            raise NoPacketError
    if len(body.body) - body.at < 20:
        raise NoPacketError
    return Secret.LOCKED


def _plain(version: int, body: _Body) -> Secret:
    """In the clear, with a sum over it that proves it whole."""
    if version == 5:
        body.octets(4)
    rest = body.body[body.at :]
    if len(rest) < 10:
        raise NoPacketError
    if version < 6 and sum(rest[:-2]) & 0xFFFF != int.from_bytes(rest[-2:], "big"):
        raise NoPacketError
    return Secret.PLAIN
