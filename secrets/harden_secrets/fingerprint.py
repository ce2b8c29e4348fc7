"""One name for all copies of a key, which is of no use to whoever would like to guess the key.

A keyed hash (HMAC-SHA-256, RFC 2104) of the canonical form. Without the key nobody can try candidates; the key lies in
the state folder with mode 0600 (:mod:`harden_secrets.fingerprintkey`).
"""

import hmac

from harden_secrets.confidential import Confidential
from harden_secrets.material import Detection

_SHOWN = 32  # hexadecimal digits: 128 bits, more than enough to tell all the keys of an estate apart
PREFIX = "hk1:"  # which key and method: a change of either changes this

# Families of bytes that are no keys; those of keys are in `Detection`.
STORED = "stored"  # a field in Vault
DELIVERED = "delivered"  # what a consumer sees in a file or variable
OBJECT = "object"  # what an object of the cluster says
PUBLIC_HALF = "public-half"  # what may lie about: told apart from the pair that it is of
FILE = "file"  # the SHA-256 of a file


class Fingerprinter:
    """Gives fingerprints under one key."""

    def __init__(self, key: Confidential) -> None:
        self._key = key

    def of(self, detection: Detection) -> str:
        """The fingerprint of the key that was recognised, ``hk1:`` and 32 hexadecimal digits."""
        family = detection.family or str(detection.material)
        return self.of_bytes(family, detection.identity)

    def of_bytes(self, family: str, value: Confidential) -> str:
        """The fingerprint of any bytes, for comparing what was delivered; other families never collide with these."""
        message = family.encode() + b"\0" + value.reveal()
        return PREFIX + hmac.digest(self._key.reveal(), message, "sha256").hex()[:_SHOWN]

    @property
    def key_id(self) -> str:
        """Names the key without giving it away: fingerprints under other keys cannot be compared with ours."""
        return hmac.digest(self._key.reveal(), b"key-id\0", "sha256").hex()[:8]
