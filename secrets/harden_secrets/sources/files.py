"""The files under some paths, found by one process and handed out in batches.

Symbolic links are not followed: what they point to is found under its own name if it lies inside, and is none of our
business if it lies outside. Only a path that the person names may itself be a link.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from harden.errors import HardenError
from harden_secrets.sources.skipped import Skipped

BATCH = 96  # files; few enough to keep every process busy until the end, enough to make handing them out cheap
_OBJECTS = "objects"  # of a git repository: compressed, and the history's matter
_ELSEWHERE = "its history is looked at by `harden secrets scan --git`"


@dataclass(frozen=True, slots=True)
class FileBatch:
    """Files to look at, by the names that reports give them."""

    paths: tuple[str, ...]


@dataclass
class Walk:
    """One walk over paths that a person names, each file once however the paths overlap.

    ``batches()`` gives the files; what was passed over stands in ``skipped`` when it has come to its end. Raises
    HardenError for a path that is not there.
    """

    paths: Iterable[str]
    skipped: list[Skipped] = field(default_factory=list)
    links: int = 0  # symbolic links passed over
    files: int = 0
    _folders: set[tuple[int, int]] = field(default_factory=set)
    _named: set[tuple[int, int]] = field(default_factory=set)

    def batches(self) -> Iterator[FileBatch]:
        """The files, in an order that depends on nothing but their names."""
        paths = self._files()
        while batch := tuple(islice(paths, BATCH)):
            self.files += len(batch)
            yield FileBatch(batch)

    def covers(self, path: str) -> bool:
        """Whether the walk came past a file."""
        folder = os.stat(os.path.dirname(os.path.realpath(path)))
        status = os.stat(path)
        return (folder.st_dev, folder.st_ino) in self._folders or (status.st_dev, status.st_ino) in self._named

    def add(self, path: str) -> None:
        """Counts a file that was looked at for another reason."""
        status = os.stat(path)
        self._named.add((status.st_dev, status.st_ino))
        self.files += 1

    def _files(self) -> Iterator[str]:
        folders = []
        for path in self.paths:
            status = _status(path)
            if stat.S_ISDIR(status.st_mode):
                folders.append(path)
            elif stat.S_ISREG(status.st_mode):
                if (status.st_dev, status.st_ino) not in self._named:
                    self._named.add((status.st_dev, status.st_ino))
                    yield path
            else:
                self.skipped.append(Skipped(path, _kind(status.st_mode)))
        for folder in folders:
            yield from self._below("" if folder == "." else folder)

    def _below(self, top: str) -> Iterator[str]:
        pending = [top]
        while pending:
            folder = pending.pop()
            below: list[str] = []
            yield from self._listed(folder, below)
            pending.extend(reversed(below))

    def _listed(self, folder: str, below: list[str]) -> Iterator[str]:
        try:
            device = self._entered(folder)
            if device is None:
                return
            with os.scandir(folder or ".") as listing:
                entries = sorted(listing, key=_name)
        except OSError as error:
            self.skipped.append(Skipped(folder, _reason(error)))
            return
        for entry in entries:
            path = os.path.join(folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                if _holds_git_objects(entry.name, folder):
                    self.skipped.append(Skipped(path, _ELSEWHERE, incomplete=False))
                else:
                    below.append(path)
            elif not entry.is_file(follow_symlinks=False):
                self._passed_over(entry, path)
            elif not self._named or (device, entry.inode()) not in self._named:
                yield path

    def _entered(self, folder: str) -> int | None:
        """The device of a folder that is entered for the first time."""
        status = os.stat(folder or ".")
        identity = (status.st_dev, status.st_ino)
        if identity in self._folders:
            return None
        self._folders.add(identity)
        return status.st_dev

    def _passed_over(self, entry: "os.DirEntry[str]", path: str) -> None:
        if entry.is_symlink():
            self.links += 1
        else:
            self.skipped.append(Skipped(path, _kind(entry.stat(follow_symlinks=False).st_mode), incomplete=False))


def _name(entry: "os.DirEntry[str]") -> str:
    return entry.name


def _status(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise HardenError(f"{path}: {error.strerror}") from error


def _holds_git_objects(name: str, folder: str) -> bool:
    return name == _OBJECTS and os.path.isfile(os.path.join(folder, "HEAD")) and os.path.isdir(f"{folder}/refs")


def _kind(mode: int) -> str:
    for test, kind in ((stat.S_ISFIFO, "pipe"), (stat.S_ISSOCK, "socket"), (stat.S_ISBLK, "disk")):
        if test(mode):
            return f"a {kind}, not a file"
    return "a device, not a file"


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
