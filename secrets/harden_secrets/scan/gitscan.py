"""Looking at a repository's objects: what is in them, and in which commit that stood first."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

from harden.errors import HardenError
from harden.output import Output
from harden.progress import progress
from harden_secrets.scan.gitwork import Batch, FirstWork, SecondWork
from harden_secrets.scan.look import Look
from harden_secrets.scan.report import Gathered
from harden_secrets.scan.seen import placed
from harden_secrets.scan.workers import spread
from harden_secrets.sources.git import REACHING, Listing, ObjectBatch, Reached, list_objects, reached
from harden_secrets.sources.gitcommand import Repository
from harden_secrets.sources.gitplaces import Additions, commit_batches, staged_places
from harden_secrets.sources.skipped import Skipped

_AT_ONCE = 32  # objects that are looked at closely in one go
_MOST_NAMES = 500_000  # objects whose paths are held in memory; in a larger repository they are looked up when needed


def scan_repository(path: str, look: Look, output: Output, gathered: Gathered) -> None:
    """Looks at every object of a repository, each once. Raises HardenError."""
    repository = Repository(path)
    with repository.running(*REACHING) as finish:
        listing = list_objects(repository)
        there = _reached(path, finish, listing, gathered)
    gathered.blobs += listing.objects
    batches = _read(repository, listing, there, look, output)
    named = [one for batch in batches for one in batch.seen]
    unnamed = [name for batch in batches for name in batch.unnamed]
    if not (named or unnamed):
        return
    places = _places(repository, [*(name for name, _ in named), *unnamed], listing, output)
    for name, seen in named:
        gathered.take(placed(one, name, places.get(name, name)) for one in seen)
    _look_again(SecondWork(repository, look, places), _in_order(unnamed, listing), output, gathered)


def _read(repository: Repository, listing: Listing, there: Reached, look: Look, output: Output) -> list[Batch]:
    batches = (
        ObjectBatch(batch.ids, {name: there.paths[name] for name in batch.ids if name in there.paths})
        for batch in listing.batches
    )
    with (
        closing(FirstWork(repository, look)) as work,
        spread(batches, work) as answers,
        progress(output, f"reading {listing.objects} objects of {repository.path}"),
    ):
        return list(answers)


def _look_again(work: SecondWork, names: Sequence[str], output: Output, gathered: Gathered) -> None:
    """At what no ref leads to, now that its path is known, and at messages."""
    batches = [ObjectBatch(tuple(names[at : at + _AT_ONCE])) for at in range(0, len(names), _AT_ONCE)]
    with (
        closing(work),
        spread(batches, work) as answers,
        progress(output, f"looking at {len(names)} objects"),
    ):
        for seen in answers:
            gathered.take(seen)


def _reached(path: str, finish: Callable[[], bytes], listing: Listing, gathered: Gathered) -> Reached:
    """What refs lead to. What belongs to the repository and could not be looked at is noted."""
    gathered.take(Skipped(f"{path}: {name}", "this object is damaged") for name in listing.damaged)
    wanted = {name for batch in listing.batches for name in batch.ids} if listing.objects <= _MOST_NAMES else set()
    try:
        there = reached(finish(), wanted)
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
