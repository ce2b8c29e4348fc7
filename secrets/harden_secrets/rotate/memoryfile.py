"""Files that lie in memory only (memfd_create(2)), and are gone with us, however we end."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from harden.errors import HardenError

_NOEXEC_SEAL = 0x8  # linux/memfd.h; where sysctl vm.memfd_noexec is 2 there is no other


@contextmanager
def memory_file(content: bytes) -> Iterator[str]:
    """The path of a file with that content; readable and writable by our own user only. Raises HardenError.

    It is a path of this process, not of whoever opens it: ssh closes what it inherits before it reads its files.
    """
    with memory() as descriptor:
        os.fchmod(descriptor, 0o600)  # ssh takes no key that others could read
        with os.fdopen(descriptor, "wb", closefd=False) as opened:
            opened.write(content)
        yield f"/proc/{os.getpid()}/fd/{descriptor}"


@contextmanager
def memory() -> Iterator[int]:
    """The descriptor of an empty one, which programs do not inherit by themselves. Raises HardenError."""
    descriptor = _made()
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _made() -> int:
    try:
        return os.memfd_create("harden", os.MFD_CLOEXEC | _NOEXEC_SEAL)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise HardenError(f"no file can be made in memory: {error.strerror}") from None
        return os.memfd_create("harden", os.MFD_CLOEXEC)  # a kernel before 6.3
