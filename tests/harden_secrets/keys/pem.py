"""Private keys in PEM and DER, and the public things that look alike."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.harden_secrets.keys import pairs
from tests.harden_secrets.keys.programs import run

PASSPHRASE = b"only for tests"


def pkcs8(key: PrivateKeyTypes | None = None) -> bytes:
    """``BEGIN PRIVATE KEY``"""
    return (key or pairs.rsa()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def traditional(key: PrivateKeyTypes | None = None) -> bytes:
    """``BEGIN RSA PRIVATE KEY``, ``BEGIN EC PRIVATE KEY``, ``BEGIN DSA PRIVATE KEY``"""
    return (key or pairs.rsa()).private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def encrypted_pkcs8(key: PrivateKeyTypes | None = None) -> bytes:
    """``BEGIN ENCRYPTED PRIVATE KEY``"""
    encryption = BestAvailableEncryption(PASSPHRASE)
    return (key or pairs.rsa()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def legacy_encrypted(key: PrivateKeyTypes | None = None, cipher: str = "aes128") -> bytes:
    """``Proc-Type: 4,ENCRYPTED``, by OpenSSL."""
    return run("openssl", "pkey", "-traditional", f"-{cipher}", "-passout", "pass:only for tests", input=pkcs8(key))


def pkcs8_der(key: PrivateKeyTypes | None = None) -> bytes:
    return (key or pairs.rsa()).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def traditional_der(key: PrivateKeyTypes | None = None) -> bytes:
    return (key or pairs.rsa()).private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def encrypted_pkcs8_der(key: PrivateKeyTypes | None = None) -> bytes:
    encryption = BestAvailableEncryption(PASSPHRASE)
    return (key or pairs.rsa()).private_bytes(Encoding.DER, PrivateFormat.PKCS8, encryption)


def public(key: PrivateKeyTypes | None = None) -> bytes:
    """``BEGIN PUBLIC KEY``: no secret."""
    return (key or pairs.rsa()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def certificate(key: PrivateKeyTypes | None = None, encoding: Encoding = Encoding.PEM) -> bytes:
    """A certificate that the key signed for itself: no secret."""
    key = key or pairs.ec()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test.example")])
    begin = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin)
    builder = builder.not_valid_after(begin + datetime.timedelta(days=365))
    return builder.sign(key, _hash_for(key)).public_bytes(encoding)


def request(key: PrivateKeyTypes | None = None) -> bytes:
    """``BEGIN CERTIFICATE REQUEST``: no secret."""
    key = key or pairs.ec()
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return builder.sign(key, _hash_for(key)).public_bytes(Encoding.PEM)


def _hash_for(key: PrivateKeyTypes) -> hashes.HashAlgorithm | None:
    return None if "Ed" in type(key).__name__ else hashes.SHA256()
