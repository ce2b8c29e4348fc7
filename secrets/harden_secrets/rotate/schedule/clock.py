"""Times of the day, as moments: also on the days on which the clock jumps.

Days and the calendar are dateutil's (``rrule``), time zones those of the system's database; both come with what harden
needs anyway.
"""

from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from dateutil import tz

_MIDNIGHT = time()


def opening(day: date, start: time, close: datetime, zone: tzinfo) -> datetime:
    """The last moment of the day, before ``close``, at which the clock shows ``start``, in UTC.

    There are two where the clock goes back. Where it is put forward past ``start``, that is the moment.
    """
    later = _first_showing(datetime.combine(day, start), zone, fold=1)
    return later if later < close else _first_showing(datetime.combine(day, start), zone, fold=0)


def closing(day: date, end: time, zone: tzinfo) -> datetime:
    """The first moment of the day at which the clock shows ``end`` or is put forward past it, in UTC."""
    return _first_showing(datetime.combine(day, end), zone, fold=0)


def day_begins(day: date, zone: tzinfo) -> datetime:
    """The first moment of a day, in UTC. There are zones whose clocks jump at midnight."""
    return _first_showing(datetime.combine(day, _MIDNIGHT), zone, fold=0)


def local_day(moment: datetime, zone: tzinfo) -> date:
    """Which day it is there."""
    return moment.astimezone(zone).date()


def _first_showing(wall: datetime, zone: tzinfo, fold: int) -> datetime:
    aware = wall.replace(tzinfo=zone, fold=fold)
    if tz.datetime_exists(aware):
        return aware.astimezone(UTC)
    # PEP 495: of a time that is jumped over, fold=1 is a moment before the jump, and fold=0 one after it.
    before = aware.replace(fold=1).astimezone(UTC)
    after = aware.replace(fold=0).astimezone(UTC)
    seconds = range(int((after - before).total_seconds()))
    jump = bisect_left(seconds, True, key=lambda second: _clock(before, second, zone) >= wall)
    return before + timedelta(seconds=jump)


def _clock(moment: datetime, seconds: int, zone: tzinfo) -> datetime:
    return (moment + timedelta(seconds=seconds)).astimezone(zone).replace(tzinfo=None)
