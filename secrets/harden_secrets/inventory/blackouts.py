"""Days on which no rotation begins, as the inventory writes them. Errors are ValueErrors with words."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from dateutil.rrule import DAILY, rrule

from harden.document.wording import quote
from harden_secrets.inventory.model import Blackout

BLACKOUT_EXAMPLE = 'write it as 2026-12-24, 2026-12-20..2027-01-06, 12-24 or 12-20..01-06 (every year), or "sat"'
LONGEST = timedelta(days=366)

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS = re.compile(r"(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2})(?:\.\.(?:([0-9]{4})-)?([0-9]{2})-([0-9]{2}))?\Z")
_LEAP_YEAR = 2000  # its days are the days that a year can have
_CYCLE = timedelta(days=146_097)  # 400 years of the Gregorian calendar, after which days and weekdays repeat


def parse_blackout(text: str) -> Blackout:
    """A day, a range of days, either with or without the year, or a weekday."""
    if text.casefold() in _WEEKDAYS:
        return Blackout(weekday=_WEEKDAYS.index(text.casefold()))
    match = _DAYS.match(text)
    if not match or (match[5] and bool(match[1]) != bool(match[4])):
        raise ValueError(f"bad blackout {quote(text)}: {BLACKOUT_EXAMPLE}")
    try:
        first = _day(match[1], match[2], match[3])
        last = _day(match[4], match[5], match[6]) if match[5] else first
    except ValueError:
        raise ValueError(f"{quote(text)} has no such day: {BLACKOUT_EXAMPLE}") from None
    yearly = not match[1]
    if not yearly and last < first:
        raise ValueError(f"{quote(text)} ends before it begins")
    if not yearly and last - first > LONGEST:
        raise ValueError(f"{quote(text)} is longer than a year: leave out rotate where nothing is to be rotated")
    return Blackout(first, last, yearly)


def blackout_text(blackout: Blackout) -> str:
    """The same as text."""
    if blackout.weekday is not None:
        return _WEEKDAYS[blackout.weekday]
    days = [f"{day:%m-%d}" if blackout.yearly else day.isoformat() for day in (blackout.first, blackout.last) if day]
    return "..".join(dict.fromkeys(days))


def is_black(blackouts: Iterable[Blackout], day: date) -> bool:
    """Whether no rotation begins on that day."""
    return any(_covers(blackout, day) for blackout in blackouts)


def free_days(blackouts: Sequence[Blackout], first: date) -> Iterator[date]:
    """The days from ``first`` on that are not blacked out, in order; at most as far as the calendar repeats itself.

    A day that a yearly blackout and the weekdays leave comes again within that time, and ranges with a year end.
    """
    until = min(first.toordinal() + _CYCLE.days, date.max.toordinal() - 2)
    begin, end = _midnight(first), _midnight(date.fromordinal(max(until, first.toordinal())))
    for moment in rrule(DAILY, dtstart=begin, until=end):
        if not is_black(blackouts, moment.date()):
            yield moment.date()


def leaves_no_day(blackouts: Iterable[Blackout]) -> bool:
    """Whether those that come again and again cover every day that there is.

    Each day of the year, 29 February too, comes on each weekday sooner or later.
    """
    lasting = list(blackouts)
    weekdays = {one.weekday for one in lasting if one.weekday is not None}
    yearly = [one for one in lasting if one.yearly]
    days = (date(_LEAP_YEAR, 1, 1) + timedelta(days=number) for number in range(366))
    return len(weekdays) == len(_WEEKDAYS) or all(is_black(yearly, day) for day in days)


def _day(year: str | None, month: str, day: str) -> date:
    return date(int(year) if year else _LEAP_YEAR, int(month), int(day))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day)


def _covers(blackout: Blackout, day: date) -> bool:
    if blackout.weekday is not None:
        return day.weekday() == blackout.weekday
    first, last = blackout.first or date.min, blackout.last or date.max
    if not blackout.yearly:
        return first <= day <= last
    begin, end, this = (first.month, first.day), (last.month, last.day), (day.month, day.day)
    if begin <= end:
        return begin <= this <= end
    return this >= begin or this <= end  # over New Year
