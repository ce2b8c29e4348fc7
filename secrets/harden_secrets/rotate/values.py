"""A rotation as a value: how far it has come, and what each step has shown. It holds no secret value."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from harden_secrets.inventory.model import SecretKind


class Phase(StrEnum):
    """What is done in a rotation, in the order of this list. Each is done for each of its units: see ``machine``."""

    GENERATE = "generate"  # the new key is made and persisted as pending
    INSTALL = "install"  # beside the old one, at each target
    PROVE = "prove"  # the new one works, at each target
    CUT_OVER = "cut-over"  # what cannot stand beside the old one takes its place now, at each target
    SWITCH = "switch"  # the new key becomes the newest version in Vault
    DELIVER = "deliver"  # by each delivery
    CONFIRM = "confirm"  # each delivery's consumers see the new one
    LIMIT = "limit"  # the old one ends by itself at a given time, at each target that can do that
    OVERLAP = "overlap"  # both are good until this is over
    QUIET = "quiet"  # nobody uses the old one any more, at each target
    RETIRE = "retire"  # the old one is taken out, at each target
    REFUSE = "refuse"  # the old one is proved refused, at each target
    CLOSE = "close"  # the pending copy goes
    WITHDRAW = "withdraw"  # only when abandoned: the new one is taken out again, at each target


class Outcome(StrEnum):
    """How a rotation ended."""

    DONE = "done"
    ABANDONED = "abandoned"
    NOT_BEGUN = "not begun"  # something was in the way before anything was made


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """One thing to do: a phase for one target or delivery; ``name`` is empty for what is done once."""

    phase: Phase
    name: str = ""

    def __str__(self) -> str:
        return f"{self.phase} {self.name}" if self.name else str(self.phase)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a unit has not been done yet: what was said to the person the last time, and how often that was.

    ``delays``: nothing is wrong, it only has to wait (somebody still uses the old key).
    """

    words: tuple[str, ...]
    hints: tuple[str, ...]
    first: datetime
    last: datetime
    times: int = 1
    delays: bool = False


@dataclass(frozen=True, slots=True)
class Proof:
    """What a unit has shown, in a few words, and when."""

    words: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation of one secret.

    ``old_version`` and ``new_version`` are versions in Vault; the latter is 0 until the switch. ``old_made``: since
    when the old key has been the newest, where that version merely has it once more. ``done`` has what each unit has
    shown; a unit that is not in it will be done, or done again. ``overlap_until`` is known once the overlap has begun;
    ``deadline`` is when the old key goes even if somebody still uses it. ``switching``: the switch may have been made,
    or may still be made by a process that somebody believes dead. One that has ended may have a failure of GENERATE:
    why the next one could not begin.
    """

    id: str
    kind: SecretKind
    began: datetime
    old_version: int
    overlap: timedelta
    old_made: datetime | None = None
    new_version: int = 0
    done: Mapping[Unit, Proof] = field(default_factory=dict)
    failures: Mapping[Unit, Failure] = field(default_factory=dict)
    overlap_began: datetime | None = None
    overlap_until: datetime | None = None
    deadline: datetime | None = None
    switching: bool = False
    abandoning: bool = False
    outcome: Outcome | None = None
    ended: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether something remains to be done."""
        return self.outcome is None

    def has(self, phase: Phase, name: str = "") -> bool:
        """Whether that unit is done."""
        return Unit(phase, name) in self.done

    @property
    def refusal(self) -> Failure | None:
        """Why the one after it could not begin."""
        return None if self.is_open else self.failures.get(Unit(Phase.GENERATE))

    def with_proof(self, unit: Unit, proof: Proof) -> "Rotation":
        """The same, with that unit done."""
        failures = {one: failure for one, failure in self.failures.items() if one != unit}
        return replace(self, done={**self.done, unit: proof}, failures=failures)
