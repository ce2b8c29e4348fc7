"""Which detectors have anything to say about some bytes: those of which a signature stands there."""

import re
from collections.abc import Iterable, Sequence

from harden_secrets.documents import Field
from harden_secrets.material import Detector
from harden_secrets.unwrap import Clues
from harden_secrets.unwrap.clues import compiled

_NAMED = 4096  # bytes of a field's value that may matter together with its name


class Relevance:
    """The detectors with their signatures ready for use. Worth keeping: it takes milliseconds to make."""

    def __init__(self, detectors: Sequence[Detector]) -> None:
        self.clues = Clues(signature for detector in detectors for signature in detector.signatures)
        self._detectors = tuple(detectors)
        self._patterns = [_patterns(detector) for detector in detectors]

    def of(self, content: bytes, known: frozenset[int] = frozenset()) -> frozenset[int]:
        """The numbers of the detectors to ask about ``content``, besides those that are ``known`` already."""
        return known | {
            number
            for number, (literals, patterns) in enumerate(self._patterns)
            if number not in known
            and (
                any(literal in content for literal in literals)
                or any(pattern.search(content) for pattern in patterns)
                or not (literals or patterns)
            )
        }

    def of_fields(self, fields: Iterable[Field], known: frozenset[int]) -> frozenset[int]:
        """The same for fields under their names."""
        texts = (field.name.encode() + b": " + field.value for field in fields if len(field.value) <= _NAMED)
        return self.of(b"\n".join(texts), known)

    def detectors(self, numbers: frozenset[int]) -> list[Detector]:
        """The detectors of these numbers, in their order."""
        return [self._detectors[number] for number in sorted(numbers)]


def _patterns(detector: Detector) -> tuple[list[bytes], list[re.Pattern[bytes]]]:
    literals = [one.pattern for one in detector.signatures if one.literal and not one.ignore_case]
    patterns = [compiled(one) for one in detector.signatures if not one.literal or one.ignore_case]
    return literals, patterns
