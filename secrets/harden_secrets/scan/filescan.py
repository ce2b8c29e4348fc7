"""Looking at files: batches of paths to what was seen in them."""

import os
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from harden.output import Output
from harden.progress import progress
from harden_secrets.scan.look import Look, Piece
from harden_secrets.scan.report import Gathered
from harden_secrets.scan.seen import Pointer, Seen
from harden_secrets.scan.workers import spread
from harden_secrets.sources.files import FileBatch, Walk
from harden_secrets.sources.reading import Windows
from harden_secrets.sources.skipped import Skipped

_FEW = 16  # files that are looked through for public halves in one go


@dataclass(frozen=True, slots=True)
class FileWork:
    """What a process does with a batch of files."""

    look: Look
    windows: Windows = field(default_factory=Windows)

    def __call__(self, batch: FileBatch) -> list[Seen]:
        """What was seen in the files, and those that could not be read."""
        return [seen for path in batch.paths for seen in self._in_file(path)]

    def _in_file(self, path: str) -> Iterator[Seen]:
        try:
            for piece in self._pieces(path):
                yield from self.look.seen_in(piece)
        except FileNotFoundError:
            yield Skipped(path, "it has gone since the folder was read", incomplete=False)
        except OSError as error:
            yield Skipped(path, error.strerror or type(error).__name__)

    def public_halves(self, path: str, wanted: Collection[str]) -> Iterator[tuple[str, int]]:
        """The fingerprints among those wanted of public halves in a file, with their lines."""
        try:
            for piece in self._pieces(path):
                yield from (found for found in self.look.public_halves_in(piece) if found[0] in wanted)
        except OSError:
            return  # it was there a moment ago, and what is sought is beside the findings

    def _pieces(self, path: str) -> Iterator[Piece]:
        for window in self.windows.of_file(path):
            yield Piece(path, path, window.content, window.lines, window.first, window.last)


def scan_files(paths: Iterable[str], look: Look, output: Output, gathered: Gathered) -> None:
    """Looks at every file under the paths, and at those that they take values from.

    Raises HardenError for a path that is not there, or when a process dies.
    """
    walk = Walk(tuple(paths))
    work = FileWork(look)
    with spread(walk.batches(), work) as answers, progress(output, "reading files"):
        for seen in answers:
            gathered.take(seen)
    for batch in _pointed_at(walk, gathered):
        gathered.take(work(batch))
    gathered.blobs += walk.files
    gathered.take(walk.skipped)
    if walk.links:
        output.detail(f"{walk.links} symbolic links were not followed: what lies inside is found under its own name")


@dataclass(frozen=True, slots=True)
class PublicWork:
    """What a process does with files that may hold public halves: names those of the pairs that are wanted."""

    files: FileWork
    wanted: Collection[str]

    def __call__(self, batch: FileBatch) -> list[tuple[str, str, int]]:
        """Fingerprint, file and line of each."""
        return [
            (public, path, line) for path in batch.paths for public, line in self.files.public_halves(path, self.wanted)
        ]


def find_public_halves(look: Look, gathered: Gathered) -> None:
    """Says of each pair that was found, in files or elsewhere, where in the files its public half lies about."""
    if not gathered.pairs:
        return
    paths = sorted(gathered.maybe_public)
    batches = (FileBatch(tuple(paths[at : at + _FEW])) for at in range(0, len(paths), _FEW))
    with spread(batches, PublicWork(FileWork(look), frozenset(gathered.pairs))) as answers:
        for public, path, line in chain.from_iterable(answers):
            gathered.copies[gathered.pairs[public]].add((path, line))


def _pointed_at(walk: Walk, gathered: Gathered) -> Iterator[FileBatch]:
    """Files that were not looked at yet and that some file takes a value from, within the same repository."""
    for pointer in sorted(gathered.pointers):
        path = os.path.normpath(os.path.join(os.path.dirname(pointer.source), pointer.path))
        if not os.path.isfile(path) or walk.covers(path):
            continue
        if _is_inside(path, _root_of(pointer)):
            walk.add(path)
            yield FileBatch((path,))
        else:
            reason = f"{pointer.source} takes a value from it, but it lies outside of that file's repository"
            gathered.take([Skipped(path, reason, incomplete=False)])


def _root_of(pointer: Pointer) -> str:
    """The top of the repository that the file lies in, or else its own folder."""
    folder = os.path.realpath(os.path.dirname(pointer.source) or ".")
    above = folder
    while not os.path.lexists(os.path.join(above, ".git")):
        parent = os.path.dirname(above)
        if parent == above:
            return folder
        above = parent
    return above


def _is_inside(path: str, root: str) -> bool:
    return os.path.commonpath((os.path.realpath(path), root)) == root
