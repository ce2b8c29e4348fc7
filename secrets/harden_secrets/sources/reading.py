"""Bytes in windows of a bounded size, however many there are and whatever a file does meanwhile."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

WINDOW = 8 << 20  # bytes; what is longer is looked at in pieces
OVERLAP = 256 << 10  # what is shorter than this lies whole in one of the pieces
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY  # not to wait at a pipe that took a file's place

Fill = Callable[[memoryview], int]


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a blob. ``content`` is valid until the next one is asked for.

    ``lines`` is the number of lines before it; ``first`` and ``last`` say whether the blob begins and ends in it.
    """

    content: memoryview
    lines: int
    first: bool
    last: bool


class Windows:
    """Cuts one blob after the other into pieces, in one buffer."""

    def __init__(self, window: int = WINDOW, overlap: int = OVERLAP) -> None:
        self._buffer = bytearray(window)
        self._overlap = overlap

    def of(self, fill: Fill) -> Iterator[Window]:
        """The pieces of what ``fill`` gives. It fills the view that it gets, and only at the end less than that."""
        view = memoryview(self._buffer)
        kept, lines, first = 0, 0, True
        while True:
            filled = kept + fill(view[kept:])
            last = filled < len(view)
            yield Window(view[:filled], lines, first, last)
            if last:
                return
            step = self._step(filled)
            lines += self._buffer.count(b"\n", 0, step)
            kept, first = filled - step, False
            view[:kept] = self._buffer[step:filled]

    def of_file(self, path: str) -> Iterator[Window]:
        """The pieces of a file, without its holes. Raises OSError, also if it is no regular file (any more)."""
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a file any more", path)
            if 0 < status.st_size < len(self._buffer):
                view = memoryview(self._buffer)
                filled = os.readv(descriptor, [view[: status.st_size]])
                if filled == status.st_size:  # nearly every file: read in one go
                    yield Window(view[:filled], 0, first=True, last=True)
                    return
                os.lseek(descriptor, 0, os.SEEK_SET)
            yield from self.of(_filling_from(descriptor, status, len(self._buffer)))
        finally:
            os.close(descriptor)

    def _step(self, filled: int) -> int:
        """How far the next piece begins after this one: at the beginning of a line, if there is one to begin at."""
        earliest = filled - self._overlap
        return self._buffer.find(b"\n", earliest, filled - self._overlap // 2) + 1 or earliest


def _filling_from(descriptor: int, status: os.stat_result, window: int) -> Fill:
    """Reads a file up to the size that it had, or one window (/proc says 0): it may grow faster than it is read."""
    remaining = status.st_size or window
    sparse = status.st_size > window and status.st_blocks * 512 < status.st_size

    def fill(view: memoryview) -> int:
        nonlocal remaining
        filled = 0
        while filled < len(view) and remaining > 0:
            if sparse:
                remaining -= _leave_hole(descriptor)
            got = os.readv(descriptor, [view[filled : filled + max(remaining, 0)]])
            if not got:
                break
            filled += got
            remaining -= got
        return filled

    return fill


def _leave_hole(descriptor: int) -> int:
    """Goes on to where the next bytes are that are not a hole; how many were passed over."""
    at = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        return os.lseek(descriptor, at, os.SEEK_DATA) - at
    except OSError as error:
        if error.errno == errno.ENXIO:  # nothing but a hole up to the end
            return os.lseek(descriptor, 0, os.SEEK_END) - at
        raise
