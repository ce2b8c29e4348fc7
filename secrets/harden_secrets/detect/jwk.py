"""JSON Web Keys (RFC 7517, 7518, 8037) with their private members, alone or in a set."""

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harden_secrets.confidential import Confidential
from harden_secrets.detect import pair
from harden_secrets.detect.pair import Pair
from harden_secrets.detect.recognised import Recognised
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_KIND = re.compile(rb"\"kty\"\s{0,20}:\s{0,20}\"(?:RSA|EC|OKP|oct)\"")
_LONGEST = 1 << 15  # bytes of one key
_MOST_FAILURES = 64  # openings of objects that never end: nobody who writes keys makes them
_MOST_MEMBERS = 4
_CURVES = {
    "P-256": "1.2.840.10045.3.1.7",
    "P-384": "1.3.132.0.34",
    "P-521": "1.3.132.0.35",
    "secp256k1": "1.3.132.0.10",
}
_OKP = {"Ed25519", "X25519", "Ed448", "X448"}
_SHORTEST_SECRET = 8
_DECODER = json.JSONDecoder()


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """Every private or symmetric key; public ones are none."""
    searched, failures = 0, 0
    for match in _KIND.finditer(content):
        start = content.rfind(b"{", max(searched, match.start() - _LONGEST), match.start())
        searched = start + 1 if start >= 0 else match.start()
        if start < 0 or failures >= _MOST_FAILURES:
            continue
        parsed = _object(content, start, match.start())
        if parsed is None:
            failures += 1
            continue
        members, start, end = parsed
        found = _key(members)
        if found is not None:
            yield found.detection(Material.JWK, start, end)


def _object(content: bytes, start: int, inside: int) -> tuple[Mapping[str, Any], int, int] | None:
    """The JSON object around an offset, and where it starts and ends. ``start`` is a brace before the offset.

    That may open a member that is an object itself, of which a key may have a few.
    """
    for _ in range(_MOST_MEMBERS):
        parsed = _object_at(content, start)
        if parsed is None or start + parsed[1] > inside:
            return parsed and (parsed[0], start, start + parsed[1])
        start = content.rfind(b"{", max(0, inside - _LONGEST), start)
        if start < 0:
            return None
    return None


def _object_at(content: bytes, start: int) -> tuple[Mapping[str, Any], int] | None:
    """The JSON object that begins here, and its length in bytes."""
    text = content[start : start + _LONGEST].decode("latin-1")  # a byte a character: all that matters here is ASCII
    try:
        parsed, size = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return (parsed, size) if isinstance(parsed, dict) else None


def _key(members: Mapping[str, Any]) -> Recognised | None:
    try:
        if members.get("kty") == "oct":
            return _symmetric(members)
        found = _pair(members)
    except binascii.Error:
        return None
    return Recognised.of_pair(found) if found is not None else None


def _symmetric(members: Mapping[str, Any]) -> Recognised | None:
    secret = _octets(members, "k")
    if len(secret) < _SHORTEST_SECRET or len(set(secret)) < 4:
        return None
    return Recognised(Confidential(secret), f"oct, {len(secret) * 8} bit")


def _pair(members: Mapping[str, Any]) -> Pair | None:
    curve = members.get("crv")
    private = _octets(members, "d")
    if not private or not isinstance(curve, str | None):
        return None
    if members.get("kty") == "RSA":
        primes = (_number(members, "p"), _number(members, "q"))
        return pair.rsa(
            _number(members, "n"), _number(members, "e"), _number(members, "d"), primes if any(primes) else None
        )
    if members.get("kty") == "EC" and curve in _CURVES:
        return pair.ec(_CURVES[curve], private, b"\x04" + _octets(members, "x") + _octets(members, "y"))
    if members.get("kty") == "OKP" and curve in _OKP:
        return pair.edwards(curve.lower(), private, _octets(members, "x"))
    return None


def _number(members: Mapping[str, Any], name: str) -> int:
    return int.from_bytes(_octets(members, name)[:2050], "big")


def _octets(members: Mapping[str, Any], name: str) -> bytes:
    """A member as base64url (RFC 7515, 2); empty where there is none. Raises binascii.Error."""
    value = members.get(name)
    if not isinstance(value, str) or not value.isascii():
        return b""
    digits = value.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)


DETECTOR = Detector(
    "jwk", (Signature(b'"kty":'), Signature(rb"\"kty\"\s{1,20}:", literal=False, encoded=False)), detect
)
