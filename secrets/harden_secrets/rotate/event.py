"""What happens in a rotation, as it happens: for people as lines, for programs as JSON. Values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from harden_secrets.rotate.values import Phase, Unit


class Happened(StrEnum):
    """What there is to tell."""

    BEGAN = "began"  # a rotation; or one that was cut off goes on
    WORKING = "working"  # a unit was begun
    DONE = "done"  # a unit was done
    FAILED = "failed"  # a unit could not be done
    WAITING = "waiting"  # nothing more to do before a time
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Event:
    """One of them. ``unit`` is None where it is about the rotation as a whole."""

    secret: str
    happened: Happened
    at: datetime
    words: str
    rotation: str = ""
    unit: Unit | None = None
    hints: tuple[str, ...] = ()

    def document(self) -> Mapping[str, Any]:
        """The event for programs."""
        document: dict[str, Any] = {
            "secret": self.secret,
            "event": str(self.happened),
            "at": self.at.isoformat(),
            "rotation": self.rotation,
        }
        if self.unit is not None:
            document |= {"phase": str(self.unit.phase), "target": self.unit.name}
        return document | {"words": self.words, "hints": list(self.hints)}


_DOING: Mapping[Phase, str] = {
    Phase.GENERATE: "making a new key",
    Phase.INSTALL: "installing the new key",
    Phase.PROVE: "trying the new key",
    Phase.CUT_OVER: "putting the new key in its place",
    Phase.SWITCH: "making it the newest version in Vault",
    Phase.DELIVER: "delivering the new key",
    Phase.CONFIRM: "asking the consumers",
    Phase.LIMIT: "giving the old key an end",
    Phase.OVERLAP: "waiting for the end of the overlap",
    Phase.QUIET: "asking who uses the old key",
    Phase.RETIRE: "taking out the old key",
    Phase.REFUSE: "trying the old key, which must fail",
    Phase.CLOSE: "destroying the pending copy",
    Phase.WITHDRAW: "taking the new key out again",
}


def doing(unit: Unit) -> str:
    """What a unit does, for people: ``installing the new key at openclaw@devvm``."""
    words = _DOING[unit.phase]
    return f"{words} at {unit.name}" if unit.name else words
