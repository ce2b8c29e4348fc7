"""Repositories under git-crypt, by the real git, git-crypt and gpg, each with a home of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harden_secrets.confidential import Confidential

_SECONDS = 60


def run(*argv: str | Path, cwd: Path, env: dict[str, str] | None = None, stdin: bytes = b"") -> bytes:
    """What a program prints; it must succeed."""
    done = subprocess.run(argv, cwd=cwd, env=env, input=stdin, capture_output=True, check=False, timeout=_SECONDS)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout


@dataclass(frozen=True)
class Encrypted:
    """A repository or clone; ``home`` has the configuration of git, and the keyring of gpg where there is one."""

    path: Path
    home: Path

    @property
    def env(self) -> dict[str, str]:
        """That of every program: nobody's configuration but the home's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "GNUPG"))}
        return {**kept, "HOME": str(self.home), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """What git prints."""
        return run("git", *arguments, cwd=self.path, env=self.env, stdin=stdin).decode().strip()

    def crypt(self, *arguments: str | Path) -> str:
        """What git-crypt prints."""
        return run("git-crypt", *arguments, cwd=self.path, env=self.env).decode().strip()

    def write(self, name: str, content: bytes) -> None:
        """A file of the work tree."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_bytes(content)

    def read(self, name: str) -> bytes:
        """A file of the work tree."""
        return (self.path / name).read_bytes()

    def commit(self, message: str = "change") -> str:
        """The id of a new commit of everything."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def key(self, name: str = "") -> Confidential:
        """The key as ``git-crypt export-key`` gives it."""
        file = self.home / f"exported-{name or 'default'}"
        named = ("-k", name) if name else ()
        self.crypt("export-key", *named, file)
        content = file.read_bytes()
        file.unlink()
        return Confidential(content)

    def clone(self, name: str) -> "Encrypted":
        """A fresh, locked clone beside it."""
        run("git", "clone", "-q", self.path, self.path.parent / name, cwd=self.path.parent, env=self.env)
        return Encrypted(self.path.parent / name, self.home)


def encrypted_repository(folder: Path, *, key_name: str = "", branch: str = "main") -> Encrypted:
    """A repository whose ``secret/`` is encrypted; its first commit has only the attributes."""
    home, path = folder / "home", folder / "upstream"
    home.mkdir(exist_ok=True)
    path.mkdir()
    made = Encrypted(path, home)
    made.git("init", "-q", "-b", branch)
    for name, value in {"user.name": "Ana", "user.email": "ana@example.org", "commit.gpgsign": "false"}.items():
        made.git("config", "--global", name, value)
    made.crypt("init", *(("-k", key_name) if key_name else ()))
    driver = f"git-crypt-{key_name}" if key_name else "git-crypt"
    made.write(".gitattributes", f"secret/** filter={driver} diff={driver}\n".encode())
    made.commit("attributes")
    return made


def new_key(folder: Path, name: str = "") -> Confidential:
    """A key file made by git-crypt itself."""
    file = folder / "generated.key"
    home = folder / "generating"
    home.mkdir()
    made = Encrypted(home, home)
    try:
        made.git("init", "-q")
        if name:
            made.crypt("init", "-k", name)
            return made.key(name)
        made.crypt("keygen", file)
        return Confidential(file.read_bytes())
    finally:
        file.unlink(missing_ok=True)
        shutil.rmtree(home)


@contextmanager
def gnupg_home(home: Path) -> Iterator["People"]:
    """A keyring in a home folder, whose agent ends with the block. gpg finds it by ``HOME``."""
    # A socket's path has room for 107 bytes, and folders of tests are longer: gpg then uses /run/user, if there is one.
    (home / ".gnupg").mkdir(mode=0o700)
    people = People(home)
    try:
        yield people
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=people.env, check=False, timeout=_SECONDS)


@dataclass(frozen=True)
class People:
    """Those whose keys lie in a keyring."""

    home: Path

    @property
    def env(self) -> dict[str, str]:
        """The environment in which gpg uses it."""
        return Encrypted(self.home, self.home).env

    def gpg(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What gpg prints."""
        return run("gpg", "--batch", "--quiet", *arguments, cwd=self.home, env=self.env, stdin=stdin)

    def join(self, name: str, expires: str = "never", *options: str) -> str:
        """A new person; the fingerprint of the key."""
        mail = f"{name} <{name}@example.org>"
        self.gpg(*options, "--passphrase", "", "--quick-generate-key", mail, "future-default", "default", expires)
        listed = self.gpg("--with-colons", "--list-keys", f"={mail}").decode().splitlines()
        return next(line.split(":")[9] for line in listed if line.startswith("fpr:"))

    def forget(self, fingerprint: str) -> None:
        """Takes a key out, both halves."""
        self.gpg("--yes", "--delete-secret-and-public-key", fingerprint)


def python_path() -> str:
    """For a child that runs the project."""
    return os.pathsep.join(filter(None, sys.path))
