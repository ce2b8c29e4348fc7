"""Reading policy and profile files from disk."""

from dataclasses import dataclass
from pathlib import Path

from harden.errors import HardenError
from harden.file import read_file

NO_FILE_HINT = "say where the policy is with --policy FILE, or begin one with: harden wg import"


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A shipped profile as it lies on disk; ``name`` is the file's name without ``.yaml``."""

    name: str
    path: str
    data: bytes


def read_policy_file(path: str) -> bytes:
    """The policy's bytes. Raises HardenError where there is no such file, or none that can be one."""
    return read_file(path, NO_FILE_HINT)


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
