"""Files that must be whole whatever happens: written beside and renamed, or grown by whole lines; 0600 always."""

import os
import tempfile
from pathlib import Path


def write_file(path: Path, data: bytes, mode: int = 0o600, owner: tuple[int, int] | None = None) -> None:
    """Put a file in place of what is there, in one step, on the disk when this returns. Raises OSError.

    ``owner`` is a user and a group; without it the file is that of this process.
    """
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        try:
            os.fchmod(descriptor, mode)  # while it is ours: who may give files away need not have power over others'
            if owner is not None:
                os.fchown(descriptor, *owner)
            _write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(beside, path)
    except BaseException:
        os.unlink(beside)
        raise
    _sync_folder(path.parent)


def remove_file(path: Path) -> None:
    """Take a file away, on the disk when this returns; gone already is fine. Raises OSError."""
    path.unlink(missing_ok=True)
    _sync_folder(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file, on the disk when this returns. A torn line at its end is cut off first. Raises OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fresh = cut_torn_end(descriptor) == 0
        _write_all(descriptor, line + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if fresh:
        _sync_folder(path.parent)


def cut_torn_end(descriptor: int) -> int:
    """Cut off a last line without its end, which a dying machine left behind; the size of the file afterwards."""
    size = os.fstat(descriptor).st_size
    whole = os.pread(descriptor, size, 0).rfind(b"\n") + 1
    if whole != size:
        os.ftruncate(descriptor, whole)
    return whole


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
