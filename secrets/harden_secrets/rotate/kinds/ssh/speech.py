"""What an ssh says, in two files: its own log, and what came to standard error from the other side or from proxies.

On one descriptor they would run into each other, and the other side could write what looks like ssh's own words.
"""

import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

_MOST = 1 << 20
_LARGEST = 16 << 20


@dataclass(frozen=True, slots=True)
class Speech:
    """Both files, to be read at any time."""

    log_file: IO[bytes]
    errors_file: IO[bytes]

    @property
    def path(self) -> str:
        """Where ssh finds the file for its log."""
        return f"/proc/{os.getpid()}/fd/{self.log_file.fileno()}"

    @property
    def log(self) -> str:
        """What ssh has said itself."""
        return _text(self.log_file)

    @property
    def errors(self) -> str:
        """What others have."""
        return _text(self.errors_file)


@contextmanager
def speech() -> Iterator[Speech]:
    """Two empty files that have no name."""
    with tempfile.TemporaryFile(buffering=0) as log, tempfile.TemporaryFile(buffering=0) as errors:
        yield Speech(log, errors)


def limit_files(process: "subprocess.Popen[bytes]") -> None:
    """End an ssh that writes more than anybody would read: what the other side says must not fill our disk."""
    with suppress(ProcessLookupError):  # it has ended already
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (_LARGEST, _LARGEST))


def _text(file: IO[bytes]) -> str:
    return os.pread(file.fileno(), _MOST, 0).decode("utf-8", "replace")
