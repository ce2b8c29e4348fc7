"""Keys of OpenPGP, by GnuPG in a home of its own that is gone afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harden_secrets.keys.programs import run, workshop

_NAME = "tester <tester@test.example>"


def armoured(kind: str = "ed25519") -> bytes:
    """``BEGIN PGP PRIVATE KEY BLOCK``; ``kind`` is one of GnuPG's: ed25519, rsa2048, nistp256, dsa2048."""
    return export(kind, "--armor", "--export-secret-keys")


def binary(kind: str = "ed25519") -> bytes:
    """The same without armour."""
    return export(kind, "--export-secret-keys")


def protected(kind: str = "ed25519") -> bytes:
    """With a passphrase."""
    return export(kind, "--armor", "--export-secret-keys", passphrase="only for tests")


def subkeys_only(kind: str = "ed25519") -> bytes:
    """The primary key's secret taken out, as people do for machines."""
    return export(kind, "--armor", "--export-secret-subkeys")


def public(kind: str = "ed25519") -> bytes:
    """``BEGIN PGP PUBLIC KEY BLOCK``, no secret."""
    return export(kind, "--armor", "--export")


def both_halves(kind: str = "ed25519") -> tuple[bytes, bytes]:
    """(The secret key, the public key), armoured."""
    with home() as gpg:
        gpg.make(kind, "")
        return gpg.run("--armor", "--export-secret-keys"), gpg.run("--armor", "--export")


def message() -> bytes:
    """``BEGIN PGP MESSAGE``, no secret key."""
    with home() as gpg:
        return gpg.run("--armor", "--symmetric", passphrase="only for tests", input=b"a message")


def export(kind: str, *how: str, passphrase: str = "") -> bytes:
    with home() as gpg:
        gpg.make(kind, passphrase)
        return gpg.run(*how, passphrase=passphrase)


class Gpg:
    """GnuPG with a home of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def make(self, kind: str, passphrase: str, name: str = _NAME) -> None:
        """A primary key that signs with a subkey that encrypts."""
        self.run("--quick-generate-key", name, kind, "sign", "never", passphrase=passphrase)
        listing = self.run("--with-colons", "--list-keys", name).decode()
        fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
        encrypting = {"ed25519": "cv25519", "dsa2048": "elg2048"}.get(kind, kind)
        self.run("--quick-add-key", fingerprint, encrypting, "encr", "never", passphrase=passphrase)

    def run(self, *arguments: str, passphrase: str = "", input: bytes = b"") -> bytes:  # noqa: A002
        common = ("gpg", "--homedir", self._home, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback")
        return run(*common, "--passphrase", passphrase, *arguments, input=input)


@contextmanager
def home() -> Iterator[Gpg]:
    with workshop() as folder:
        folder.chmod(0o700)
        (folder / "gpg-agent.conf").write_text("s2k-count 65536\n")  # else it takes seconds to find one
        try:
            yield Gpg(folder)
        finally:
            run("gpgconf", "--homedir", folder, "--kill", "all")
