"""What the decrypted content of a file holds. It is looked at in memory, piece by piece, and nothing of it is kept."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from harden_secrets.budget import Budget
from harden_secrets.detect import DETECTORS
from harden_secrets.detect.filekind import is_code
from harden_secrets.examine import Sighting, Unexamined, examine
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.firstpass import FirstPass
from harden_secrets.rotate.kinds.gitcrypt.exposure.known import Known
from harden_secrets.rotate.kinds.gitcrypt.exposure.values import Held, Kept, Seen
from harden_secrets.scan.defect import defect_in
from harden_secrets.sources.reading import Window


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that looking at contents needs. One for a repository; processes are forked with it."""

    first_pass: FirstPass
    fingerprinter: Fingerprinter
    known: Known
    budget: Budget = field(default_factory=Budget)

    def seen_in(self, path: str, windows: Iterable[Window]) -> Seen:
        """What is in a file. That something is allowed to stand there by a comment makes no difference here."""
        held: dict[tuple[str, int], Held] = {}
        kept: set[Kept] = set()
        unexamined: set[str] = set()
        for window in windows:
            content = bytes(window.content)
            try:
                kept |= self.known.values.standing_in(content)
                for one in self._observed(path, content, window):
                    if isinstance(one, Held):
                        held.setdefault((one.fingerprint, one.line), one)
                    else:
                        unexamined.add(one)
            except Exception as error:  # noqa: BLE001 - one file must not hide what is in the others
                unexamined.add(defect_in(error))
        return Seen(tuple(sorted(held.values())), tuple(sorted(kept)), tuple(sorted(unexamined)))

    def _observed(self, path: str, content: bytes, window: Window) -> Iterator[Held | str]:
        if not self.first_pass.deserves_look(content, program=is_code(path)):
            return
        whole = window.first and window.last
        for one in examine(content, path, DETECTORS, self.budget, self.first_pass, fragment=not whole):
            if isinstance(one, Sighting) and not _cut_off(one, content, window):
                yield self._held(one, window)
            elif isinstance(one, Unexamined):
                yield one.reason

    def _held(self, sighting: Sighting, window: Window) -> Held:
        found = sighting.detection
        fingerprint = self.fingerprinter.of(found)
        return Held(
            line=sighting.line + window.lines if sighting.line else 0,
            material=str(found.material),
            fingerprint=fingerprint,
            description=found.description,
            protected=found.protected,
            kept=self.known.values.of(fingerprint),
        )


def _cut_off(sighting: Sighting, content: bytes, window: Window) -> bool:
    """Whether it reaches the edge of a piece, beyond which it may go on: the next piece has it as a whole."""
    begins = sighting.start == 0 and not window.first
    return begins or (sighting.end == len(content) and not window.last)
