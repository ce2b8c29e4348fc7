"""Secret keys of minisign and signify: one line of base64 with Ed25519 inside, each with a checksum of its own."""

import base64
import hashlib
import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect import pair
from harden_secrets.detect.recognised import Recognised
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_BASE64_BEGIN = rb"(?:(?<![A-Za-z0-9+/])|(?<=\\[nrt]))"  # the second: where an end of line is escaped
_BASE64_END = rb"(?![A-Za-z0-9+/=])"
# "Ed", then the key derivation ("Sc" or none), then "B2": 158 bytes. minisign.h.
_MINISIGN = re.compile(_BASE64_BEGIN + rb"RW(?:RTY0Iy|QAAEIy)[A-Za-z0-9+/]{203}=" + _BASE64_END)
# "Ed", then "BK", then the number of rounds: 104 bytes. signify.c.
_SIGNIFY = re.compile(_BASE64_BEGIN + rb"RWRCSw[A-Za-z0-9+/]{133}=" + _BASE64_END)


def minisign(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """Secret keys of minisign. Without a password the public half stands beside the secret one."""
    for match in _MINISIGN.finditer(content):
        found = _minisign(base64.b64decode(match[0]))
        if found is not None:
            yield found.detection(Material.MINISIGN_KEY, match.start(), match.end())


def _minisign(key: bytes) -> Recognised | None:
    """Algorithms 2+2+2, salt 32, limits 8+8, and perhaps encrypted: number 8, secret 32, public 32, checksum 32."""
    if key[2:4] == b"Sc":
        return Recognised(Confidential(key), "encrypted", protected=True)
    number, secret, public, checksum = key[54:62], key[62:94], key[94:126], key[126:158]
    right = hashlib.blake2b(key[:2] + number + secret + public, digest_size=32).digest()
    if checksum not in {right, bytes(32)}:  # releases before 0.12 leave it empty
        return None
    return _ed25519(secret, public)


def signify(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """Secret keys of signify; no rounds of key derivation means no passphrase."""
    for match in _SIGNIFY.finditer(content):
        found = _signify(base64.b64decode(match[0]))
        if found is not None:
            yield found.detection(Material.SIGNIFY_KEY, match.start(), match.end())


def _signify(key: bytes) -> Recognised | None:
    """Algorithms 2+2, rounds 4, salt 16, checksum 8, key number 8, then secret 32 and public 32: perhaps encrypted."""
    if any(key[4:8]):
        return Recognised(Confidential(key), "encrypted", protected=True)
    if hashlib.sha512(key[40:104]).digest()[:8] != key[24:32]:
        return None
    return _ed25519(key[40:72], key[72:104])


def _ed25519(secret: bytes, public: bytes) -> Recognised | None:
    found = pair.edwards("ed25519", secret, public)
    return Recognised.of_pair(found) if found is not None and not found.damaged else None


MINISIGN = Detector("minisign", (Signature(b"RWRTY0Iy"), Signature(b"RWQAAEIy")), minisign)
SIGNIFY = Detector("signify", (Signature(b"RWRCSwAA"),), signify)
