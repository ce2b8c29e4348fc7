# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""A policy file on its way to its place: beside it as long as its rules are on trial, then in its stead or gone.

The file in its place is that of the rules that were confirmed, whatever happens to the gateway, the controller, or the
connection between them.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import tempfile
from contextlib import contextmanager, suppress
from typing import Iterator

from ansible.module_utils.basic import AnsibleModule


class StagedFile:
    """What is to become ``dest``. It lies in the same folder, so that relative paths in it mean the same."""

    def __init__(self, dest: str, mode: int | None = None, folder_mode: int = 0o755) -> None:
        """``mode`` are the rights of the file, None those of what stands in its place; ``folder_mode`` those of a
        folder that has to be made for it."""
        self.dest = dest
        self._mode = mode
        self._folder_mode = folder_mode
        self._place = os.path.realpath(dest)
        folder, name = os.path.split(self._place)
        self.folder = folder
        self.path = os.path.join(folder, f".{name}.staged")

    @property
    def known_as(self) -> dict[str, str]:
        """For messages: its path, and that by which a person knows it."""
        return {self.path: self.dest}

    def write(self, data: bytes) -> None:
        """Puts the content beside the place; one that was left there goes."""
        os.makedirs(self.folder, self._folder_mode, exist_ok=True)
        self.discard()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())

    def discard(self) -> None:
        """It is gone, if it was there."""
        with suppress(FileNotFoundError):
            os.unlink(self.path)

    def remove(self) -> None:
        """The file is gone from its place."""
        with suppress(FileNotFoundError):
            os.unlink(self._place)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else who asks for this stages or places a file in that folder meanwhile. It is made if need be."""
        os.makedirs(self.folder, self._folder_mode, exist_ok=True)
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def refuse_fixed(self) -> None:
        """Raises OSError where another file could not take the place, which is better known before rules change."""
        if not os.path.lexists(self._place):
            return
        if self._place in _mount_points():
            raise OSError(
                errno.EBUSY, "is a mount point of its own: mount its folder, so that it can be replaced", self.dest
            )
        if not os.access(self._place, os.W_OK):
            raise OSError(errno.EPERM, "may not be changed, not even by root (lsattr tells why)", self.dest)

    def renamed(self, path: str | bytes | None) -> str:
        """A path as a person knows it."""
        return self.dest if path in (self.path, None) else str(path)

    def put_in_place(self, module: AnsibleModule) -> bool:
        """It stands in its place, with the owner of what stood there; whether the content is another."""
        other = self.content != self.content_in_place
        if other and self._mode is None:
            module.atomic_move(self.path, self._place)
        elif other:
            os.chmod(self.path, self._mode)
            os.replace(self.path, self._place)
        self.discard()
        return other

    @property
    def content(self) -> bytes | None:
        """What is staged; None if nothing is."""
        return _content(self.path)

    @property
    def content_in_place(self) -> bytes | None:
        """What stands in the place; None if nothing does."""
        return _content(self._place)

    @contextmanager
    def draft(self, data: bytes, elsewhere: str) -> Iterator[str]:
        """The path of a file with this content for as long as the block takes: in the same folder, or ``elsewhere`` if
        there is no such folder. What is staged is left alone."""
        with passing_file(data, self.folder if os.path.isdir(self.folder) else elsewhere) as path:
            yield path


@contextmanager
def passing_file(data: bytes, folder: str) -> Iterator[str]:
    """The path of a file for root alone with this content, for as long as the block takes."""
    descriptor, path = tempfile.mkstemp(prefix=".harden.", suffix=".draft", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        yield path
    finally:
        os.unlink(path)


def checksum(data: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _mount_points() -> set[str]:
    """Of this process; proc_pid_mountinfo(5) has blanks and the like in octal digits."""
    with open("/proc/self/mountinfo", "rb") as stream:
        fields = [line.split(b" ")[4] for line in stream]
    return {os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), field)) for field in fields}


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
