"""Keys of age, minisign and signify."""

import base64
import secrets

from tests.harden_secrets.keys.programs import run, workshop


def age() -> bytes:
    """An identity file, by age-keygen itself."""
    return run("age-keygen")


def age_recipient(identity: bytes) -> bytes:
    """``age1…``, no secret."""
    return run("age-keygen", "-y", input=identity)


def minisign() -> bytes:
    """A secret key without a password."""
    return _minisign("-W")[0]


def minisign_encrypted() -> bytes:
    """A secret key with a password, written as the format says: minisign itself takes ten seconds to encrypt it."""
    algorithms = b"Ed" + b"Sc" + b"B2"
    limits = (1 << 25).to_bytes(8, "little") + (1 << 30).to_bytes(8, "little")
    key = algorithms + secrets.token_bytes(32) + limits + secrets.token_bytes(104)
    return b"untrusted comment: minisign encrypted secret key\n" + base64.b64encode(key) + b"\n"


def minisign_public() -> bytes:
    """A public key, no secret."""
    return _minisign("-W")[1]


def _minisign(*options: str) -> tuple[bytes, bytes]:
    with workshop() as folder:
        run("minisign", "-G", *options, "-p", folder / "public", "-s", folder / "secret")
        return (folder / "secret").read_bytes(), (folder / "public").read_bytes()


def signify() -> bytes:
    """A secret key without a passphrase."""
    return signify_pair()[0]


def signify_pair() -> tuple[bytes, bytes]:
    """(The secret key, the public one.)"""
    with workshop() as folder:
        run("signify-openbsd", "-G", "-n", "-p", folder / "key.pub", "-s", folder / "key.sec")
        return (folder / "key.sec").read_bytes(), (folder / "key.pub").read_bytes()
