"""One process at a time: a file that is locked as long as its holder, or a child that works for it, lives."""

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from harden.errors import HardenError

_PAUSE = 0.05  # seconds


@contextlib.contextmanager
def locked(path: Path, why: str, seconds: float) -> Iterator[None]:
    """Hold the lock on ``path``. Raises HardenError with ``why`` if it is not to be had within ``seconds``."""
    try:
        descriptor = _open(path)
    except OSError as error:
        raise HardenError(f"{path}: {error.strerror}", "name another folder with --state or HARDEN_STATE") from error
    try:
        _wait(descriptor, path, why, seconds)
        with contextlib.suppress(OSError):  # only for who is told of it: a full disk must keep nobody out
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        # 0600: who may open it may lock it, and keep everybody else out
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # after a fault of the disk, there is still work to do


def _wait(descriptor: int, path: Path, why: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
                raise HardenError(
                    f"{why}: gave up after {seconds:g} seconds (process {holder} holds {path})",
                    "run the command again when that one is done",
                ) from None
            time.sleep(_PAUSE)
        else:
            return
