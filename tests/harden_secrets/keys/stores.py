"""Key stores: PKCS#12, Java's two formats."""

import hashlib
import secrets

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PKCS12Certificate,
    serialize_java_truststore,
    serialize_key_and_certificates,
)
from cryptography.x509 import load_pem_x509_certificate

from tests.harden_secrets.keys import pairs, pem
from tests.harden_secrets.keys.programs import run

_JKS, _JCEKS = 0xFEEDFEED, 0xCECECECE
_PASSWORD = "only for tests"


def pkcs12(key: PrivateKeyTypes | None = None) -> bytes:
    """With a password."""
    return _pkcs12(key, BestAvailableEncryption(pem.PASSPHRASE))


def pkcs12_open(key: PrivateKeyTypes | None = None) -> bytes:
    """Without a password and without encryption."""
    return _pkcs12(key, NoEncryption())


def pkcs12_empty_password(key: PrivateKeyTypes | None = None) -> bytes:
    """Encrypted under the empty password, by OpenSSL."""
    return pkcs12_openssl(key, "")


def pkcs12_openssl(key: PrivateKeyTypes | None = None, password: str = _PASSWORD, *options: str) -> bytes:
    """As OpenSSL writes it."""
    key = key or pairs.ec()
    both = pem.pkcs8(key) + pem.certificate(key)
    return run("openssl", "pkcs12", "-export", *options, "-passout", f"pass:{password}", input=both)


def pkcs12_truststore() -> bytes:
    """Certificates alone, no secret."""
    certificate = PKCS12Certificate(load_pem_x509_certificate(pem.certificate()), b"authority")
    return serialize_java_truststore([certificate], BestAvailableEncryption(pem.PASSPHRASE))


def _pkcs12(key: PrivateKeyTypes | None, encryption: KeySerializationEncryption) -> bytes:
    key = key or pairs.ec()
    certificate = load_pem_x509_certificate(pem.certificate(key))
    return serialize_key_and_certificates(b"a name", key, certificate, None, encryption)


def jks(key: PrivateKeyTypes | None = None, alias: str = "server", magic: int = _JKS) -> bytes:
    """A store of Java with one private key, written as the format says: the tests need no Java."""
    key = key or pairs.ec()
    return _store(magic, _private_entry(key, alias), _trusted_entry("authority"))


def jceks(key: PrivateKeyTypes | None = None) -> bytes:
    """The same in the other format."""
    return jks(key, magic=_JCEKS)


def jks_truststore() -> bytes:
    """Certificates alone, no secret."""
    return _store(_JKS, _trusted_entry("authority"))


def _store(magic: int, *entries: bytes) -> bytes:
    body = _u32(magic) + _u32(2) + _u32(len(entries)) + b"".join(entries)
    return body + hashlib.sha1(_PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + body).digest()


def _private_entry(key: PrivateKeyTypes, alias: str) -> bytes:
    """The key encrypted as JKS does it (with a password that is nobody's): salt, keystream of SHA-1, checksum."""
    encrypted = secrets.token_bytes(20 + len(pem.pkcs8_der(key)) + 20)
    octets = b"\x04\x82" + len(encrypted).to_bytes(2, "big") + encrypted
    algorithm = bytes.fromhex("300e060a2b060104012a021101010500")
    info = b"\x30\x82" + (len(algorithm) + len(octets)).to_bytes(2, "big") + algorithm + octets
    certificate = pem.certificate(key, Encoding.DER)
    chain = _u32(1) + _utf("X.509") + _u32(len(certificate)) + certificate
    return _u32(1) + _utf(alias) + bytes(8) + _u32(len(info)) + info + chain


def _trusted_entry(alias: str) -> bytes:
    certificate = pem.certificate(encoding=Encoding.DER)
    return _u32(2) + _utf(alias) + bytes(8) + _utf("X.509") + _u32(len(certificate)) + certificate


def _u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def _utf(text: str) -> bytes:
    return len(text.encode()).to_bytes(2, "big") + text.encode()
