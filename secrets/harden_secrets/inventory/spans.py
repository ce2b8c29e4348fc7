"""Lengths of time and hours of the day, as the inventory writes them. Errors are ValueErrors with words."""

import re
from datetime import time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from harden.document.wording import quote

DURATION_EXAMPLE = "write it as 30d, 24h, 90m or 1d12h"
WINDOW_EXAMPLE = 'write it as "02:00-05:00", or with a time zone as "02:00-05:00 Europe/Bucharest"'
LONGEST = timedelta(days=3650)

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_DURATION = re.compile(r"(?:[0-9]{1,9}[wdhms])+\Z")
_PART = re.compile(r"([0-9]+)([wdhms])")
_WINDOW = re.compile(r"([0-9]{2}):([0-9]{2})\s*-\s*([0-9]{2}):([0-9]{2})(?:\s+(\S+))?\Z")


def parse_duration(text: str) -> timedelta:
    """A length of time of at most ten years, such as ``30d`` or ``1d12h``; weeks, days, hours, minutes, seconds."""
    if not _DURATION.match(text):
        raise ValueError(f"bad duration {quote(text)}: {DURATION_EXAMPLE}")
    length = timedelta(seconds=sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(text)))
    if length > LONGEST:
        raise ValueError(f"{quote(text)} is longer than ten years")
    return length


def duration_text(length: timedelta) -> str:
    """The same as text, in as few units as need be, whole seconds."""
    rest = int(length.total_seconds())
    parts = []
    for unit in "dhms":
        count, rest = divmod(rest, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def parse_window(text: str) -> tuple[time, time, str]:
    """Start, end and time zone (empty for the host's own)."""
    match = _WINDOW.match(text)
    if not match:
        raise ValueError(f"bad window {quote(text)}: {WINDOW_EXAMPLE}")
    try:
        start, end = (time(int(hour), int(minute)) for hour, minute in (match.group(1, 2), match.group(3, 4)))
    except ValueError:
        raise ValueError(f"{quote(text)} has no such hours: {WINDOW_EXAMPLE}") from None
    if start == end:
        raise ValueError(f"the window {quote(text)} is empty")
    zone = match[5] or ""
    if zone and not is_zone(zone):
        raise ValueError(f"unknown time zone {quote(zone)}: {WINDOW_EXAMPLE}")
    return start, end, zone


def is_zone(name: str) -> bool:
    """Whether the time zone database has it."""
    if name == "UTC":
        return True
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
