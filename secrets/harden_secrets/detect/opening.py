"""Opens PKCS#12 stores that have an empty password. Loads ``cryptography``, so only imported for that."""

import warnings

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from harden_secrets.detect import der

_MOST_ROUNDS = 500_000  # of deriving keys, altogether: programs use 1 to 50,000 for each, an attacker would use more
_DEEPEST = 24
_ENDLESS = 1 << 40


def is_cheap(content: bytes) -> bool:
    """Whether opening the store takes no longer than a moment: the rounds are the number after each salt."""
    return _rounds(content, _DEEPEST) <= _MOST_ROUNDS


def _rounds(data: bytes, depth: int) -> int:
    if not depth:
        return _ENDLESS
    total = before = 0
    try:
        for element in der.elements(data):
            if element.tag == der.INTEGER and before == der.OCTET_STRING:
                rounds = int.from_bytes(element.content, "big", signed=True)
                total += rounds if 0 < rounds < _ENDLESS else _ENDLESS
            elif element.tag & 0x20 or element.tag == der.OCTET_STRING:
                total += _rounds(element.content, depth - 1)
            before = element.tag
    except der.MalformedError:
        return total  # no structure any more: ciphertext, a salt
    return total


def without_password(content: bytes) -> bytes | None:
    """The private key as DER PKCS#8; None where an empty password does not open the store."""
    for password in (b"", None):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of things in the store that a later release may refuse
                key, _certificate, _others = load_key_and_certificates(content, password)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if key is not None:
            return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return None
