"""JSON Web Keys."""

import base64
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from tests.harden_secrets.keys import pairs

_CURVES = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "secp256k1": "secp256k1"}


def jwk(key: PrivateKeyTypes | None = None) -> bytes:
    """A private key."""
    return json.dumps(_members(key or pairs.ec())).encode()


def jwk_set(*keys: PrivateKeyTypes) -> bytes:
    """A set of private keys, indented."""
    return json.dumps({"keys": [_members(key) for key in keys or (pairs.ec(), pairs.rsa())]}, indent=2).encode()


def jwk_public(key: PrivateKeyTypes | None = None) -> bytes:
    """A public key, no secret."""
    members = _members(key or pairs.ec())
    return json.dumps(
        {name: value for name, value in members.items() if name in {"kty", "crv", "x", "y", "n", "e"}}
    ).encode()


def jwk_symmetric() -> bytes:
    """An HMAC key."""
    return json.dumps({"kty": "oct", "alg": "HS256", "k": _text(secrets.token_bytes(32))}).encode()


def _members(key: PrivateKeyTypes) -> dict[str, Any]:
    if isinstance(key, rsa.RSAPrivateKey):
        return {"kty": "RSA", **_rsa(key)}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        numbers = key.private_numbers()
        point = numbers.public_numbers
        values = {"x": point.x, "y": point.y, "d": numbers.private_value}
        members = {name: _text(value.to_bytes(size, "big")) for name, value in values.items()}
        return {"kty": "EC", "crv": _CURVES[key.curve.name], "use": "sig", **members}
    name = type(key).__name__.removesuffix("PrivateKey")
    public, private = key.public_key().public_bytes_raw(), key.private_bytes_raw()  # type: ignore[union-attr]
    return {"kty": "OKP", "crv": name, "x": _text(public), "d": _text(private)}


def _rsa(key: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = key.private_numbers()
    values = {
        "n": numbers.public_numbers.n,
        "e": numbers.public_numbers.e,
        "d": numbers.d,
        "p": numbers.p,
        "q": numbers.q,
        "dp": numbers.dmp1,
        "dq": numbers.dmq1,
        "qi": numbers.iqmp,
    }
    return {name: _text(value.to_bytes((value.bit_length() + 7) // 8, "big")) for name, value in values.items()}


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
