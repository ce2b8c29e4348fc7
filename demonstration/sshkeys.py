"""SSH keys as texts."""

import base64

from cryptography.hazmat.primitives import serialization

_PUBLIC = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH


def public_half(private: bytes) -> str:
    """The public key, as it begins a line of authorized_keys, of a private one as ssh-keygen(1) writes it."""
    return serialization.load_ssh_private_key(private, None).public_key().public_bytes(*_PUBLIC).decode()


def core(key: bytes) -> bytes:
    """The bytes that the text between the dashes stands for, however it is wrapped; any other key as it is."""
    return base64.b64decode(b"".join(key.split(b"-----")[2].split())) if key.startswith(b"-----BEGIN") else key
