"""Rules on trial: in force, and replaced by the last confirmed ones unless somebody confirms them in time. Values."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

Ended = Literal["confirmed", "expired", "given up", "removed"]


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time on this machine. ``incarnation`` changes with each boot, and with each new network namespace:
    with it, rules are gone. ``since_boot`` is in seconds, goes on while the machine sleeps, and is nobody's to set."""

    incarnation: str
    since_boot: float
    wall: datetime


@dataclass(frozen=True, slots=True)
class Trial:
    """``deadline`` is in seconds since boot, as ``Moment.since_boot``; ``applied`` and ``until`` are for people.

    ``known``: rules had been applied before. ``connections`` are the inodes of the TCP connections that existed when
    the rules had been written; None until then.
    """

    id: str
    seconds: int
    incarnation: str
    deadline: float
    applied: str
    until: str
    backend: str
    known: bool
    connections: tuple[int, ...] | None = None

    def over(self, moment: Moment) -> bool:
        """Whether it is too late to confirm."""
        return self.incarnation != moment.incarnation or moment.since_boot >= self.deadline

    def extended(self, moment: Moment) -> "Trial":
        """The whole time again, from this moment on."""
        return replace(self, deadline=moment.since_boot + self.seconds, until=after(moment.wall, self.seconds))


@dataclass(frozen=True, slots=True)
class Ending:
    """How a trial ended; times as in :class:`Trial`."""

    how: Ended
    applied: str
    at: str
    seconds: int


def after(wall: datetime, seconds: int) -> str:
    """The time of day that many seconds later, as ISO 8601 in UTC."""
    return datetime.fromtimestamp(wall.timestamp() + seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
