"""When a rotation may begin.

A moment is fine if the clock there shows an hour of the window, and its day is not blacked out. What follows from it:
a window past midnight is cut at midnight where one of its two days is blacked out; of a window in the hour that is
jumped over only the rest is left, or nothing, and then it does not come on that day; one in the hour that comes twice
comes once. Without a window all hours of a day are fine.

``jitter`` moves the begin inside a window, by a part of it that is always the same for one secret, so that many
secrets with one window begin one after the other, whenever that is. It leaves a quarter of the window at least, for
a host that looks now and then only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from hashlib import sha256

from harden.errors import HardenError
from harden_secrets.inventory.blackouts import free_days, is_black
from harden_secrets.inventory.model import Rotate, Window
from harden_secrets.rotate.schedule.clock import closing, day_begins, local_day, opening

_DAY = timedelta(days=1)
_MOST = 0.75  # of a window
_FIRST = datetime(2, 1, 1, tzinfo=UTC)


class NoDayLeftError(HardenError):
    """Every day is blacked out. Reading an inventory refuses that, as far as it lasts."""


@dataclass(frozen=True, slots=True)
class Opening:
    """From ``begin`` on, and before ``close``, a rotation may begin. Both in UTC."""

    begin: datetime
    close: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.begin <= moment < self.close


def share(name: str, path: str) -> float:
    """The part of the jitter that a secret takes, from 0 up to 1: spread evenly, and the same on every host."""
    digest = sha256(f"{name}\0{path}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def offset(jitter: timedelta, part: float) -> timedelta:
    """How much later it begins, in whole seconds."""
    return timedelta(seconds=int(jitter.total_seconds() * part))


def openings(rotate: Rotate, zone: tzinfo, since: datetime, part: float) -> Iterator[Opening]:
    """Those that close after ``since``, in order, as far as the calendar reaches. Raises NoDayLeftError for none.

    ``zone`` is the window's own, else the host's.
    """
    none = True
    for day in _opening_days(rotate, local_day(max(since, _FIRST), zone) - _DAY):
        found = _of_day(rotate, day, zone, part)
        if found is not None and found.close > since:
            none = False
            yield found
    if none:
        raise NoDayLeftError("blackout leaves no day on which a rotation could begin", "shorten it in the inventory")


def _opening_days(rotate: Rotate, first: date) -> Iterator[date]:
    """Days on which a window opens that has at least one half on a day that is not blacked out."""
    last = first - _DAY
    for day in free_days(rotate.blackout, first):
        if day - _DAY > last and _passes_midnight(rotate.window):
            yield day - _DAY
        yield day
        last = day


def _of_day(rotate: Rotate, day: date, zone: tzinfo, part: float) -> Opening | None:
    jitter = rotate.jitter
    if rotate.window is None:
        begin, close = day_begins(day, zone), day_begins(day + _DAY, zone)
        if not is_black(rotate.blackout, day - _DAY):
            jitter = timedelta()  # it came after due_at
    else:
        begin, close = _hours(rotate, rotate.window, day, zone)
    if begin >= close:
        return None
    return Opening(begin + offset(min(jitter, (close - begin) * _MOST), part), close)


def _hours(rotate: Rotate, window: Window, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    following = day + _DAY if _passes_midnight(window) else day
    close = closing(following, window.end, zone)
    begin = opening(day, window.start, close, zone)
    if following != day and is_black(rotate.blackout, day):
        begin = day_begins(following, zone)
    if following != day and is_black(rotate.blackout, following):
        close = day_begins(following, zone)
    return begin, close


def _passes_midnight(window: Window | None) -> bool:
    return window is not None and window.end <= window.start


def shortest(rotate: Rotate) -> timedelta:
    """How long an opening lasts at least, but where the clock jumps or a blackout cuts a window."""
    length = rotate.window.length if rotate.window is not None else _DAY
    return length - min(rotate.jitter, length * _MOST)
