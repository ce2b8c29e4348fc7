"""The closer look at one blob: from what the first pass saw in it to findings. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harden_secrets.budget import Budget
from harden_secrets.confidential import Confidential
from harden_secrets.detect.filekind import is_code
from harden_secrets.detect.publichalf import public_halves
from harden_secrets.examine import Observation, Reference, Sighting, Unexamined, examine, examine_object
from harden_secrets.finding import Finding, Place
from harden_secrets.fingerprint import PUBLIC_HALF, Fingerprinter
from harden_secrets.firstpass import FirstPass, Interest
from harden_secrets.material import Detector
from harden_secrets.scan.allow import Allowances, allowances
from harden_secrets.scan.defect import defect_in
from harden_secrets.scan.regions import is_divisible, regions
from harden_secrets.scan.seen import Allowed, MaybePublic, Paired, Pointer, Remarked, Seen
from harden_secrets.severity import severity_of
from harden_secrets.sources.skipped import Skipped


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
    detectors: tuple[Detector, ...]
    fingerprinter: Fingerprinter
    budget: Budget = field(default_factory=Budget)

    def seen_in(self, piece: Piece) -> Iterator[Seen]:
        """What there is to report of a piece. Whatever goes wrong is reported, too."""
        try:
            interest = self.first_pass.interest_in(piece.content, program=is_code(piece.file))
            if interest is Interest.NOTHING:
                return
            if interest & Interest.PUBLIC:
                yield MaybePublic(piece.source)
            if interest & Interest.SECRET:
                yield from self._closer(piece, bytes(piece.content), interest)
        except Exception as error:  # noqa: BLE001 - one blob must not hide what is in the others
            yield Skipped(piece.source, defect_in(error))

    def seen_in_object(self, source: str, manifest: Mapping[str, Any]) -> Iterator[Seen]:
        """The same of an object of a live cluster."""
        piece = Piece(source, "", memoryview(b""))
        try:
            for observation in examine_object(manifest, self.detectors, self.budget, self.first_pass):
                yield from self._reported(observation, piece, Allowances())
        except Exception as error:  # noqa: BLE001 - as above
            yield Skipped(source, defect_in(error))

    def public_halves_in(self, piece: Piece) -> Iterator[tuple[str, int]]:
        """The fingerprints of the public halves in a piece, each with its line."""
        content = bytes(piece.content)
        for half in public_halves(content):
            yield self._of_public(half.public), piece.lines + content.count(b"\n", 0, half.start) + 1

    def _closer(self, piece: Piece, content: bytes, interest: Interest) -> Iterator[Seen]:
        if not is_divisible(content, piece.file, interest):
            yield from self._examined(piece, content)
            return
        for start, end in regions(content, piece.file, self.first_pass):
            region = replace(
                piece,
                content=piece.content[start:end],
                lines=piece.lines + content.count(b"\n", 0, start),
                first=piece.first and start == 0,
                last=piece.last and end == len(content),
            )
            yield from self._examined(region, content[start:end], fragment=True)

    def _examined(self, piece: Piece, content: bytes, *, fragment: bool = False) -> Iterator[Seen]:
        allowed = allowances(content)
        for remark in allowed.remarks:
            yield Remarked(piece.source, remark.line + piece.lines, remark.text)
        observations = examine(content, piece.file, self.detectors, self.budget, self.first_pass, fragment=fragment)
        for observation in observations:
            yield from self._reported(observation, piece, allowed)

    def _reported(self, observation: Observation, piece: Piece, allowed: Allowances) -> Iterator[Seen]:
        match observation:
            case Sighting():
                if not _cut_off(observation, piece):
                    yield from self._found(observation, piece, allowed)
            case Unexamined():
                line = _line(observation.line, piece)
                yield Skipped(f"{piece.source}:{line}" if line else piece.source, observation.reason)
            case Reference():
                yield Pointer(piece.source, observation.path)

    def _found(self, sighting: Sighting, piece: Piece, allowed: Allowances) -> Iterator[Seen]:
        detection, line = sighting.detection, _line(sighting.line, piece)
        reason = allowed.reason_for(detection.material, sighting.line, sighting.start, sighting.end)
        if reason is not None:
            yield Allowed(piece.source, line, detection.material, reason)
            return
        fingerprint = self.fingerprinter.of(detection)
        if detection.public is not None:
            yield Paired(fingerprint, self._of_public(detection.public))
        yield Finding(
            detection.material,
            fingerprint,
            severity_of(detection),
            detection.protected,
            Place(piece.source, line, sighting.object),
            sighting.encodings,
            detection.description,
        )

    def _of_public(self, public: bytes) -> str:
        return self.fingerprinter.of_bytes(PUBLIC_HALF, Confidential(public))


def _line(line: int, piece: Piece) -> int:
    return line + piece.lines if line else 0


def _cut_off(sighting: Sighting, piece: Piece) -> bool:
    """Whether it reaches the edge of a piece, beyond which it may go on: its neighbour has it as a whole."""
    begins = sighting.start == 0 and not piece.first
    return begins or (sighting.end == len(piece.content) and not piece.last)
