"""Files of a work tree, read and replaced without following a symbolic link that somebody put in the way."""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harden_secrets.rotate.kinds.gitcrypt.blobs import Piece

_PIECE = 1 << 20
BESIDE = ".harden-rekey-"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class WorktreeFile:
    """A file in a work tree: ``root`` is the work tree, ``path`` the file's in it. All calls raise OSError."""

    root: Path
    path: str

    def size(self) -> int | None:
        """How long it is; None where there is none, or no regular file."""
        try:
            with self._folder() as folder:
                about = os.stat(self._name, dir_fd=folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return about.st_size if stat.S_ISREG(about.st_mode) else None

    def __iter__(self) -> Iterator[bytes]:
        """Its content in pieces."""
        with self._folder() as folder:
            opened = os.open(self._name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        with os.fdopen(opened, "rb", buffering=0) as stream:
            while piece := stream.read(_PIECE):
                yield piece

    def replace(self, pieces: Iterable[Piece], *, mode: int = 0o644) -> None:
        """Other content at its place, in one step; permissions and owner stay. ``mode`` is that of a new file."""
        with self._folder(make=True) as folder:
            beside = f"{BESIDE}{os.getpid()}"
            about = self._as_it_was(folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with os.fdopen(os.open(beside, flags, 0o600, dir_fd=folder), "wb") as stream:
                    for piece in pieces:
                        stream.write(piece)
                    if os.geteuid() == 0:
                        os.fchown(stream.fileno(), about.st_uid, about.st_gid)
                    regular = stat.S_ISREG(about.st_mode)
                    os.fchmod(stream.fileno(), stat.S_IMODE(about.st_mode) if regular else mode)
                os.replace(beside, self._name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(beside, dir_fd=folder)
                raise

    def remove(self) -> None:
        """The file is not there."""
        with suppress(FileNotFoundError, NotADirectoryError), self._folder() as folder:
            os.unlink(self._name, dir_fd=folder)

    def _as_it_was(self, folder: int) -> os.stat_result:
        try:
            return os.stat(self._name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return os.fstat(folder)

    @property
    def _name(self) -> str:
        return self.path.rpartition("/")[2]

    @contextmanager
    def _folder(self, *, make: bool = False) -> Iterator[int]:
        """The folder that it is in, opened name by name."""
        held = os.open(self.root, _FOLDER)
        try:
            for name in self.path.split("/")[:-1]:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=held)
                below = os.open(name, _FOLDER, dir_fd=held)
                os.close(held)
                held = below
            yield held
        finally:
            os.close(held)


def blob_id(form: str, size: int, pieces: Iterable[Piece]) -> str:
    """The name that git gives a blob; ``form`` is the repository's object format, sha1 or sha256."""
    state = hashlib.new(form, b"blob %d\0" % size, usedforsecurity=False)
    for piece in pieces:
        state.update(piece)
    return state.hexdigest()
