"""Where harden keeps what it must remember: the last good rules, journals, keys of its own."""

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from harden.errors import HardenError

DEFAULT_ROOT = Path("/var/lib/harden")
PARTS = frozenset({"secrets", "vault", "wg"})  # the folders in it
_NO_MATTER = frozenset({"lost+found"})  # what a file system of its own has
_ANOTHER = "name another folder with --state or HARDEN_STATE"


def state_root(option: Path | None, environment: Mapping[str, str]) -> Path:
    """Where state lives: the option, or HARDEN_STATE, or /var/lib/harden."""
    return option or Path(environment.get("HARDEN_STATE") or DEFAULT_ROOT)


def make_state_folder(root: Path, *below: str) -> Path:
    """The folder ``below`` the state's ``root``, each on the way made where there is none, for nobody else to enter.

    0700 whatever the umask. One that others may enter is closed; but not a root in which there is more than harden's
    state, which is somebody's for another purpose: that is refused, as is what belongs to another user. A symbolic
    link that root or this user made is followed, and what it leads to is looked at likewise. Raises HardenError for
    what is refused, OSError where it cannot be made.
    """
    folder = root
    _make(root, is_root=True)
    for name in below:
        folder /= name
        _make(folder)
    return folder


def _make(folder: Path, *, is_root: bool = False) -> None:
    if not os.path.lexists(folder):
        if not folder.parent.exists():
            _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)  # another process may be quicker
        folder.chmod(0o700)  # the umask may take away even the owner's rights
    _check_link(folder)
    there = folder.stat()
    if not stat.S_ISDIR(there.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
    if there.st_uid != os.geteuid():
        raise HardenError(f"{folder}: belongs to another user", f"{_ANOTHER}, or run it as that user (sudo)")
    if there.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        if is_root:
            _check_use(folder, stat.S_IMODE(there.st_mode))
        folder.chmod(0o700)


def _check_link(folder: Path) -> None:
    """A link of another user would have us write, and change rights, wherever that user wishes."""
    itself = folder.lstat()
    if stat.S_ISLNK(itself.st_mode) and itself.st_uid not in (0, os.geteuid()):
        raise HardenError(f"{folder}: is a symbolic link that another user made", _ANOTHER)


def _check_use(root: Path, mode: int) -> None:
    """Closing a folder that others use, ``/tmp`` say, would do harm."""
    if set(os.listdir(root)) - PARTS - _NO_MATTER:
        raise HardenError(
            f"{root}: is open to other users (its mode is {mode:04o}) and holds more than harden's state",
            f"{_ANOTHER}, one within it for instance; or close this one: chmod 0700 {root}",
        )
