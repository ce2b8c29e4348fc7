"""A private folder for what must not stay: in memory where there is room, gone at the end, or at the next beginning.

Each holds a lock for as long as its process lives, so that the next run can tell what a killed one left behind.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harden.errors import HardenError

_PREFIX = "harden-rekey-"
_LOCK = ".in-use"
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  a private folder is made in it
_BEING_MADE = 60  # seconds


@contextmanager
def workroom(size: int = 0) -> Iterator[Path]:
    """A folder that nobody else can read, with room for that many bytes. Raises HardenError."""
    for place in _places():
        _sweep(place)
    place = _place_for(size)
    try:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    except OSError as error:
        raise HardenError(f"{place}: no private folder can be made: {error.strerror}") from error
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _places() -> tuple[Path, ...]:
    usual = Path(tempfile.gettempdir())
    return (_IN_MEMORY, usual) if os.access(_IN_MEMORY, os.W_OK | os.X_OK) else (usual,)


def _place_for(size: int) -> Path:
    """The first one that would still have half of its free space afterwards."""
    for place in _places():
        if shutil.disk_usage(place).free >= 2 * size:
            return place
    names = " and ".join(map(str, _places()))
    hint = "set TMPDIR to a folder on a file system that has"
    raise HardenError(f"{names}: no room for {2 * size >> 20} MiB, which a check of the repository takes", hint)


def _sweep(place: Path) -> None:
    """Removes what runs of this user that are no more have left."""
    for folder in place.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            about = folder.lstat()
            if about.st_uid == os.geteuid() and not folder.is_symlink() and _is_left(folder, about.st_mtime):
                shutil.rmtree(folder)


def _is_left(folder: Path, made: float) -> bool:
    try:
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return time.time() - made > _BEING_MADE
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
