"""Files for ssh that lie in memory only, and are gone with us, however we end."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def memory_file(content: bytes) -> Iterator[str]:
    """The path of a file (memfd_create(2)) with that content; readable and writable by our own user only.

    It is a path of this process, not of whoever opens it: ssh closes what it inherits before it reads its files.
    """
    descriptor = os.memfd_create("harden", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)  # ssh takes no key that others could read
        with os.fdopen(descriptor, "wb", closefd=False) as opened:
            opened.write(content)
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)
