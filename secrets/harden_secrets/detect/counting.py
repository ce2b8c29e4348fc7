"""From the private number to the public half. Loads ``cryptography``, so only imported when there is a key to prove."""

from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_PrivateKey = ed25519.Ed25519PrivateKey | x25519.X25519PrivateKey | ed448.Ed448PrivateKey | x448.X448PrivateKey
_CURVES: dict[str, type[ec.EllipticCurve]] = {
    "P-192": ec.SECP192R1,
    "P-224": ec.SECP224R1,
    "P-256": ec.SECP256R1,
    "P-384": ec.SECP384R1,
    "P-521": ec.SECP521R1,
    "secp256k1": ec.SECP256K1,
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
}
_EDWARDS: dict[str, Callable[[bytes], _PrivateKey]] = {
    "ed25519": ed25519.Ed25519PrivateKey.from_private_bytes,
    "x25519": x25519.X25519PrivateKey.from_private_bytes,
    "ed448": ed448.Ed448PrivateKey.from_private_bytes,
    "x448": x448.X448PrivateKey.from_private_bytes,
}


def ec_point(curve: str, private: int) -> bytes | None:
    """The uncompressed public point of a private number, None if it is none on this curve or the curve is unknown."""
    if curve not in _CURVES:
        return None
    try:
        key = ec.derive_private_key(private, _CURVES[curve]())
    except (ValueError, UnsupportedAlgorithm):
        return None
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def edwards_public(name: str, private: bytes) -> bytes:
    """The public half of an ``ed25519``, ``x25519``, ``ed448`` or ``x448`` key of the right length."""
    return _EDWARDS[name](private).public_key().public_bytes_raw()
