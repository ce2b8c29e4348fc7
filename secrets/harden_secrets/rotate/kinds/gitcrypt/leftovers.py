"""What a run that was killed has left in a repository: locks of the git that died with it, and half-written files.

A run holds a file in the git folder, locked for as long as its process lives. Whatever of the kinds below is younger
than such a file whose process is gone, and that no process has open, nobody will come back for. But where a git is at
work in the repository, all of it stays: `git commit` has a lock, and no file open, while its user writes the message.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harden_secrets.rotate.kinds.gitcrypt.worktreefile import BESIDE

_AT_WORK = "harden-at-work-"
_LOCKS = (
    "refs/harden/**/*.lock",
    "refs/heads/**/*.lock",
    "packed-refs.lock",
    "config.lock",
    "HEAD.lock",
    "index.lock",
    "worktrees/*/index.lock",
    f"git-crypt/keys/{BESIDE}*",
    f"worktrees/*/git-crypt/keys/{BESIDE}*",
)
_PACKS = ("pack/tmp_pack_*", "pack/tmp_idx_*", "pack/tmp_rev_*")
_SETTLED = 2.0  # seconds: a git that outlived its caller has come to its end by then


@contextmanager
def at_work(common: Path, objects: Path, roots: Iterable[Path]) -> Iterator[None]:
    """Takes away what killed runs left, and lets the next one do so if this one is killed.

    ``common`` is the git folder, ``roots`` are the work trees. Where nothing can be written, nothing is left either.
    """
    gone = [begun for path in common.glob(f"{_AT_WORK}*") if (begun := _abandoned(path)) is not None]
    if gone:
        places = (common, *roots)
        if _remove(_candidates(common, objects, places[1:]), min(gone), places):
            for path in common.glob(f"{_AT_WORK}*"):
                if _abandoned(path) is not None:
                    path.unlink(missing_ok=True)
    mark = common / f"{_AT_WORK}{secrets.token_hex(8)}"
    try:
        held = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        mark.unlink(missing_ok=True)
        os.close(held)


def _abandoned(mark: Path) -> float | None:
    """When the run began that has left that file; None while it is under way."""
    try:
        held = os.open(mark, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.fstat(held).st_mtime
    except BlockingIOError:
        return None
    finally:
        os.close(held)


def _candidates(common: Path, objects: Path, roots: Iterable[Path]) -> Iterator[Path]:
    for pattern in _LOCKS:
        yield from common.glob(pattern)
    for pattern in _PACKS:
        yield from objects.glob(pattern)
    for root in roots:
        for folder, below, names in os.walk(root):
            below[:] = [name for name in below if name != ".git"]
            yield from (Path(folder, name) for name in names if name.startswith(BESIDE))


def _remove(candidates: Iterable[Path], since: float, places: Iterable[Path]) -> bool:
    """Whether it could be done: not while somebody else is at work."""
    found = {path: about for path in candidates if (about := _about(path)) is not None and about[1] >= since}
    if not found:
        return True
    youngest = max(modified for _, modified in found.values())
    time.sleep(max(0.0, min(_SETTLED, youngest + _SETTLED - time.time())))
    if _git_is_at(places):
        return False
    in_use = _open_files()
    for path, about in found.items():
        if _about(path) == about and str(path) not in in_use:
            with suppress(OSError):
                path.unlink()
    return True


def _about(path: Path) -> tuple[int, float] | None:
    try:
        about = path.lstat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime


def _git_is_at(places: Iterable[Path]) -> bool:
    """Whether a git runs in one of the folders."""
    wanted = [place.resolve() for place in places]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "comm").read_bytes().strip() == b"git":
                folder = (process / "cwd").readlink()
                if any(folder.is_relative_to(place) for place in wanted):
                    return True
    return False


def _open_files() -> set[str]:
    """The files that processes have open, as far as this user may know."""
    found: set[str] = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for descriptor in (process / "fd").iterdir():
                with suppress(OSError):
                    found.add(str(descriptor.readlink()))
    return found
