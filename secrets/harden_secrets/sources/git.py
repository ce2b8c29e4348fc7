"""The objects of a git repository: every one that is there, reachable or not, each once.

Of all refs, stashes and reflogs, and what nothing refers to any more: a key that was amended away lies in the object
database until git prunes it. Trees hold nothing but names; commits, tags and notes are text like any other.
"""

import contextlib
import subprocess
import tempfile
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO

from harden.errors import HardenError
from harden_secrets.sources.gitcommand import SECONDS, Repository
from harden_secrets.sources.reading import Window, Windows
from harden_secrets.timelimit import limited

_KINDS = frozenset({b"blob", b"commit", b"tag"})
# A batch's requests fit into a pipe (64 KiB), so that they can be written before anything is read.
_BATCH_OBJECTS = 400
_BATCH_BYTES = 4 << 20
_SCRATCH = 1 << 16


@dataclass(frozen=True, slots=True)
class ObjectBatch:
    """Objects to look at, by their ids; they lie near each other in the repository.

    ``paths`` are those of the ones that are known to have one.
    """

    ids: tuple[str, ...]
    paths: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GitObject:
    """An object that is being read. Its ``windows`` must be used before the next object is asked for."""

    id: str
    windows: Iterator[Window]


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a repository: batches of everything, and which of it are commits."""

    batches: tuple[ObjectBatch, ...]
    commits: tuple[str, ...]
    objects: int
    size: int  # bytes
    damaged: tuple[str, ...] = ()  # there, and not to be read


def list_objects(repository: Repository) -> Listing:
    """Every blob, commit and tag, in the order in which they are stored. Raises HardenError."""
    form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
    listed = repository.run("cat-file", "--batch-all-objects", "--unordered", "--buffer", form)
    batches: list[ObjectBatch] = []
    commits: list[str] = []
    ids: list[str] = []
    damaged: list[str] = []
    size = total = objects = 0
    for line in listed.splitlines():
        name, kind, *length = line.split()
        if not length:  # `missing`, says git
            damaged.append(name.decode())
            continue
        if kind not in _KINDS:
            continue
        ids.append(name.decode())
        size += int(length[0])
        objects += 1
        if kind == b"commit":
            commits.append(ids[-1])
        if len(ids) >= _BATCH_OBJECTS or size >= _BATCH_BYTES:
            batches.append(ObjectBatch(tuple(ids)))
            total, size, ids = total + size, 0, []
    if ids:
        batches.append(ObjectBatch(tuple(ids)))
    return Listing(tuple(batches), tuple(commits), objects, total + size, tuple(damaged))


@dataclass(frozen=True, slots=True)
class Reached:
    """What branches, tags and the like lead to: one of the ``paths`` of each object, and what is ``missing``."""

    paths: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


REACHING = ("rev-list", "--objects", "--all", "--missing=print")


def reached(printed: bytes, wanted: Container[str]) -> Reached:
    """What git prints when it is called with the arguments above: an id, and a path if it has one, a line."""
    paths: dict[str, str] = {}
    missing: list[str] = []
    for line in printed.split(b"\n"):
        if line.startswith(b"?"):
            missing.append(line[1:].decode())
            continue
        name, _, path = line.partition(b" ")
        if path and (known := name.decode()) in wanted:
            paths[known] = path.decode("utf-8", "surrogateescape")
    return Reached(paths, tuple(missing))


class ObjectReader:
    """Reads objects through one ``git cat-file`` that stays. Each process has its own."""

    def __init__(self, repository: Repository, windows: Windows | None = None) -> None:
        self._repository = repository
        self._windows = windows or Windows()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None

    def objects(self, batch: ObjectBatch) -> Iterator[GitObject]:
        """The objects of a batch, in its order. Raises HardenError where one cannot be read."""
        process = self._running()
        assert process.stdin is not None
        with limited(process, SECONDS):
            requests = "".join(f"contents {name}\n" for name in batch.ids)
            try:
                process.stdin.write(f"{requests}flush\n".encode())
                process.stdin.flush()
            except OSError as error:
                raise self._failed() from error
            for name in batch.ids:
                yield from self._object(name)

    def _object(self, name: str) -> Iterator[GitObject]:
        filling = _Filling(self._stdout(), self._size_of(name))
        yield GitObject(name, self._windows.of(filling))
        scratch = memoryview(bytearray(min(filling.remaining, _SCRATCH)))
        while filling.remaining:  # the reader did not want all of it
            filling(scratch)
        if filling.broken or self._stdout().read(1) != b"\n":
            raise self._failed()

    def _size_of(self, name: str) -> int:
        answer = self._stdout().readline().split()
        if len(answer) != 3:
            if answer[1:] == [b"missing"]:
                raise HardenError(f"{self._repository.path}: object {name} has gone", "run the scan again")
            raise self._failed()
        return int(answer[2])

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
            self._process = self._repository.start("cat-file", "--batch-command", "--buffer", stderr=self._errors)
        return self._process

    def _stdout(self) -> IO[bytes]:
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout

    def _failed(self) -> HardenError:
        self._end()
        assert self._errors is not None
        with self._errors as errors:
            errors.seek(0)
            return self._repository.failed("cat-file", errors.read())

    def close(self) -> None:
        """Ends git."""
        self._end()
        if self._errors is not None:
            self._errors.close()

    def _end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # what was not written yet has nobody to read it
                    pipe.close()
        process.wait()


class _Filling:
    """Gives the bytes of one object to windows."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self.remaining = size
        self.broken = False

    def __call__(self, view: memoryview) -> int:
        wanted = min(self.remaining, len(view))
        got: int = self._stream.readinto(view[:wanted]) if wanted else 0  # type: ignore[attr-defined]
        self.remaining -= got
        if got < wanted:
            self.broken, self.remaining = True, 0
        return got
