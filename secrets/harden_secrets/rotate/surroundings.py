"""What a run of a rotation needs of the world around it, and the words in which it gives an account of itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from harden_secrets.rotate.event import Event, Happened
from harden_secrets.rotate.values import Rotation, Unit


class Lock(Protocol):
    """What the run needs of the lock over the secret."""

    def confirm(self) -> None:
        """Raises HardenError where the lock is not ours any more."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a run needs to know of the world. ``tell`` hears every event, ``note`` writes to the audit log."""

    now: Callable[[], datetime]
    new_id: Callable[[], str]
    tell: Callable[[Event], None]
    note: Callable[[str, Mapping[str, Any]], None]


class Account:
    """What is said of one secret's rotation: events to whoever listens, entries to the audit log."""

    def __init__(self, secret: str, around: Surroundings) -> None:
        self._secret, self._around = secret, around

    def tell(
        self, rotation: Rotation, happened: Happened, words: str, unit: Unit | None = None, hints: tuple[str, ...] = ()
    ) -> None:
        """Tell of it."""
        self._around.tell(Event(self._secret, happened, self._around.now(), words, rotation.id, unit, hints))

    def foretell(self, words: str) -> None:
        """Tell what is to be known before a rotation begins."""
        self._around.tell(Event(self._secret, Happened.BEGAN, self._around.now(), words))

    def note_unit(self, rotation: Rotation, unit: Unit) -> None:
        """Enter what came of a unit into the audit log. Raises HardenError."""
        failure = rotation.failures.get(unit)
        words = "; ".join(failure.words) if failure is not None else rotation.done[unit].words
        facts = {"phase": str(unit.phase), "target": unit.name, "words": words}
        self.note("rotation-step" if failure is None else "rotation-not-yet", rotation, facts)

    def note(self, event: str, rotation: Rotation, facts: Mapping[str, Any]) -> None:
        """Enter it into the audit log. Raises HardenError."""
        self._around.note(event, {"secret": self._secret, "rotation": rotation.id, **facts})
