"""Looking at one blob, or one object of a live cluster."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from harden_secrets.budget import Budget, Meter
from harden_secrets.confidential import Confidential
from harden_secrets.documents import Taken
from harden_secrets.documents.live import tree
from harden_secrets.documents.walking import Walk
from harden_secrets.examine.examination import Examination, Told
from harden_secrets.examine.layer import Layer, Seen
from harden_secrets.examine.merging import merged
from harden_secrets.examine.relevance import Relevance
from harden_secrets.examine.sighting import Observation, Sighting
from harden_secrets.examine.where import Where
from harden_secrets.firstpass import FirstPass
from harden_secrets.material import Detector, Surroundings

_DEFAULT = Budget()


def examine(
    content: bytes,
    file: str,
    detectors: Sequence[Detector],
    budget: Budget = _DEFAULT,
    first_pass: FirstPass | None = None,
    *,
    fragment: bool = False,
) -> Iterator[Observation]:
    """Everything that the detectors recognise in a file's content, however it is wrapped, each value once a place.

    ``file`` is the name as the person gave it. Yields :class:`Sighting`, :class:`Unexamined` (a bomb, say: report
    it, it is no clean result) and :class:`Reference` (other files that are to be looked at as well). Never raises,
    whatever the content is.

    ``detectors`` are all that may be asked, also about what is wrapped in the content. With a ``first_pass`` over the
    signatures of these, large contents and archives take a fraction of the time. A ``fragment`` is a part of the file,
    which is not taken apart as a document would be.
    """
    relevance = _relevance(tuple(detectors), first_pass)
    where = Where(0, len(content), 1, exact=True, lined=True)
    layer = Layer(content, where, Surroundings(file=file), fragment=fragment)
    return _told(Examination(relevance, Meter(budget)).layer(layer))


def examine_object(
    manifest: Mapping[str, Any],
    detectors: Sequence[Detector],
    budget: Budget = _DEFAULT,
    first_pass: FirstPass | None = None,
) -> Iterator[Observation]:
    """The same for an object as the API server gives it; there are no lines, and every sighting has an object."""
    relevance = _relevance(tuple(detectors), first_pass)
    layer = Layer(b"", Where(0, 0, 0), Surroundings())
    walk = Walk(0, budget.nesting, budget.fields)
    fields = list(walk.fields(tree(manifest, budget.nesting)))
    return _told(Examination(relevance, Meter(budget)).fields(layer, Taken("", fields, walk.missed)))


@lru_cache(maxsize=64)
def _relevance(detectors: tuple[Detector, ...], first_pass: FirstPass | None) -> Relevance:
    return Relevance(detectors, first_pass)


def _told(told: Iterator[Told]) -> Iterator[Observation]:
    """Sightings without repetition, and what else there is to say, each thing once."""
    seen: list[Seen] = []
    others: dict[Observation, None] = {}
    for one in told:
        if isinstance(one, Seen):
            seen.append(one)
        else:
            others.setdefault(one)
    yield from map(_sighting, merged(seen))
    yield from others


def _sighting(seen: Seen) -> Sighting:
    found, layer, where = seen.detection, seen.layer, seen.where
    value = Confidential(layer.content[found.start : found.end])
    return Sighting(found, where.line, layer.object, layer.encodings, where.start, where.end, value)
