"""Reading policy and profile files from disk."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from harden.errors import HardenError

LARGEST = 16 * 1024 * 1024
NO_FILE_HINT = "say where the policy is with --policy FILE, or begin one with: harden wg import"


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A shipped profile as it lies on disk; ``name`` is the file's name without ``.yaml``."""

    name: str
    path: str
    data: bytes


def read_file(path: str) -> bytes:
    """The content of an ordinary file of at most 16 MB. Raises HardenError for anything else."""
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
        raise HardenError(f"{path}: no such file", NO_FILE_HINT) from None
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


def read_profiles_folder(folder: Path | None = None) -> tuple[ProfileFile, ...]:
    """The profiles in a folder, by default those that come with harden, sorted by name."""
    folder = folder or _shipped_folder()
    try:
        paths = sorted(folder.glob("*.yaml"))
    except OSError as error:
        raise HardenError(f"{folder}: cannot be read: {error.strerror}") from None
    if not paths:
        raise HardenError(f"{folder}: no profiles there", "the installation is incomplete: install harden anew")
    return tuple(ProfileFile(path.stem, str(path), read_file(str(path))) for path in paths)


def _shipped_folder() -> Path:
    """Where the wheel has the profiles, or else where a source tree has them."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "profiles"
    return installed if installed.is_dir() else package.parent / "profiles"
