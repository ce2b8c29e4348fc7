"""What a scan comes to, in an order that depends on nothing but what was found."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from harden_secrets.finding import Finding
from harden_secrets.scan.seen import Allowed, MaybePublic, Paired, Pointer, Remarked, Seen
from harden_secrets.sources.skipped import Skipped


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of a scan. ``key_id`` names the key of the fingerprints: others' cannot be compared with these.

    ``known`` is how many findings were left out because a baseline has them.
    """

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    allowed: tuple[Allowed, ...]
    remarks: tuple[Remarked, ...]
    blobs: int
    key_id: str
    known: int = 0

    @property
    def incomplete(self) -> tuple[Skipped, ...]:
        """What was asked for and could not be looked at."""
        return tuple(skipped for skipped in self.skipped if skipped.incomplete)

    def as_json(self) -> dict[str, Any]:
        """The document of ``scan --json``."""
        return {
            "findings": [finding.as_json() for finding in self.findings],
            "skipped": [skipped.as_json() for skipped in self.skipped],
            "allowed": [allowed.as_json() for allowed in self.allowed],
            "known": self.known,
            "blobs": self.blobs,
            "fingerprint_key": self.key_id,
        }


@dataclass
class Gathered:
    """What comes in from processes, in whatever order."""

    findings: set[Finding] = field(default_factory=set)
    skipped: set[Skipped] = field(default_factory=set)
    allowed: set[Allowed] = field(default_factory=set)
    remarks: set[Remarked] = field(default_factory=set)
    pointers: set[Pointer] = field(default_factory=set)
    maybe_public: set[str] = field(default_factory=set)
    pairs: dict[str, str] = field(default_factory=dict)  # fingerprint of a public half to that of its key
    copies: defaultdict[str, set[tuple[str, int]]] = field(default_factory=lambda: defaultdict(set))
    blobs: int = 0

    def take(self, seen: Iterable[Seen]) -> None:
        """What was seen in some blobs."""
        for one in seen:
            match one:
                case Finding():
                    self.findings.add(one)
                case Skipped():
                    self.skipped.add(one)
                case Allowed():
                    self.allowed.add(one)
                case Remarked():
                    self.remarks.add(one)
                case Pointer():
                    self.pointers.add(one)
                case Paired():
                    self.pairs[one.public] = one.fingerprint
                case MaybePublic():
                    self.maybe_public.add(one.source)

    def report(self, key_id: str) -> Report:
        """All of it, in order."""
        findings = (self._with_copies(finding) for finding in self.findings)
        return Report(
            tuple(sorted(findings, key=place_order)),
            tuple(sorted(self.skipped)),
            tuple(sorted(self.allowed)),
            tuple(sorted(self.remarks)),
            self.blobs,
            key_id,
        )

    def _with_copies(self, finding: Finding) -> Finding:
        copies = sorted(self.copies.get(finding.fingerprint, ()))
        return replace(finding, public_copies=tuple(f"{source}:{line}" for source, line in copies))


def place_order(finding: Finding) -> tuple[Any, ...]:
    """By place, as a person reads a report; what is at one place by kind."""
    place = finding.place
    field_ = (place.object.kind, place.object.field) if place.object else ("", "")
    return place.source, place.line, field_, str(finding.material), finding.fingerprint, finding.encodings
