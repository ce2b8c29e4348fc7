"""The file system of a host: this one's, or one that is being made in a folder."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

from harden.errors import HardenError

_MOST_LINKS = 40  # as in the kernel, path_resolution(7)


@dataclass(frozen=True, slots=True)
class FileSystem:
    """``root`` is the folder that is ``/`` there, absolute."""

    root: Path = Path("/")

    @property
    def is_here(self) -> bool:
        """Whether it is that of this host."""
        return self.root == Path("/")

    def outer(self, path: str | Path) -> Path:
        """Where we find what is at an absolute path there. Links lead where they lead for the host, as with chroot(2):
        an absolute one in an image must not have us write to the machine that makes it. Raises HardenError for links
        in a circle."""
        if self.is_here:
            return Path("/") / path
        return self._followed(path)

    def inner(self, path: str | Path) -> str:
        """The other way round: what a path of ours is there. One that is not in it is taken for one of theirs."""
        absolute = Path(path).absolute()
        return str(Path("/") / absolute.relative_to(self.root)) if absolute.is_relative_to(self.root) else str(absolute)

    def _followed(self, path: str | Path) -> Path:
        found, left, links = self.root, _names(path), 0
        while left:
            name = left.pop()
            if name == "..":
                found = found if found == self.root else found.parent
                continue
            following = found / name
            if not following.is_symlink():
                found = following
                continue
            links += 1
            if links > _MOST_LINKS:
                raise HardenError(f"{following}: {os.strerror(errno.ELOOP)}")
            target = os.readlink(following)
            found = self.root if target.startswith("/") else found
            left += _names(target)
        return found


def _names(path: str | Path) -> list[str]:
    """The last one first."""
    return [name for name in reversed(str(path).split("/")) if name not in ("", ".")]
