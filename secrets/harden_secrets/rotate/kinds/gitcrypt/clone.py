"""A fresh clone, in which the real git-crypt is put to the test.

The clone lies in a private folder, in memory where there is room, and is removed; while git-crypt works in it, the
plaintext is there, as it is at everybody who unlocks the repository.
"""

import hashlib
import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harden.errors import HardenError
from harden.printable import printable
from harden_secrets.missingprogram import not_run
from harden_secrets.rotate.kinds.gitcrypt import blobs, keyfile
from harden_secrets.rotate.kinds.gitcrypt.keyfile import KeyFile
from harden_secrets.rotate.kinds.gitcrypt.survey import TreeFile
from harden_secrets.rotate.kinds.gitcrypt.workshop import NO_CONFIGURATION
from harden_secrets.rotate.kinds.gitcrypt.worktreefile import WorktreeFile
from harden_secrets.sources.gitcommand import Repository, scrubbed_environment

_SECONDS = 3600
_SETTINGS = ("core.attributesFile=/dev/null", "init.defaultBranch=none", "advice.detachedHead=false")


class Clone:
    """A fresh clone, its files as git stores them until it is unlocked."""

    def __init__(self, room: Path, objects: Path, form: str) -> None:
        """``objects`` is the folder with the objects of the repository that is cloned; none is copied."""
        self.root = room / "clone"
        self.root.mkdir()
        self._home = {**NO_CONFIGURATION, "HOME": str(room)}
        self._git = Repository(str(self.root), environment=self._home, settings=_SETTINGS)
        self._git.run("init", "--quiet", "--template=", f"--object-format={form}")
        (about := self.root / ".git" / "objects" / "info").mkdir(parents=True, exist_ok=True)
        (about / "alternates").write_bytes(os.fsencode(objects) + b"\n")

    def check_out(self, commit: str) -> str | None:
        """The files of a commit; what git, or git-crypt, says if they refuse."""
        return _words(self._git.attempt("checkout", "--quiet", "--force", "--detach", commit, seconds=_SECONDS))

    def unlock(self, file: KeyFile) -> str | None:
        """``git-crypt unlock`` with that key, which it gets through a pipe; what it says if it fails."""
        content = keyfile.serialise(file).reveal()
        environment = scrubbed_environment() | self._home
        try:
            done = subprocess.run(
                ["git-crypt", "unlock", "-"],
                cwd=self.root,
                env=environment,
                input=content,
                capture_output=True,
                check=False,
                timeout=_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise HardenError(f"git-crypt unlock: no end after {_SECONDS} seconds, given up") from error
        except OSError as error:
            raise not_run("git-crypt", "git-crypt", error) from error
        return _words(done)

    def differing(self, files: Iterable[TreeFile], hashes: Mapping[str, bytes]) -> Iterator[str]:
        """The paths of files that do not have the plaintext whose hash is given by their path."""
        for file in files:
            if file.path in hashes and _hash(WorktreeFile(self.root, file.path)) != hashes[file.path]:
                yield file.path

    def readable(self, files: Iterable[TreeFile]) -> Iterator[str]:
        """The paths of files that lie there, and not as git-crypt's ciphertext."""
        for file in files:
            here = WorktreeFile(self.root, file.path)
            if here.size() and not blobs.is_encrypted(next(iter(here))):
                yield file.path


def digest(pieces: Iterable[bytes]) -> bytes:
    """SHA-256 of what comes in pieces."""
    state = hashlib.sha256()
    for piece in pieces:
        state.update(piece)
    return state.digest()


def _words(done: "subprocess.CompletedProcess[bytes]") -> str | None:
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return printable(lines[0]) if lines else f"status {done.returncode}"


def _hash(file: WorktreeFile) -> bytes | None:
    return digest(file) if file.size() is not None else None
