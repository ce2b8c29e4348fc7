"""A git folder of our own over the objects of a repository.

It has no configuration, attributes, hooks or filters but git's own, so nothing in the repository can make git run a
program or see a file in another light. What is read and written are the objects, which both have in common.
"""

import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from harden.errors import HardenError
from harden_secrets.rotate.kinds.gitcrypt import attributes
from harden_secrets.rotate.kinds.gitcrypt.blobs import Piece
from harden_secrets.rotate.kinds.gitcrypt.survey import TreeFile
from harden_secrets.sources.gitcommand import SECONDS, Repository
from harden_secrets.timelimit import limited

PIECE = 1 << 17
HELD = 16 << 20  # a larger file is read once more instead of held in memory
_REGULAR = frozenset({b"100644", b"100755"})
# Packs of what cannot be compressed, and no object in a folder of its own, which would belong to whoever runs this.
_IMPORT = ("core.compression=0", "pack.compression=0", "core.bigFileThreshold=8m", "fastimport.unpackLimit=1")
_ALONE = ("core.attributesFile=/dev/null", "core.excludesFile=/dev/null", "init.defaultBranch=none")
NO_CONFIGURATION: Mapping[str, str] = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
}


class Blob:
    """The bytes of a blob, from the first one each time they are gone through."""

    def __init__(self, workshop: "Workshop", name: str, size: int, content: bytes | None = None) -> None:
        self.id = name
        self.size = size
        self._workshop = workshop
        self._content = content

    def __iter__(self) -> Iterator[Piece]:
        if self._content is None:
            return self._workshop.pieces(self.id)
        if len(self._content) <= PIECE:
            return iter((self._content,))
        view = memoryview(self._content)
        return (view[at : at + PIECE] for at in range(0, len(view), PIECE))

    @property
    def head(self) -> bytes:
        """Its beginning: enough to tell what it is."""
        pieces = iter(self)
        return bytes(next(pieces, b""))


class Workshop:
    """What can be done with objects. Raises HardenError from any call."""

    def __init__(self, path: str, objects: str, form: str, room: Path) -> None:
        """``path`` is the repository's name for people; ``objects`` its folder of objects, ``form`` their format."""
        self.path = path
        self._folder = room / "workshop"
        variables = {**NO_CONFIGURATION, "GIT_DIR": str(self._folder)}
        making = Repository(str(room), environment=NO_CONFIGURATION, settings=_ALONE)
        making.run("init", "--quiet", "--bare", "--template=", f"--object-format={form}", str(self._folder))
        index = {"GIT_OBJECT_DIRECTORY": objects, "GIT_INDEX_FILE": str(room / "index")}
        self.git = Repository(path, environment={**variables, **index}, settings=(*_ALONE, *_IMPORT))

    def files(self, commit: str) -> tuple[TreeFile, ...]:
        """The regular files of a commit: no symbolic links, no submodules."""
        listed = self.git.run("ls-tree", "-r", "-z", "--long", "--full-tree", commit)
        return tuple(_tree_files(listed))

    def filters(self, commit: str, files: Iterable[TreeFile]) -> dict[str, str]:
        """The filter of each of a commit's files that has one, by the attributes in the commit."""
        self.git.run("read-tree", commit)
        paths = b"".join(file.path.encode("utf-8", "surrogateescape") + b"\0" for file in files)
        return attributes.filters(self.git.run("check-attr", "--cached", "-z", "--stdin", "filter", stdin=paths))

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """Those of the objects that are blobs, and their sizes."""
        form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
        listed = self.git.run("cat-file", form, stdin="".join(f"{name}\n" for name in names).encode()).decode()
        return {name: int(size) for name, kind, size in map(str.split, listed.splitlines()) if kind == "blob"}

    def content(self, name: str) -> bytes:
        """A small blob."""
        return self.git.run("cat-file", "blob", name)

    def pieces(self, name: str) -> Iterator[Piece]:
        """A blob in pieces, the first of which has 22 bytes at least if the blob has."""
        with reading(self.git, "cat-file", "blob", name) as stdout:
            while piece := stdout.read(PIECE):
                yield piece

    def blobs(self, sizes: Mapping[str, int]) -> Iterator[Blob]:
        """All of those, by their ids, each to be used before the next is asked for."""
        held = [name for name, size in sizes.items() if size <= HELD]
        yield from self._held(held)
        for name, size in sizes.items():
            if size > HELD:
                yield Blob(self, name, size)

    def _held(self, names: Sequence[str]) -> Iterator[Blob]:
        if not names:
            return
        with tempfile.TemporaryFile() as asked:
            asked.write("".join(f"{name}\n" for name in names).encode())
            asked.seek(0)
            with reading(self.git, "cat-file", "--batch", "--buffer", stdin=asked) as stdout:
                for name in names:
                    size = _size(self.path, name, stdout.readline())
                    content = stdout.read(size)
                    if len(content) < size or stdout.read(1) != b"\n":
                        raise HardenError(
                            f"{self.path}: git ended in the middle of object {name}", "`git fsck` says more"
                        )
                    yield Blob(self, name, size, content)


@contextmanager
def reading(git: Repository, *arguments: str, stdin: IO[bytes] | int = subprocess.DEVNULL) -> Iterator[IO[bytes]]:
    """What a git prints, while it prints it. Raises HardenError at the end of it if git has failed."""
    with tempfile.TemporaryFile() as errors:
        process = git.start(*arguments, stdin=stdin, stderr=errors)
        assert process.stdout is not None
        try:
            with limited(process, SECONDS):
                yield process.stdout
                status = process.wait()
        finally:
            process.kill()
            process.stdout.close()
            process.wait()
        if status:
            errors.seek(0)
            raise git.failed(arguments[0], errors.read())


def _tree_files(listed: bytes) -> Iterator[TreeFile]:
    for line in listed.split(b"\0"):
        about, _, path = line.partition(b"\t")
        if not about:
            continue
        mode, _, name, size = about.split()
        if mode in _REGULAR:
            yield TreeFile(path.decode("utf-8", "surrogateescape"), mode.decode(), name.decode(), int(size))


def _size(path: str, name: str, line: bytes) -> int:
    words = line.split()
    if len(words) != 3:
        raise HardenError(f"{path}: object {name} is missing", "`git fsck` says more")
    return int(words[2])
