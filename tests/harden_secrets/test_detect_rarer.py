"""Rarer files of keys: BIND's, those of SSH protocol 1, gpg-agent's. The same pair as in PEM has the same identity."""

import base64
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine
from harden_secrets.firstpass import FirstPass
from harden_secrets.material import Detection, Material


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def only(content: bytes, first_pass: FirstPass) -> Detection:
    """What is seen, which is one, both as it is and in base64."""
    for raw in (content, b"x: " + base64.b64encode(content) + b"\n"):
        [seen] = [one for one in examine(raw, "it", DETECTORS, first_pass=first_pass) if isinstance(one, Sighting)]
    return seen.detection


def _octets(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _public(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _zone_file(algorithm: str, fields: dict[str, bytes]) -> bytes:
    lines = [f"{name}: {base64.b64encode(value).decode()}" for name, value in fields.items()]
    return "\n".join(
        ["Private-key-format: v1.3", f"Algorithm: {algorithm}", *lines, "Created: 20240101000000\n"]
    ).encode()


def test_keys_of_a_zone(first_pass: FirstPass, key: rsa.RSAPrivateKey) -> None:
    """RSA, ECDSA and Ed25519."""
    numbers = key.private_numbers()
    fields = {"Modulus": numbers.public_numbers.n, "PublicExponent": numbers.public_numbers.e}
    fields |= {"PrivateExponent": numbers.d, "Prime1": numbers.p, "Prime2": numbers.q}
    in_file = _zone_file("8 (RSASHA256)", {name: _octets(number) for name, number in fields.items()})
    assert only(in_file, first_pass).public == _public(key)
    curve = ec.generate_private_key(ec.SECP256R1())
    scalar = curve.private_numbers().private_value.to_bytes(32, "big")
    assert only(_zone_file("13 (ECDSAP256SHA256)", {"PrivateKey": scalar}), first_pass).public == _public(curve)
    edwards = ed25519.Ed25519PrivateKey.generate()
    raw = edwards.private_bytes_raw()
    assert only(_zone_file("15 (ED25519)", {"PrivateKey": raw}), first_pass).public == _public(edwards)


def _mpint(number: int) -> bytes:
    return struct.pack(">H", number.bit_length()) + _octets(number)


@pytest.mark.parametrize("cipher", [0, 3])
def test_a_key_of_protocol_1(cipher: int, first_pass: FirstPass, key: rsa.RSAPrivateKey) -> None:
    """Its public half is there in any case; a cipher means a passphrase."""
    numbers = key.private_numbers()
    head = b"SSH PRIVATE KEY FILE FORMAT 1.1\n\0" + bytes((cipher, 0, 0, 0, 0)) + struct.pack(">I", 2048)
    public = _mpint(numbers.public_numbers.n) + _mpint(numbers.public_numbers.e) + struct.pack(">I", 4) + b"a@b "
    found = only(head + public + b"abab" + _mpint(numbers.d) + _mpint(numbers.p) + _mpint(numbers.q), first_pass)
    assert (found.material, found.public, found.protected) == (Material.SSH_PRIVATE_KEY, _public(key), cipher != 0)


@pytest.mark.parametrize("protected", [False, True])
@pytest.mark.parametrize("canonical", [False, True])
def test_a_key_of_gpg_agent(canonical: bool, protected: bool, first_pass: FirstPass, key: rsa.RSAPrivateKey) -> None:
    """In text as of GnuPG 2.3, and in the canonical form of those before."""
    numbers = key.private_numbers()
    public = {b"n": b"\0" + _octets(numbers.public_numbers.n), b"e": _octets(numbers.public_numbers.e)}
    kind = b"protected-private-key" if protected else b"private-key"
    if canonical:
        parts = b"".join(b"(1:%s%d:%s)" % (name, len(value), value) for name, value in public.items())
        content = b"(%d:%s(3:rsa%s(1:d256:%s)))" % (len(kind), kind, parts, _octets(numbers.d).rjust(256, b"\0"))
    else:
        parts = b"".join(b" (%s #%s#)\n" % (name, value.hex().upper().encode()) for name, value in public.items())
        content = b"Created: 20240101T000000\nKey: (" + kind + b" (rsa\n" + parts + b"  (d #%s#)))\n" % b"AB"
    found = only(content, first_pass)
    assert (found.material, found.public, found.protected) == (Material.PGP_PRIVATE_KEY, _public(key), protected)


def test_a_stub_for_a_card_is_none(first_pass: FirstPass) -> None:
    """The key is on the card."""
    content = b"Key: (shadowed-private-key (rsa (n #00AB#) (e #010001#) (shadowed t1-v1 (#D276# OPENPGP.1))))\n"
    assert list(examine(content, "it", DETECTORS, first_pass=first_pass)) == []
