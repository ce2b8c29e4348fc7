"""Looking at a repository's objects: first which of them deserve it, then where these stand, then what is in them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from harden.errors import HardenError
from harden.output import Output
from harden.progress import progress
from harden_secrets.detect.filekind import is_code
from harden_secrets.firstpass import FirstPass
from harden_secrets.scan.look import Look, Piece
from harden_secrets.scan.report import Gathered
from harden_secrets.scan.seen import Seen
from harden_secrets.scan.workers import spread
from harden_secrets.sources.git import REACHING, Listing, ObjectBatch, ObjectReader, Reached, list_objects, reached
from harden_secrets.sources.gitcommand import Repository
from harden_secrets.sources.gitplaces import Additions, commit_batches, staged_places
from harden_secrets.sources.reading import Window
from harden_secrets.sources.skipped import Skipped

_AT_ONCE = 32  # objects that are looked at closely in one go


@dataclass(slots=True)
class _Reading:
    """Reads objects; each process starts a git of its own when it needs the first one."""

    repository: Repository
    _reader: ObjectReader | None = None

    @property
    def reader(self) -> ObjectReader:
        if self._reader is None:
            self._reader = ObjectReader(self.repository)
        return self._reader

    def close(self) -> None:
        """Ends git where this process started one."""
        if self._reader is not None:
            self._reader.close()


@dataclass(slots=True)
class FirstWork(_Reading):
    """What a process does with a batch of objects at first: names those that deserve a closer look."""

    first_pass: FirstPass = field(kw_only=True)

    def __call__(self, batch: ObjectBatch) -> list[str]:
        """Their ids."""
        return [
            each.id
            for each in self.reader.objects(batch)
            if self._any_deserves_look(each.windows, program=each.id in batch.programs)
        ]

    def _any_deserves_look(self, windows: Iterable[Window], *, program: bool) -> bool:
        return any(self.first_pass.deserves_look(window.content, program=program) for window in windows)


@dataclass(slots=True)
class CloserWork(_Reading):
    """What a process does with objects that deserve a closer look. ``places`` says where they stand."""

    look: Look = field(kw_only=True)
    places: dict[str, str] = field(kw_only=True)

    def __call__(self, batch: ObjectBatch) -> list[Seen]:
        """What was seen in them."""
        return [seen for each in self.reader.objects(batch) for seen in self._seen(each.id, each.windows)]

    def _seen(self, name: str, windows: Iterable[Window]) -> Iterator[Seen]:
        source = self.places.get(name, name)
        _, _, path = source.partition(":")
        for window in windows:
            yield from self.look.seen_in(Piece(source, path, window.content, window.lines, window.first, window.last))


def scan_repository(path: str, look: Look, output: Output, gathered: Gathered) -> None:
    """Looks at every object of a repository, each once. Raises HardenError."""
    repository = Repository(path)
    with repository.running(*REACHING) as finish:
        listing = list_objects(repository)
        there = _reached(path, finish, listing, gathered)
    chosen: list[str] = []
    batches = (ObjectBatch(batch.ids, there.programs.intersection(batch.ids)) for batch in listing.batches)
    with (
        closing(FirstWork(repository, first_pass=look.first_pass)) as first_work,
        spread(batches, first_work) as answers,
        progress(output, f"reading {listing.objects} objects of {path}"),
    ):
        for ids in answers:
            chosen.extend(ids)
    gathered.blobs += listing.objects
    if not chosen:
        return
    places = _places(repository, chosen, listing, output)
    chosen = _in_order(chosen, listing)
    closer = [ObjectBatch(tuple(chosen[at : at + _AT_ONCE])) for at in range(0, len(chosen), _AT_ONCE)]
    with (
        closing(CloserWork(repository, look=look, places=places)) as closer_work,
        spread(closer, closer_work) as answers_,
        progress(output, f"looking at {len(chosen)} objects"),
    ):
        for seen in answers_:
            gathered.take(seen)


def _reached(path: str, finish: Callable[[], bytes], listing: Listing, gathered: Gathered) -> Reached:
    """What refs lead to. What belongs to the repository and could not be looked at is noted."""
    gathered.take(Skipped(f"{path}: {name}", "this object is damaged") for name in listing.damaged)
    try:
        there = reached(finish(), is_code)
    except HardenError as error:
        gathered.take([Skipped(path, f"not all of the history can be followed: {error}")])
        return Reached()
    gone = set(there.missing) - set(listing.damaged)
    if gone:
        number = f"{len(gone)} object{'' if len(gone) == 1 else 's'}"
        why = f"{number} of its history are not there (a partial clone?): {min(gone)} is the first"
        gathered.take([Skipped(path, why)])
    return there


def _places(repository: Repository, chosen: Sequence[str], listing: Listing, output: Output) -> dict[str, str]:
    """For each object ``COMMIT:path``, the first commit that brought it in, or ``:path`` where it is only staged.

    What has no path is left out: commits, tags, and blobs that nothing refers to.
    """
    additions = Additions(repository, frozenset(chosen))
    with (
        spread(commit_batches(repository, listing), additions) as answers,
        progress(output, f"looking up where {len(chosen)} of them stand"),
    ):
        by_batch = sorted(answers, key=lambda answer: answer[0])
    places: dict[str, str] = {}
    for _, found in by_batch:
        places = found | places
    return places if len(places) == len(chosen) else staged_places(repository) | places


def _in_order(chosen: Iterable[str], listing: Listing) -> list[str]:
    """In the order in which they are stored: git takes neighbours apart together."""
    wanted = set(chosen)
    return [name for batch in listing.batches for name in batch.ids if name in wanted]
