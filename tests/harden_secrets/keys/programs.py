"""Runs the programs whose key files the detectors must know."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


def run(*arguments: str | Path, input: bytes = b"", folder: Path | None = None) -> bytes:  # noqa: A002
    """What a program prints. What it complains about is in the error."""
    done = subprocess.run([*map(str, arguments)], input=input, capture_output=True, cwd=folder, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder that only lives as long as a key is being made. Its name is short: gpg's socket must fit in."""
    with TemporaryDirectory(prefix="k", dir="/tmp") as folder:
        yield Path(folder)
