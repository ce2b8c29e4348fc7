"""The file system of a host: this one's, or one that is being made in a folder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileSystem:
    """``root`` is the folder that is ``/`` there, absolute."""

    root: Path = Path("/")

    @property
    def is_here(self) -> bool:
        """Whether it is that of this host."""
        return self.root == Path("/")

    def outer(self, path: str | Path) -> Path:
        """Where we find what is at an absolute path there."""
        return self.root / str(path).lstrip("/")

    def inner(self, path: str | Path) -> str:
        """The other way round: what a path of ours is there. One that is not in it is taken for one of theirs."""
        absolute = Path(path).absolute()
        return str(Path("/") / absolute.relative_to(self.root)) if absolute.is_relative_to(self.root) else str(absolute)
