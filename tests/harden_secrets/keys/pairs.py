"""Key pairs, made anew each time, and their public halves."""

from cryptography.hazmat.primitives.asymmetric import dsa as _dsa
from cryptography.hazmat.primitives.asymmetric import ec as _ec
from cryptography.hazmat.primitives.asymmetric import ed448 as _ed448
from cryptography.hazmat.primitives.asymmetric import ed25519 as _ed25519
from cryptography.hazmat.primitives.asymmetric import rsa as _rsa
from cryptography.hazmat.primitives.asymmetric import x448 as _x448
from cryptography.hazmat.primitives.asymmetric import x25519 as _x25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def rsa(bits: int = 2048) -> _rsa.RSAPrivateKey:
    return _rsa.generate_private_key(65537, bits)


def dsa() -> _dsa.DSAPrivateKey:
    return _dsa.generate_private_key(1024)  # new parameters for 2048 bits take seconds


def ec(curve: type[_ec.EllipticCurve] = _ec.SECP256R1) -> _ec.EllipticCurvePrivateKey:
    return _ec.generate_private_key(curve())


def ed25519() -> _ed25519.Ed25519PrivateKey:
    return _ed25519.Ed25519PrivateKey.generate()


def ed448() -> _ed448.Ed448PrivateKey:
    return _ed448.Ed448PrivateKey.generate()


def x25519() -> _x25519.X25519PrivateKey:
    return _x25519.X25519PrivateKey.generate()


def x448() -> _x448.X448PrivateKey:
    return _x448.X448PrivateKey.generate()


def public_half(key: PrivateKeyTypes) -> bytes:
    """DER SubjectPublicKeyInfo: what all copies of a pair are known by."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
