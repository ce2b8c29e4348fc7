"""Objects and commits written by ``git fast-import``: one process, one pack, whatever the number of files.

The pack is not compressed: what goes in is ciphertext, on which zlib would spend most of the time and gain nothing.
See git-fast-import(1).
"""

import fcntl
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from harden_secrets.rotate.kinds.gitcrypt.blobs import Piece
from harden_secrets.sources.gitcommand import Repository
from harden_secrets.timelimit import limited

_PIPE = 1 << 20
_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class NewFile:
    """What comes into a tree: a mode, and the mark of a blob that was written before."""

    mode: str
    mark: int


@dataclass(frozen=True, slots=True)
class NewCommit:
    """A commit on its first parent, with files put in or, where None, taken out.

    Further parents are ids, or ``:mark`` of commits that were written before.
    """

    parents: tuple[str, ...]
    author: str  # name and address: ``Name <address>``
    when: datetime
    message: str
    changes: Mapping[str, NewFile | None]


class Import:
    """A fast-import that is under way."""

    def __init__(self, git: Repository, stdin: IO[bytes]) -> None:
        self._git = git
        self._stdin = stdin
        self._marks = 0

    def blob(self, size: int, pieces: Iterable[Piece]) -> int:
        """Writes a blob; its mark."""
        self._marks += 1
        self._stdin.write(b"blob\nmark :%d\ndata %d\n" % (self._marks, size))
        for piece in pieces:
            self._stdin.write(piece)
        self._stdin.write(b"\n")
        return self._marks

    def commit(self, commit: NewCommit) -> int:
        """Writes a commit; its mark."""
        self._marks += 1
        first, *others = commit.parents
        who = f"{commit.author} {int(commit.when.astimezone(UTC).timestamp())} +0000"
        message = commit.message.encode()
        head = f"commit refs/new/{self._marks}\nmark :{self._marks}\nauthor {who}\ncommitter {who}\n"
        begin = f"{head}data {len(message)}\n".encode("utf-8", "surrogateescape")  # a name may be of another encoding
        self._stdin.write(begin + message + f"\nfrom {first}\n".encode())
        self._stdin.write("".join(f"merge {other}\n" for other in others).encode())
        for path, file in sorted(commit.changes.items()):
            line = b"D " if file is None else b"M %s :%d " % (file.mode.encode(), file.mark)
            self._stdin.write(line + _quoted(path) + b"\n")
        self._stdin.write(b"\n")
        return self._marks


class Marks(dict[int, str]):
    """The ids of what was written, once the import is over."""


@contextmanager
def importing(git: Repository, room: Path) -> Iterator[tuple[Import, Marks]]:
    """Writes what the block gives, all of it or, where it fails, nothing that anything refers to.

    The marks are filled in at the end. Raises HardenError.
    """
    ids, kept = Marks(), room / "marks"
    with tempfile.TemporaryFile() as errors:
        # --force: the refs belong to the folder alone, and may be there from an attempt before
        arguments = ("--quiet", "--done", "--force", "--depth=0", "--date-format=raw", f"--export-marks={kept}")
        process = git.start("fast-import", *arguments, stderr=errors)
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):  # a larger pipe is faster, no more
            fcntl.fcntl(process.stdin, fcntl.F_SETPIPE_SZ, _PIPE)
        status = -1
        try:
            with limited(process, _SECONDS), suppress(BrokenPipeError):
                yield Import(git, process.stdin), ids
                process.stdin.write(b"done\n")
                process.stdin.close()
                status = process.wait()
        finally:
            process.kill()
            with suppress(OSError):
                process.stdin.close()
            process.stdout.close()
            process.wait()
        if status:
            errors.seek(0)
            raise git.failed("fast-import", errors.read())
    ids.update(_read(kept))


def _read(marks: Path) -> Iterator[tuple[int, str]]:
    for line in marks.read_text(encoding="ascii").splitlines():
        mark, _, name = line.partition(" ")
        yield int(mark.removeprefix(":")), name


def _quoted(path: str) -> bytes:
    octets = path.encode("utf-8", "surrogateescape")
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
