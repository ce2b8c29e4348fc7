"""Repositories with files that the real git-crypt has encrypted, made for a test, a scene or a demonstration."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import Repository, SecretEntry, SecretKind
from harden_secrets.rotate.kinds.gitcrypt import gitcrypt_rotator
from harden_secrets.rotate.rotator import Fields, Pair, Rotator

WHEN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_INSTALL = "missing: apt-get install git git-crypt"


def environment(home: Path) -> dict[str, str]:
    """Git's as on a fresh host: no configuration but what is said here, always the same author and time."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in _IDENTITY.items()}
    return {**kept, **who, "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}


_IDENTITY = {"NAME": "Dana", "EMAIL": "dana@example.org", "DATE": "2026-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Lab:
    """A repository that git-crypt was initialised in. ``key`` is the exported key file's content."""

    path: Path
    home: Path
    key: Confidential

    @property
    def fields(self) -> Fields:
        """What Vault would hold of it."""
        return {"key": self.key, "note": Confidential(b"kept as it is")}

    def git(self, *arguments: str, at: Path | None = None, check: bool = True) -> str:
        """What git prints, run in the repository or elsewhere."""
        return run("git", *arguments, at=at or self.path, home=self.home, check=check)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Files of the work tree."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def commit(self, files: Mapping[str, bytes], message: str = "Change files") -> str:
        """Writes files and commits everything; the commit."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.tip()

    def tip(self, branch: str = "HEAD", at: Path | None = None) -> str:
        """Where a branch is."""
        return self.git("rev-parse", branch, at=at).strip()

    def status(self, at: Path | None = None) -> str:
        """What is not as it was committed, by the real filters."""
        return self.git("status", "--porcelain", at=at)

    def blob(self, path: str, branch: str = "HEAD", at: Path | None = None) -> bytes:
        """A file as it is stored."""
        return subprocess.run(
            ["git", "cat-file", "blob", f"{branch}:{path}"],
            cwd=at or self.path,
            env=environment(self.home),
            check=True,
            capture_output=True,
        ).stdout

    def unlocked(
        self, key: Confidential, branch: str = "master", source: Path | None = None
    ) -> "dict[str, bytes] | str":
        """What a fresh clone has after ``git-crypt unlock``: every regular file, or what was said when it failed."""
        with tempfile.TemporaryDirectory(dir=self.home) as folder:
            clone = Path(folder) / "clone"
            self.git("clone", "--quiet", "--branch", branch, f"file://{source or self.path}", str(clone), at=self.home)
            done = subprocess.run(
                ["git-crypt", "unlock", "-"],
                cwd=clone,
                env=environment(self.home),
                input=key.reveal(),
                capture_output=True,
                check=False,
            )
            if done.returncode:
                return done.stderr.decode(errors="replace")
            return contents(clone)

    def clone(self, name: str, *options: str) -> Path:
        """A clone beside the repository."""
        path = self.home / name
        self.git("clone", "--quiet", *options, str(self.path), str(path), at=self.home)
        return path

    def unlock(self, key: Confidential, at: Path) -> None:
        """``git-crypt unlock`` somewhere."""
        done = subprocess.run(
            ["git-crypt", "unlock", "-"],
            cwd=at,
            env=environment(self.home),
            input=key.reveal(),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")


def run(*argv: str, at: Path, home: Path, check: bool = True) -> str:
    """What a program prints."""
    assert shutil.which(argv[0]) is not None, f"{argv[0]} is {_INSTALL}"
    done = subprocess.run(argv, cwd=at, env=environment(home), check=False, capture_output=True)
    said = done.stdout.decode("utf-8", "surrogateescape")
    assert not check or done.returncode == 0, f"{argv}: {said}{done.stderr.decode(errors='replace')}"
    return said


def contents(root: Path) -> dict[str, bytes]:
    """Every regular file below a folder but git's own."""
    files = (path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    return {
        str(path.relative_to(root)): path.read_bytes() for path in files if ".git" not in path.relative_to(root).parts
    }


def make_lab(home: Path, name: str = "infra", key_name: str = "", object_format: str = "sha1") -> Lab:
    """An empty repository on ``master``, unlocked, with a key of git-crypt's own making."""
    path = home / name
    path.mkdir(parents=True)
    run("git", "init", "--quiet", "--initial-branch=master", f"--object-format={object_format}", at=path, home=home)
    named = ("--key-name", key_name) if key_name else ()
    run("git-crypt", "init", *named, at=path, home=home)
    kept = path / ".git" / "git-crypt" / "keys" / (key_name or "default")
    return Lab(path, home, Confidential(kept.read_bytes()))


PLAIN_FILES: Mapping[str, bytes] = {
    ".gitattributes": (
        b"[attr]crypt filter=git-crypt diff=git-crypt\n"
        b"# secrets\n"
        b"*.secret filter=git-crypt diff=git-crypt\r\n"
        b"*.macro crypt\n"
        b"*.big filter=lfs diff=lfs merge=lfs -text\n"
        b'"with space.txt" filter=git-crypt diff=git-crypt\n'
    ),
    "README.md": b"for everybody\n",
    "nested/.gitattributes": (
        b"* filter=git-crypt diff=git-crypt\n.gitattributes !filter !diff\nopen.txt !filter !diff\n"
    ),
    "nested/open.txt": b"in the open\n",
    "model.big": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 3\n",
}
SECRET_FILES: Mapping[str, bytes] = {
    "a.secret": b"hunter2\n",
    "empty.secret": b"",
    "tiny.secret": b"x",
    "of.macro": b"by a macro\n",
    "with space.txt": b"a name with a space\n",
    "nested/deep/token": b"t" * 1000,
    "nested/line\nbreak": b"a name with a line feed\n",
    'nested/quote"back\\slash': b"quoted\n",
    "nested/ünïcødé": b"a name that is not ASCII\n",
    "nested/run.sh": b"#!/bin/sh\nexit 0\n",
    "large.secret": bytes(range(256)) * 1200,
}


def fill(lab: Lab) -> None:
    """All that a repository may have: nested attributes, a macro, links, a submodule, LFS, modes, odd names."""
    lab.write({**PLAIN_FILES, **SECRET_FILES})
    (lab.path / "nested" / "run.sh").chmod(0o755)
    (lab.path / "link.secret").symlink_to("a.secret")
    other = lab.home / "other"
    other.mkdir()
    run("git", "init", "--quiet", "--initial-branch=master", at=other, home=lab.home)
    run("git", "commit", "--quiet", "--allow-empty", "--message", "Begin", at=other, home=lab.home)
    lab.git("add", "--all")
    gitlink = lab.git("rev-parse", "HEAD", at=other).strip()
    lab.git("update-index", "--add", "--cacheinfo", f"160000,{gitlink},vendored")
    (lab.path / "vendored").mkdir()
    lab.git("commit", "--quiet", "--message", "Begin")
    shutil.rmtree(other)


def rotator_of(lab: Lab, *branches: str, keys: Literal["replace", "named"] = "replace", **more: Any) -> Rotator:
    """What rotates the key of a lab's repository; ``more`` as in :class:`Repository`."""
    repository = Repository(**{"path": str(lab.path), "branches": branches, "keys": keys, **more})
    return gitcrypt_rotator(SecretEntry("infra", SecretKind.GIT_CRYPT, "infra/key", repository=repository))


def begun(rotator: Rotator, old: Fields, rotation: str = "0123456789ab") -> Pair:
    """A rotation that has just begun."""
    return Pair(old, rotator.generate(old), rotation, WHEN)


def go(rotator: Rotator, pair: Pair, *phases: str) -> list[str]:
    """Goes through phases, or all of them; what each has shown."""
    return [getattr(rotator, phase)(rotator.targets[0], pair) for phase in phases or PHASES]


PHASES = ("install", "prove", "cut_over", "retire", "prove_refused")
