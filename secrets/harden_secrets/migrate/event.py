"""What happens to the steps of a run, and where one stands. Values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Event(StrEnum):
    """What a line of the journal says."""

    BEGIN = "begin"
    DONE = "done"
    FAILED = "failed"
    BACK = "back"  # of the run, not of a step: from here on it is rolled back
    UNDONE = "undone"
    FINISHED = "finished"  # of the run


@dataclass(slots=True)
class StepState:
    """Where a step stands. ``before`` is what its beginning noted for undoing it, still sealed."""

    event: Event
    before: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
