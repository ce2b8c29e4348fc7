"""What a scan comes to, in an order that depends on nothing but what was found."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from harden_secrets.finding import Finding
from harden_secrets.scan.look import Pointer, Seen
from harden_secrets.sources.skipped import Skipped


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of a scan. ``key_id`` names the key of the fingerprints: others' cannot be compared with these."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    blobs: int
    key_id: str

    @property
    def incomplete(self) -> tuple[Skipped, ...]:
        """What was asked for and could not be looked at."""
        return tuple(skipped for skipped in self.skipped if skipped.incomplete)

    def as_json(self) -> dict[str, Any]:
        """The document of ``scan --json``."""
        return {
            "findings": [finding.as_json() for finding in self.findings],
            "skipped": [skipped.as_json() for skipped in self.skipped],
            "blobs": self.blobs,
            "fingerprint_key": self.key_id,
        }


@dataclass
class Gathered:
    """What comes in from processes, in whatever order."""

    findings: set[Finding] = field(default_factory=set)
    skipped: set[Skipped] = field(default_factory=set)
    pointers: set[Pointer] = field(default_factory=set)
    blobs: int = 0

    def take(self, seen: Iterable[Seen], blobs: int = 0) -> None:
        """What was seen in so many blobs."""
        self.blobs += blobs
        for one in seen:
            match one:
                case Finding():
                    self.findings.add(one)
                case Skipped():
                    self.skipped.add(one)
                case Pointer():
                    self.pointers.add(one)

    def report(self, key_id: str) -> Report:
        """All of it, in order."""
        return Report(tuple(sorted(self.findings, key=place_order)), tuple(sorted(self.skipped)), self.blobs, key_id)


def place_order(finding: Finding) -> tuple[Any, ...]:
    """By place, as a person reads a report; what is at one place by kind."""
    place = finding.place
    field_ = (place.object.kind, place.object.field) if place.object else ("", "")
    return place.source, place.line, field_, str(finding.material), finding.fingerprint, finding.encodings
