"""A certificate authority of a test cluster, and the kubeconfigs of those it vouches for. Made anew for each run."""

import base64
import datetime
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = Encoding.PEM


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, PEM."""

    certificate: bytes
    key: bytes


class Authority:
    """Signs for servers (by address) and for users (by name and groups, as Kubernetes reads them from CN and O)."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test cluster")])
        builder = self._builder(self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(PEM)
        self.key = private_pem(self._key)

    def user(self, name: str, groups: Iterable[str] = ()) -> Identity:
        """A client's certificate: CN is the user, each O a group."""
        words = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        return self._issue(x509.Name([*words, x509.NameAttribute(NameOID.COMMON_NAME, name)]), None)

    def server(self, *places: str) -> Identity:
        """A server's certificate for addresses and DNS names."""
        names = [_general_name(place) for place in places]
        return self._issue(x509.Name([]), x509.SubjectAlternativeName(names))

    def _issue(self, subject: x509.Name, places: x509.SubjectAlternativeName | None) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject, key.public_key())
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if places is None else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if places is not None:
            builder = builder.add_extension(places, critical=True)
        return Identity(builder.sign(self._key, hashes.SHA256()).public_bytes(PEM), private_pem(key))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def signing_pair() -> tuple[bytes, bytes]:
    """The private and the public key with which an API server signs and checks the tokens of ServiceAccounts."""
    key = rsa.generate_private_key(65537, 2048)
    return private_pem(key), key.public_key().public_bytes(PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(PEM, PrivateFormat.PKCS8, NoEncryption())


def kubeconfig(server: str, authority: bytes, user: dict[str, str], namespace: str = "default") -> str:
    """A kubeconfig with one context. ``user`` is its entry: see `by_certificate` and `by_token`."""
    trust = {"server": server, "certificate-authority-data": base64.b64encode(authority).decode()}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": trust}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": namespace}}],
            "current-context": "test",
        }
    )


def by_certificate(identity: Identity) -> dict[str, str]:
    return {
        "client-certificate-data": base64.b64encode(identity.certificate).decode(),
        "client-key-data": base64.b64encode(identity.key).decode(),
    }


def by_token(token: str) -> dict[str, str]:
    return {"token": token}


def write_private(path: Path, content: str | bytes) -> Path:
    """Write a file that only its owner may read."""
    path.touch(mode=0o600)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _general_name(place: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(place))
    except ValueError:
        return x509.DNSName(place)
