"""Public halves that lie about: never findings, but they say where a private key that was found is used.

Lines of ``authorized_keys``, PEM public keys and certificates, DER ones, recipients of age, public keys of OpenPGP.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from harden_secrets.detect import age, der, pair, pgp
from harden_secrets.detect.armour import armours, base64_text
from harden_secrets.detect.certificate import certified_key, public_key_info
from harden_secrets.detect.sshwire import public_half
from harden_secrets.material import Signature

_SSH = re.compile(
    rb"(?<![A-Za-z0-9-])(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d{3}|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com)"
    rb"[ \t]{1,8}(AAAA[A-Za-z0-9+/]{24,8192}={0,2})"
)
_PEM = re.compile(rb"-----BEGIN ((?:RSA )?PUBLIC KEY|(?:X509 |TRUSTED )?CERTIFICATE)-----")
_RSA_ALGORITHMS = {der.oid("1.2.840.113549.1.1.1"), der.oid("1.2.840.113549.1.1.10")}


@dataclass(frozen=True, slots=True)
class PublicHalf:
    """A public half: DER SubjectPublicKeyInfo, the ``public`` of a detection, and where it stands."""

    public: bytes
    start: int
    end: int


def public_halves(content: bytes) -> Iterator[PublicHalf]:
    """All public halves in the bytes, in no particular order. Raises nothing, takes linear time."""
    for match in _SSH.finditer(content) if b"AAAA" in content else ():
        half = _ssh(match[1])
        if half is not None:
            yield PublicHalf(half, match.start(), match.end())
    for armour in armours(content, _PEM):
        half = _from_der(base64_text(armour.text())[0])
        if half is not None:
            yield PublicHalf(half, armour.start, armour.end)
    if content[:1] == b"\x30":
        half = _from_der(content)
        if half is not None:
            yield PublicHalf(half, 0, min(der.read(content).end, len(content)))
    for public, start, end in (*age.recipients(content), *pgp.public_keys(content)):
        yield PublicHalf(public, start, end)


def _ssh(digits: bytes) -> bytes | None:
    try:
        half = public_half(base64.b64decode(digits))
    except binascii.Error:
        return None
    return half[1] if half is not None else None


def _from_der(data: bytes) -> bytes | None:
    """Of a certificate, a SubjectPublicKeyInfo or an RSAPublicKey (RFC 8017, A.1.1)."""
    try:
        certified = certified_key(data)
        if certified is not None:
            return _canonical(certified)
        outer = der.read(data)
        parts = outer.parts()
        if bytes(part.tag for part in parts) == bytes((der.INTEGER, der.INTEGER)):
            return pair.rsa_public(parts[0].number(), parts[1].number())
        info = public_key_info(outer)
        return _canonical(info) if info is not None else None
    except (der.MalformedError, OverflowError):  # the second: a negative number
        return None


def _canonical(info: bytes) -> bytes:
    """RSA keys for PSS alone are RSA keys: one form for both."""
    algorithm, key = der.read(info).parts()
    names = algorithm.parts()
    if names and der.encode(der.OID, names[0].content) in _RSA_ALGORITHMS:
        numbers = der.read(key.content[1:]).parts()
        if len(numbers) == 2:
            return pair.rsa_public(numbers[0].number(), numbers[1].number())
    return info


SIGNATURES = (
    Signature(b"ssh-rsa AAAA"),
    Signature(b"ssh-dss AAAA"),
    Signature(b"ssh-ed25519 AAAA"),
    Signature(rb"ecdsa-sha2-nistp(?:256|384|521) AAAA", literal=False),
    Signature(b"PUBLIC KEY-----"),
    Signature(b"PUBLIC KEY BLOCK-----"),
    Signature(b"CERTIFICATE-----"),
    Signature(rb"age1[02-9ac-hj-np-z]{58}", literal=False),
)
