"""Certificates for loopback: an authority of our own and what it signs, as PEM."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=7300)
LIFE = timedelta(days=730)
NAMES = ("localhost",)
ADDRESSES = ("127.0.0.1", "::1")
_SKEW = timedelta(hours=1)  # clocks that were set back after a certificate was made


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate with its key; ``pem`` has both and is secret, ``public`` the certificate alone."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def pem(self) -> bytes:
        """The certificate, then the key (PKCS#8)."""
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.public + self.key.private_bytes(serialization.Encoding.PEM, form, plain)

    def __repr__(self) -> str:
        return f"Identity({self.certificate.subject.rfc4514_string()})"


def read(pem: bytes) -> Identity:
    """What :attr:`Identity.pem` gave. Raises ValueError for anything else."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key of ours")
    return Identity(x509.load_pem_x509_certificate(pem), key)


def authority(now: datetime) -> Identity:
    """A new authority. Its certificates are good for loopback only, so that its key opens nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"harden vault, since {now:%Y-%m-%d}")
    loopback: list[x509.GeneralName] = [
        *(x509.DNSName(name) for name in NAMES),
        *(x509.IPAddress(ipaddress.ip_network(address)) for address in ADDRESSES),
    ]
    certificate = (
        _builder(name, name, key, now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(loopback, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Identity(certificate, key)


def signed(by: Identity, now: datetime) -> Identity:
    """A new certificate for the server."""
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [
        *(x509.DNSName(name) for name in NAMES),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES),
    ]
    certificate = (
        _builder(_name("localhost"), by.certificate.subject, key, now, LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key()), critical=False)
        .sign(by.key, hashes.SHA256())
    )
    return Identity(certificate, key)


def is_due(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether less than a third of its life remains."""
    ends = certificate.not_valid_after_utc
    return ends - now < (ends - certificate.not_valid_before_utc) / 3


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
