"""The closer look at one blob: from what the first pass saw in it to findings. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from harden_secrets.budget import Budget
from harden_secrets.examine import Reference, Sighting, Unexamined, examine
from harden_secrets.finding import Finding, Place
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.firstpass import FirstPass
from harden_secrets.scan.defect import defect_in
from harden_secrets.severity import severity_of
from harden_secrets.sources.skipped import Skipped


@dataclass(frozen=True, slots=True)
class Pointer:
    """A file that a blob takes a value from: ``path`` as it is written in ``source``."""

    source: str
    path: str


Seen = Finding | Skipped | Pointer


@dataclass(frozen=True, slots=True)
class Piece:
    """A blob, or one of the pieces that a long one is looked at in.

    ``file`` is its name, which says much about its content; ``lines`` the number of lines before it.
    """

    source: str
    file: str
    content: memoryview
    lines: int = 0
    first: bool = True
    last: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that a closer look needs. One for a scan; processes are forked with it."""

    first_pass: FirstPass
    fingerprinter: Fingerprinter
    budget: Budget = field(default_factory=Budget)

    def seen_in(self, piece: Piece) -> Iterator[Seen]:
        """What there is to report of a piece. Whatever goes wrong is reported, too."""
        try:
            detectors = self.first_pass.detectors_for(piece.content)
            if detectors:
                content = bytes(piece.content)
                for observation in examine(content, piece.file, detectors, self.budget):
                    yield from self._reported(observation, piece)
        except Exception as error:  # noqa: BLE001 - one blob must not hide what is in the others
            yield Skipped(piece.source, defect_in(error))

    def _reported(self, observation: Sighting | Unexamined | Reference, piece: Piece) -> Iterator[Seen]:
        match observation:
            case Sighting() if not _cut_off(observation, piece):
                yield self.finding(observation, Place(piece.source, _line(observation.line, piece), observation.object))
            case Unexamined():
                yield Skipped(f"{piece.source}:{_line(observation.line, piece)}", observation.reason)
            case Reference():
                yield Pointer(piece.source, observation.path)

    def finding(self, sighting: Sighting, place: Place) -> Finding:
        """A sighting as what may be shown of it."""
        detection = sighting.detection
        return Finding(
            detection.material,
            self.fingerprinter.of(detection),
            severity_of(detection),
            detection.protected,
            place,
            sighting.encodings,
            detection.description,
        )


def _line(line: int, piece: Piece) -> int:
    return line + piece.lines if line else 0


def _cut_off(sighting: Sighting, piece: Piece) -> bool:
    """Whether it reaches the edge of a piece, beyond which it may go on: its neighbour has it as a whole."""
    begins = sighting.start == 0 and not piece.first
    return begins or (sighting.end == len(piece.content) and not piece.last)
