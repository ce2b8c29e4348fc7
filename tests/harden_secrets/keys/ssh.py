"""Private keys of OpenSSH and PuTTY."""

from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.harden_secrets.keys import pairs
from tests.harden_secrets.keys.programs import run, workshop


def openssh(key: PrivateKeyTypes | None = None) -> bytes:
    """``BEGIN OPENSSH PRIVATE KEY``"""
    return (key or pairs.ed25519()).private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def ssh_keygen(kind: str = "ed25519", bits: int = 256, passphrase: str = "") -> bytes:
    """The same, made by OpenSSH itself."""
    with workshop() as folder:
        path = folder / "id"
        run("ssh-keygen", "-q", "-t", kind, "-b", str(bits), "-N", passphrase, "-C", "", "-f", path)
        return path.read_bytes()


def openssh_encrypted(key: PrivateKeyTypes | None = None) -> bytes:
    """Encrypted by OpenSSH with a passphrase."""
    with workshop() as folder:
        path = folder / "id"
        path.touch(0o600)
        path.write_bytes(openssh(key))
        run("ssh-keygen", "-q", "-p", "-P", "", "-N", "only for tests", "-f", path)
        return path.read_bytes()


def openssh_dsa() -> bytes:
    """A DSA key, by puttygen: OpenSSH itself no longer makes any."""
    with workshop() as folder:
        (folder / "new").write_text("")
        how = ("-O", "private-openssh-new", "--new-passphrase", folder / "new", "-o", folder / "out")
        run("puttygen", "-t", "dsa", "-b", "1024", "-q", *how)
        return (folder / "out").read_bytes()


def public_line(key: PrivateKeyTypes | None = None) -> bytes:
    """``ssh-ed25519 AAAA…``, no secret."""
    return (key or pairs.ed25519()).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


def putty(key: PrivateKeyTypes | None = None, version: int = 3, passphrase: str = "") -> bytes:
    """``PuTTY-User-Key-File``, by PuTTY's own puttygen."""
    return _puttygen(key, "private", passphrase, "--ppk-param", f"version={version}")


def sshcom(key: PrivateKeyTypes | None = None, passphrase: str = "") -> bytes:
    """``BEGIN SSH2 ENCRYPTED PRIVATE KEY``, the format of ssh.com, which has this label without a passphrase too."""
    return _puttygen(key or pairs.rsa(), "private-sshcom", passphrase)


def _puttygen(key: PrivateKeyTypes | None, form: str, passphrase: str, *more: str) -> bytes:
    with workshop() as folder:
        (folder / "in").touch(0o600)
        (folder / "in").write_bytes(openssh(key))
        (folder / "old").write_text("")
        (folder / "new").write_text(passphrase)
        files = ("--old-passphrase", folder / "old", "--new-passphrase", folder / "new", "-o", folder / "out")
        run("puttygen", folder / "in", "-q", "-O", form, "-C", "a comment", *more, *files)
        return (folder / "out").read_bytes()
