"""Opens PKCS#12 stores that have an empty password. Loads ``cryptography``, so only imported for that."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from harden_secrets.detect import der

_MOST_ROUNDS = 100_000  # of deriving a key: programs use 1 to 50,000, an attacker would use four thousand million
_DEEPEST = 24


def is_cheap(content: bytes) -> bool:
    """Whether the store asks for no more rounds than that: the number after a salt, at any depth."""
    return _cheap(content, _DEEPEST)


def _cheap(data: bytes, depth: int) -> bool:
    before = 0
    try:
        for element in der.elements(data):
            if element.tag == der.INTEGER and before == der.OCTET_STRING:
                rounds = int.from_bytes(element.content, "big", signed=True)
                if not 0 < rounds <= _MOST_ROUNDS:
                    return False
            before = element.tag
            has_parts = element.tag & 0x20 or element.tag == der.OCTET_STRING
            if has_parts and (depth == 0 or not _cheap(element.content, depth - 1)):
                return False
    except der.MalformedError:
        return True  # no structure: ciphertext, a salt
    return True


def without_password(content: bytes) -> bytes | None:
    """The private key as DER PKCS#8; None where an empty password does not open the store."""
    for password in (b"", None):
        try:
            key, _certificate, _others = load_key_and_certificates(content, password)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if key is not None:
            return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return None
