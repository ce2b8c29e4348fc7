"""What a process does with the objects of a repository."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from harden_secrets.scan.look import Look, Piece
from harden_secrets.scan.seen import MaybePublic, Seen
from harden_secrets.sources.git import ObjectBatch, ObjectReader
from harden_secrets.sources.gitcommand import Repository
from harden_secrets.sources.reading import Window


@dataclass(frozen=True, slots=True)
class Batch:
    """What was seen in the objects of a batch that have a path; of the others, those that deserve a closer look."""

    seen: tuple[tuple[str, tuple[Seen, ...]], ...]
    unnamed: tuple[str, ...]


@dataclass(slots=True)
class _Reading:
    """Reads objects; each process starts a git of its own when it needs the first one."""

    repository: Repository
    look: Look
    _reader: ObjectReader | None = field(default=None, kw_only=True)

    @property
    def reader(self) -> ObjectReader:
        if self._reader is None:
            self._reader = ObjectReader(self.repository)
        return self._reader

    def close(self) -> None:
        """Ends git where this process started one."""
        if self._reader is not None:
            self._reader.close()

    def _seen(self, source: str, path: str, windows: Iterable[Window]) -> Iterator[Seen]:
        for window in windows:
            piece = Piece(source, path, window.content, window.lines, window.first, window.last)
            for seen in self.look.seen_in(piece):
                if not isinstance(seen, MaybePublic):  # where public halves lie is asked of files only
                    yield seen


@dataclass(slots=True)
class FirstWork(_Reading):
    """Reads every object once. The path of one says much about its content; the sources are their ids as yet."""

    def __call__(self, batch: ObjectBatch) -> Batch:
        """What is in a batch."""
        seen: list[tuple[str, tuple[Seen, ...]]] = []
        unnamed: list[str] = []
        for each in self.reader.objects(batch):
            path = batch.paths.get(each.id)
            if path is None:
                if any(self.look.first_pass.deserves_look(window.content) for window in each.windows):
                    unnamed.append(each.id)
            elif in_it := tuple(self._seen(each.id, path, each.windows)):
                seen.append((each.id, in_it))
        return Batch(tuple(seen), tuple(unnamed))


@dataclass(slots=True)
class SecondWork(_Reading):
    """Looks at objects of which ``places`` says where they stand; some stand nowhere."""

    places: Mapping[str, str]

    def __call__(self, batch: ObjectBatch) -> list[Seen]:
        """What was seen in them."""
        found: list[Seen] = []
        for each in self.reader.objects(batch):
            source = self.places.get(each.id, each.id)
            found.extend(self._seen(source, source.partition(":")[2], each.windows))
        return found
