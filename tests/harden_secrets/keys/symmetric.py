"""Keys without a public half: git-crypt, OpenVPN, TSIG."""

import base64
import secrets
from pathlib import Path

from tests.harden_secrets.keys.programs import run, workshop

_FILE = b"\0GITCRYPTKEY" + (2).to_bytes(4, "big")


def git_crypt() -> bytes:
    """148 bytes, by git-crypt itself."""
    return _in_repository()


def git_crypt_named(name: str = "ops") -> bytes:
    """A named key, by git-crypt itself."""
    return _in_repository("-k", name)


def _in_repository(*named: str) -> bytes:
    with workshop() as folder:
        run("git", "init", "-q", folder)
        run("git-crypt", "init", *named, folder=folder)
        run("git-crypt", "export-key", *named, "key", folder=folder)
        return (folder / "key").read_bytes()


def git_crypt_of(*versions: tuple[int, bytes], name: bytes = b"") -> bytes:
    """A key file with these (number, 96 bytes), in the order given."""
    header = _field(1, name) if name else b""
    entries = (
        _field(1, number.to_bytes(4, "big")) + _field(3, keys[:32]) + _field(5, keys[32:]) + bytes(4)
        for number, keys in versions
    )
    return _FILE + header + bytes(4) + b"".join(entries)


def _field(number: int, content: bytes) -> bytes:
    return number.to_bytes(4, "big") + len(content).to_bytes(4, "big") + content


def git_crypt_legacy() -> bytes:
    """96 random bytes: the format before git-crypt 0.4."""
    return secrets.token_bytes(96)


def openvpn_static() -> bytes:
    """``BEGIN OpenVPN Static key V1``, by OpenVPN itself."""
    return _openvpn("secret")


def openvpn_tls_crypt_v2_server() -> bytes:
    """``BEGIN OpenVPN tls-crypt-v2 server key``"""
    return _openvpn("tls-crypt-v2-server")


def openvpn_tls_crypt_v2_client() -> bytes:
    """``BEGIN OpenVPN tls-crypt-v2 client key``"""
    with workshop() as folder:
        (folder / "server").write_bytes(openvpn_tls_crypt_v2_server())
        return _openvpn("tls-crypt-v2-client", "--tls-crypt-v2", folder / "server")


def _openvpn(kind: str, *more: str | Path) -> bytes:
    with workshop() as folder:
        run("/usr/sbin/openvpn", *more, "--genkey", kind, folder / "key")
        return (folder / "key").read_bytes()


def tsig(name: str = "transfer", algorithm: str = "hmac-sha256") -> bytes:
    """A ``key`` statement of BIND."""
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    return f'key "{name}" {{\n\talgorithm {algorithm};\n\tsecret "{secret}";\n}};\n'.encode()


def tsig_knot(name: str = "transfer", algorithm: str = "hmac-sha256") -> bytes:
    """The same in the configuration of Knot DNS."""
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    return f"key:\n  - id: {name}\n    algorithm: {algorithm}\n    secret: {secret}\n".encode()


def tsig_dnssec_keygen() -> bytes:
    """The ``.private`` file that ``dnssec-keygen`` wrote for HMAC keys until BIND 9.12."""
    secret = base64.b64encode(secrets.token_bytes(64)).decode()
    return f"Private-key-format: v1.3\nAlgorithm: 165 (HMAC_SHA512)\nKey: {secret}\nBits: AAA=\n".encode()
