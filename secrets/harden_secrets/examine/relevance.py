"""Which detectors have anything to say about some bytes: those of which a signature stands there."""

import re
from collections.abc import Iterable, Sequence

from harden_secrets.documents.field import Field
from harden_secrets.firstpass import FirstPass, Interest
from harden_secrets.material import Detector
from harden_secrets.unwrap import Clues
from harden_secrets.unwrap.clues import compiled

_NAMED = 4096  # bytes of a field's value that may matter together with its name


class Relevance:
    """The detectors with their signatures ready for use. Worth keeping: it takes milliseconds to make."""

    def __init__(self, detectors: Sequence[Detector], first_pass: FirstPass | None = None) -> None:
        self.clues = Clues(signature for detector in detectors for signature in detector.signatures)
        self._detectors = tuple(detectors)
        self._numbers = {id(detector): number for number, detector in enumerate(self._detectors)}
        self._first_pass = first_pass
        self._patterns = [] if first_pass else [_patterns(detector) for detector in detectors]

    def judged(self, content: bytes, name: str, *, program: bool) -> tuple[Interest, frozenset[int]]:
        """What a closer look at ``content``, the text of a ``program`` maybe, could be for (without a first pass, all),
        and the numbers of the detectors to ask about it where it bears this name."""
        interest, found = self._judged(content, program=program)
        if name and len(content) <= _NAMED:
            found |= self._judged(_line(name, content), program=False)[1]
        return interest, frozenset(found)

    def _judged(self, content: bytes, *, program: bool) -> tuple[Interest, set[int]]:
        if self._first_pass:
            interest, detectors = self._first_pass.judged(content, program=program)
            numbers = (self._numbers.get(id(detector)) for detector in detectors)
            return interest, {number for number in numbers if number is not None}
        return ~Interest.NOTHING, {
            number
            for number, (literals, patterns) in enumerate(self._patterns)
            if any(literal in content for literal in literals)
            or any(pattern.search(content) for pattern in patterns)
            or not (literals or patterns)
        }

    def any_of(self, fields: Iterable[Field]) -> bool:
        """Whether one of the fields may be of interest, by its value or that together with its name."""
        if self._first_pass is None:
            return True
        return self._first_pass.has_any(b"\n".join(_line(field.name, field.value) for field in fields))

    def detectors(self, numbers: frozenset[int]) -> list[Detector]:
        """The detectors of these numbers, in their order."""
        return [self._detectors[number] for number in sorted(numbers)]


def _line(name: str, value: bytes) -> bytes:
    return name.encode("utf-8", "replace") + b": " + value


def _patterns(detector: Detector) -> tuple[list[bytes], list[re.Pattern[bytes]]]:
    literals = [one.pattern for one in detector.signatures if one.literal and not one.ignore_case]
    patterns = [compiled(one) for one in detector.signatures if not one.literal or one.ignore_case]
    return literals, patterns
