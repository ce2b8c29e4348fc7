"""What a scan passed over, as a value: nothing is left out without a word."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Skipped:
    """Something that was not looked at.

    ``source`` as in a finding; ``reason`` is for people. ``incomplete`` says that the person asked for this, so that
    a report without it is no clean result; else it could not have been looked at, or belongs to another question.
    """

    source: str
    reason: str
    incomplete: bool = True

    def as_json(self) -> dict[str, str | bool]:
        """One element of ``skipped`` in ``scan --json``."""
        return {"source": self.source, "reason": self.reason, "incomplete": self.incomplete}
