"""Where a secret stands in its schedule.

*Due* from ``due_at`` on: ``every`` after its current version was made or, where that falls into an opening (a window
on a day that is not blacked out), from that opening's beginning on, so that a rotation does not come a little later in
the night each time. A due secret *may begin* inside an opening. *Overdue* from ``overdue_at`` on: a day after it
might have begun for the first time, so that one whole window has gone by without it; a blackout makes nothing
overdue. Without a ``window`` the jitter comes after ``due_at``, and an opening is a whole day.

After a host was down, many are due at once. The runner takes them one at a time, in :func:`order`, and asks before
each whether it still may begin; what the window does not hold comes in the next one, the most overdue first. That is
the limit of a run; a number in its place would leave keys old that there was time for.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from harden_secrets.inventory.model import Rotate, SecretEntry
from harden_secrets.rotate.schedule.openings import offset, openings, share

OVERDUE_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """``next_start`` is the next moment at which it may begin: ``now`` itself where it may. All in UTC."""

    name: str
    now: datetime
    due_at: datetime
    next_start: datetime
    overdue_at: datetime

    @property
    def is_due(self) -> bool:
        """Its time has come, though perhaps not the hour."""
        return self.now >= self.due_at

    @property
    def may_begin(self) -> bool:
        """It is due, and this is an hour for it."""
        return self.now >= self.next_start

    @property
    def is_overdue(self) -> bool:
        """A whole window has gone by without it."""
        return self.now >= self.overdue_at


def standing(entry: SecretEntry, created: datetime, now: datetime, local: tzinfo) -> Standing | None:
    """Where it stands, or None where the entry has no ``rotate``. ``created``: when its current version was made.

    ``local`` is the host's time zone, for a window without one. Raises NoDayLeftError.
    """
    rotate = entry.rotate
    if rotate is None:
        return None
    zone = ZoneInfo(rotate.window.zone) if rotate.window is not None and rotate.window.zone else local
    part = share(entry.name, entry.path)
    due = _due(rotate, created.astimezone(UTC), zone, part)
    ready = due if rotate.window is not None else due + offset(rotate.jitter, part)
    first = _next_start(rotate, ready, zone, part)
    start = first if now <= first else _next_start(rotate, now, zone, part)
    return Standing(entry.name, now.astimezone(UTC), due, start.astimezone(UTC), first + OVERDUE_AFTER)


def order(standings: Iterable[Standing]) -> list[Standing]:
    """The most overdue first; of two alike, by name."""
    return sorted(standings, key=lambda one: (one.due_at, one.name))


def _due(rotate: Rotate, created: datetime, zone: tzinfo, part: float) -> datetime:
    after = created + rotate.every
    if rotate.window is None:
        return after
    opening = next(openings(rotate, zone, after, part))
    # A version that was made inside of it is not as old as that: `every` is shorter than the window.
    return opening.begin if after in opening and opening.begin > created else after


def _next_start(rotate: Rotate, since: datetime, zone: tzinfo, part: float) -> datetime:
    return max(since, next(openings(rotate, zone, since, part)).begin)
