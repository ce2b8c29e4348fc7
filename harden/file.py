"""Reading a file that a person named."""

import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from harden.errors import HardenError

LARGEST = 16 * 1024 * 1024


def read_file(path: str, hints: str | Iterable[str] = ()) -> bytes:
    """The content of an ordinary file of at most 16 MB. Raises HardenError for anything else.

    ``hints`` are for when it is not there.
    """
    try:
        # A FIFO without a writer would block the opening for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _refuse_unfit(path, os.fstat(descriptor))
            with open(descriptor, "rb", closefd=False) as stream:
                data = stream.read(LARGEST + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise HardenError(f"{path}: no such file", hints) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "is no path"
        raise HardenError(f"{path}: cannot be read: {reason}") from None
    if len(data) > LARGEST:
        raise HardenError(f"{path}: is larger than 16 MB")
    return data


def _refuse_unfit(path: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise HardenError(f"{path}: is a directory, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise HardenError(f"{path}: is not an ordinary file")
    if status.st_size > LARGEST:
        raise HardenError(f"{path}: is larger than 16 MB")


def write_published(path: Path, text: str) -> None:
    """Put a file that everybody may read in place of what is there, in one step. Raises HardenError.

    Not forced to the disk: for what is soon written again.
    """
    try:
        descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(descriptor, "w", encoding="utf-8") as stream:
                os.fchmod(descriptor, 0o644)
                stream.write(text)
            os.replace(beside, path)
        except BaseException:
            os.unlink(beside)
            raise
    except OSError as error:
        raise HardenError(f"{path}: cannot be written: {error.strerror}") from error
