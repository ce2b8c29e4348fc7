"""How each secret fares: from its entry, what Vault's metadata say, the record of its last rotation, and the time.

Pure. *Stuck* is an open rotation that cannot go on by itself: a unit of it failed the last time it was tried, or its
time has come and for a day nobody has gone on with it. What only has to wait (the overlap, somebody who still uses the
old key) is not stuck.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from harden_secrets.inventory.model import SecretEntry
from harden_secrets.rotate.schedule.standing import Standing, standing
from harden_secrets.rotate.values import Failure, Outcome, Phase, Proof, Rotation, Unit
from harden_secrets.vault.port import Metadata

LEFT_ALONE_AFTER = timedelta(days=1)


class Condition(StrEnum):
    """The one word for a secret."""

    NOT_STORED = "nothing stored"
    NOT_SCHEDULED = "not scheduled"
    FINE = "fine"
    DUE = "due"
    ROTATING = "rotating"
    OVERDUE = "overdue"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Found:
    """What Vault says of a secret. ``worker`` is who works on it at this moment, empty for nobody.

    ``trouble`` says why the record of its last rotation cannot be read; empty where it can.
    """

    metadata: Metadata | None
    rotation: Rotation | None
    worker: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class SecretStatus:
    """One secret. ``version`` is 0 and ``created`` None where nothing is stored. Moments are in UTC."""

    entry: SecretEntry
    now: datetime
    version: int
    created: datetime | None
    standing: Standing | None
    rotation: Rotation | None
    worker: str
    trouble: str

    @property
    def age(self) -> timedelta | None:
        """Of the current version."""
        return None if self.created is None else max(self.now - self.created, timedelta())

    @property
    def open_rotation(self) -> Rotation | None:
        """The rotation that is under way."""
        return self.rotation if self.rotation is not None and self.rotation.is_open else None

    @property
    def is_overdue(self) -> bool:
        """Whether a whole window has gone by without its rotation."""
        return self.standing is not None and self.standing.is_overdue

    @property
    def is_stuck(self) -> bool:
        """Whether its rotation cannot go on by itself."""
        return bool(self.trouble) or self.failure is not None or self.is_left_alone

    @property
    def is_left_alone(self) -> bool:
        """Whether there is something to do in its rotation that nobody has done for a day."""
        rotation = self.open_rotation
        return rotation is not None and not self.worker and self.now >= _ready(rotation) + LEFT_ALONE_AFTER

    @property
    def failure(self) -> tuple[Unit, Failure] | None:
        """What is in the way of its rotation; of several things the latest."""
        return _latest(self.open_rotation, delays=False)

    @property
    def failures(self) -> tuple[tuple[Unit, Failure], ...]:
        """All that is in the way of its rotation, the latest first."""
        found = _failed(self.open_rotation, delays=False)
        return tuple(sorted(found, key=_lateness, reverse=True))

    @property
    def delay(self) -> tuple[Unit, Failure] | None:
        """What its rotation waits for, other than time."""
        return _latest(self.open_rotation, delays=True)

    @property
    def refusal(self) -> tuple[Unit, Failure] | None:
        """Why its next rotation could not begin when it was tried last, if its key is still the one that was there."""
        failure = self.rotation.refusal if self.rotation is not None else None
        if failure is None or (self.created is not None and self.created > failure.last):
            return None
        return Unit(Phase.GENERATE), failure

    @property
    def last_proof(self) -> tuple[Unit, Proof] | None:
        """What its last rotation has shown last."""
        if self.rotation is None or not self.rotation.done:
            return None
        return max(self.rotation.done.items(), key=lambda one: (one[1].at, list(Phase).index(one[0].phase)))

    @property
    def last_success(self) -> datetime | None:
        """When its last rotation was done; None where there was none, or another one is under way."""
        rotation = self.rotation
        return rotation.ended if rotation is not None and rotation.outcome is Outcome.DONE else None

    @property
    def next_run(self) -> datetime | None:
        """When there is something to do, ``now`` or in the past for at once; None for never."""
        if self.open_rotation is not None:
            return _ready(self.open_rotation)
        return self.standing.next_start if self.standing is not None else None

    @property
    def condition(self) -> Condition:
        """The gravest thing that can be said of it."""
        if self.is_stuck:
            return Condition.STUCK
        if self.created is None:
            return Condition.NOT_STORED
        if self.is_overdue:
            return Condition.OVERDUE
        if self.open_rotation is not None:
            return Condition.ROTATING
        if self.standing is None:
            return Condition.NOT_SCHEDULED
        return Condition.DUE if self.standing.is_due else Condition.FINE

    @property
    def is_in_order(self) -> bool:
        """Whether nobody has to do anything."""
        return not self.is_stuck and not self.is_overdue


def status_of(entry: SecretEntry, found: Found, now: datetime, local: tzinfo) -> SecretStatus:
    """How the secret fares. ``local`` is the host's time zone, for a window without one."""
    version, created = current(found.metadata, found.rotation)
    stands = standing(entry, created, now, local) if created is not None else None
    around = (found.rotation, found.worker, found.trouble)
    return SecretStatus(entry, now.astimezone(UTC), version, created, stands, *around)


def current(metadata: Metadata | None, rotation: Rotation | None) -> tuple[int, datetime | None]:
    """The newest version and since when its key has been the newest; 0 and None where there is none, or it is deleted.

    ``rotation`` is the last one: one that was abandoned may have written the old key once more.
    """
    for version in metadata.versions if metadata is not None else ():
        if metadata is not None and version.number == metadata.current and not (version.deleted or version.destroyed):
            made = rotation.old_made if rotation is not None and rotation.old_version == version.number else None
            return version.number, (made or version.created).astimezone(UTC)
    return 0, None


def _latest(rotation: Rotation | None, *, delays: bool) -> tuple[Unit, Failure] | None:
    return max(_failed(rotation, delays=delays), key=_lateness, default=None)


def _failed(rotation: Rotation | None, *, delays: bool) -> list[tuple[Unit, Failure]]:
    return [one for one in (rotation.failures.items() if rotation is not None else ()) if one[1].delays is delays]


def _lateness(one: tuple[Unit, Failure]) -> tuple[datetime, str]:
    unit, failure = one
    return failure.last, str(unit)


def _ready(rotation: Rotation) -> datetime:
    """Since when, or from when on, there is something to do in an open rotation."""
    moments = [rotation.began, *(proof.at for proof in rotation.done.values())]
    moments += [failure.last for failure in rotation.failures.values()]
    since = max(moments)
    if rotation.overlap_until is not None and not rotation.has(Phase.OVERLAP) and not rotation.abandoning:
        return max(since, rotation.overlap_until)
    return since
