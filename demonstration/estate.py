"""A folder of infrastructure as one finds it: a git repository with keys among its files."""

import datetime
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from demonstration import manifests
from demonstration.commands import capture
from demonstration.wireguard import Keys

PRIVATE, PRIVATE_TEXT = "private/spare-key.txt", "The spare key is under the third flower pot.\n"
PRIVATE_KEYS = ("private/backup.key", "private/mirror.key")
# Nothing of the settings of whoever runs this, who may sign commits or have hooks.
NOBODY = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
_ANCA = {"name": "anca", "email": "anca@home.example"}
AS_ANCA = {f"GIT_{role}_{what.upper()}": is_ for role in ("AUTHOR", "COMMITTER") for what, is_ in _ANCA.items()}
_OPTIONS = ("-c", "init.defaultBranch=main")


@dataclass(frozen=True, slots=True)
class Estate:
    """Where the working copy is, and the keys that are really in it, so that what harden says can be judged.

    ``key`` is git-crypt's, ``ssh`` the one in backup.yaml.
    """

    folder: Path
    key: bytes = field(repr=False)
    ssh: bytes = field(repr=False)


# What lies where, for people. The first four are one key.
CONTENTS = (
    ("manifests/ci.yaml", "a ConfigMap with a git-crypt key as base64 text, and a CronJob that mounts it"),
    ("manifests/agent.yaml", "a ConfigMap with its bytes (binaryData), and a Deployment that mounts it"),
    ("terraform/git-crypt.key", "the key as it is; main.tf beside it makes a ConfigMap of it"),
    ("scripts/unlock.sh", "the key once more, as lines of base64 in a here-document"),
    ("manifests/backup.yaml", "a plain Secret with an SSH key, and a CronJob that mounts it"),
    ("vpn/wg0.conf", "a WireGuard key"),
    (PRIVATE, "a secret, encrypted by git-crypt with that key"),
    ("private/*.key", "the SSH key again and another one, encrypted in the same way"),
    ("manifests/sealed.yaml", "no key: a SealedSecret"),
    ("vpn/authorized_keys", "no key: the public half of the SSH key"),
    ("vpn/ca.pem", "no key: a certificate"),
)
KEYS = tuple(path for path, _ in CONTENTS[:6])
MOVED = ("manifests/ci.yaml", "manifests/agent.yaml", "manifests/backup.yaml")  # what can be rewritten without a doubt


def make(folder: Path) -> Estate:
    """A clone, locked, of a repository whose git-crypt key git-crypt(1) itself has just made."""
    origin, exported = folder / "origin", folder / "exported.key"
    origin.mkdir()
    git(origin, "init", "-q")
    git(origin, "crypt", "init")
    git(origin, "crypt", "export-key", str(exported))
    key = exported.read_bytes()
    exported.unlink()
    ssh = ed25519.Ed25519PrivateKey.generate()
    _fill(origin, key, ssh)
    git(folder, "clone", "-q", str(origin), "infra")
    return Estate(folder / "infra", key, _openssh(ssh).encode())


def git(folder: Path, *arguments: str) -> str:
    """What git(1) prints, or git-crypt(1) as ``git crypt``."""
    return capture(["git", "-C", str(folder), *_OPTIONS, *arguments], settings={**NOBODY, **AS_ANCA})


def opened(repository: Path, clone: Path, key: bytes, commit: str = "HEAD") -> str:
    """What the encrypted file says in a new clone that git-crypt(1) opens with this key, at that commit."""
    file = clone.with_suffix(".key")
    git(repository.parent, "clone", "-q", str(repository), str(clone))
    git(clone, "checkout", "-q", "--detach", commit)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(key)
        git(clone, "crypt", "unlock", str(file))
    finally:
        file.unlink()
    return (clone / PRIVATE).read_text()


def _fill(origin: Path, key: bytes, ssh: ed25519.Ed25519PrivateKey) -> None:
    _write(origin, ".gitattributes", "private/** filter=git-crypt diff=git-crypt\n")
    _write(origin, PRIVATE, PRIVATE_TEXT)
    for path, private in zip(PRIVATE_KEYS, (ssh, ed25519.Ed25519PrivateKey.generate()), strict=True):
        _write(origin, path, _openssh(private))
    _write(origin, "NOTES.md", manifests.notes(key))
    _commit(origin, "Begin")
    (origin / "NOTES.md").unlink()
    wireguard, peer = Keys.make(), Keys.make()
    _write(origin, "manifests/ci.yaml", manifests.pipeline(key))
    _write(origin, "manifests/agent.yaml", manifests.agent(key))
    _write(origin, "manifests/backup.yaml", manifests.backup(_openssh(ssh)))
    _write(origin, "manifests/sealed.yaml", manifests.sealed())
    _write(origin, "terraform/main.tf", manifests.TERRAFORM)
    _write(origin, "terraform/git-crypt.key", key)
    _write(origin, "scripts/unlock.sh", manifests.unlock_script(key))
    _write(origin, "vpn/wg0.conf", manifests.wg_quick(wireguard.private, peer.public))
    _write(origin, "vpn/authorized_keys", f"{_public(ssh)} backup@home\n")
    _write(origin, "vpn/ca.pem", _certificate())
    _commit(origin, "Take the key out of the notes, add everything else")


def _write(root: Path, path: str, content: str | bytes) -> None:
    file = root / path
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)


def _commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "-q", "-m", message)


def _openssh(key: ed25519.Ed25519PrivateKey) -> str:
    form = serialization.PrivateFormat.OpenSSH
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _public(key: ed25519.Ed25519PrivateKey) -> str:
    form = serialization.PublicFormat.OpenSSH
    return key.public_key().public_bytes(serialization.Encoding.OpenSSH, form).decode()


def _certificate() -> str:
    """Of an authority whose key nobody has any more."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "home.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now).not_valid_after(now + datetime.timedelta(days=365))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.PEM).decode()
