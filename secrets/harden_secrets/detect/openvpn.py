"""Static keys of OpenVPN: 2048 bits in hexadecimal for ``--secret`` and ``--tls-auth``, and those of tls-crypt-v2."""

import re
from collections.abc import Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.detect.armour import Armour, armours, base64_text
from harden_secrets.material import Detection, Detector, Material, Signature, Surroundings

_BEGIN = re.compile(rb"-----BEGIN (OpenVPN (?:Static key V1|tls-crypt-v2 (?:server|client) key))-----")
_STATIC_KEY = 256  # bytes: four keys of 64
_SERVER_KEY = 128
_HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{512}\Z")
_PUNCTUATION = b" \t\r\n\"'`,;+#>|*"
_FEWEST_VALUES = 32  # different bytes; a key of 128 random ones has a hundred


def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
    """Every such key with the length that it must have."""
    for armour in armours(content, _BEGIN):
        key = _static(armour) if "Static" in armour.label else _tls_crypt_v2(armour)
        if key is not None and len(set(key)) >= _FEWEST_VALUES:
            called = armour.label.removeprefix("OpenVPN ").removesuffix(" V1").removesuffix(" key").lower()
            yield Detection(Material.OPENVPN_STATIC_KEY, Confidential(key), armour.start, armour.end, called)


def _static(armour: Armour) -> bytes | None:
    digits = armour.text().translate(None, _PUNCTUATION)
    return bytes.fromhex(digits.decode()) if _HEXADECIMAL.match(digits) else None


def _tls_crypt_v2(armour: Armour) -> bytes | None:
    """A server key has 128 bytes, a client key 256 and the same once more encrypted for the server."""
    key, whole = base64_text(armour.text())
    least = _SERVER_KEY if "server" in armour.label else _STATIC_KEY + 48
    return key if armour.closed and whole and len(key) >= least else None


DETECTOR = Detector("openvpn", (Signature(b"-----BEGIN OpenVPN "),), detect)
