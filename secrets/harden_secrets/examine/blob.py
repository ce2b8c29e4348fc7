"""Looking at one blob, or one object of a live cluster."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harden_secrets.budget import Budget
from harden_secrets.confidential import Confidential
from harden_secrets.examine.sighting import Observation, Sighting
from harden_secrets.material import Detector, Surroundings, detections

_DEFAULT = Budget()


def examine(
    content: bytes, file: str, detectors: Sequence[Detector], budget: Budget = _DEFAULT
) -> Iterator[Observation]:
    """Everything that the detectors recognise in a file's content, however it is wrapped, each value once a place.

    ``file`` is the name as the person gave it. Yields :class:`Sighting`, :class:`Unexamined` (a bomb, say: report
    it, it is no clean result) and :class:`Reference` (other files that are to be looked at as well). Never raises,
    whatever the content is.
    """
    for found in detections(detectors, content, Surroundings(file=file)):
        line = content.count(b"\n", 0, found.start) + 1
        value = Confidential(content[found.start : found.end])
        yield Sighting(found, line, None, (), found.start, found.end, value)


def examine_object(
    manifest: Mapping[str, Any], detectors: Sequence[Detector], budget: Budget = _DEFAULT
) -> Iterator[Observation]:
    """The same for an object as the API server gives it; there are no lines, and every sighting has an object."""
    yield from ()
