"""Files in which somebody may have written a script: pipelines, programs, Terraform."""

import os
from collections.abc import Iterable, Iterator

from harden.errors import HardenError

LARGEST = 1 << 20  # bytes; what is longer was not written by hand


def script_files(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Each ordinary file that is text, with its path as given. Raises HardenError for a path that is not there."""
    for path in paths:
        if not os.path.lexists(path):
            raise HardenError(f"{path}: no such file or folder")
        yield from _in_folder(path) if os.path.isdir(path) else _file(path)


def _in_folder(path: str) -> Iterator[tuple[str, str]]:
    def fail(error: OSError) -> None:
        raise HardenError(f"{error.filename}: cannot be read: {error.strerror}") from error

    for folder, names, files in os.walk(path, onerror=fail):
        names[:] = sorted(name for name in names if name != ".git")
        for name in sorted(files):
            yield from _file(os.path.join(folder, name))


def _file(path: str) -> Iterator[tuple[str, str]]:
    if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
        return
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            yield path, stream.read()
    except UnicodeDecodeError:
        return  # no text
    except OSError as error:
        raise HardenError(f"{path}: cannot be read: {error.strerror}") from error
