"""Who has logged in with a key, from what sshd has logged. Times are of the target's clock."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

# Atomic: a target that writes a line of millions of such beginnings must not have us try each of them.
_ACCEPTED = re.compile(
    r"(?>(?P<head>.*?)\bsshd(?:-session)?\[(?P<pid>\d+)\]: Accepted \S+ for )(?P<user>.*) from (?P<address>\S+) "
    r"port (?P<port>\d+) ssh2(?:: \S+ (?P<fingerprint>SHA256:\S+))?"
)
_SINCE_EPOCH = re.compile(r"(\d{6,12}(?:\.\d+)?)\s")
_ISO = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)\s")
_PLAIN = re.compile(r"(?:<\d+>)?([A-Z][a-z]{2}\s+\d{1,2} \d\d:\d\d:\d\d)\s")


@dataclass(frozen=True, slots=True)
class SignIn:
    """One login that sshd let through; ``pid`` is the process of the session.

    ``host`` is whose line it is, as the log has that: a log may be of many hosts.
    """

    at: datetime
    pid: int
    user: str
    address: str
    port: str
    fingerprint: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """The target's clock and zone at the moment of reading: a line of a log may have neither year nor zone."""

    now: datetime
    zone: timezone

    @classmethod
    def of(cls, seconds: str, offset: str) -> "Clock":
        """From what ``date +%s`` and ``date +%z`` say. Raises ValueError."""
        zone = datetime.strptime(offset, "%z").tzinfo
        assert isinstance(zone, timezone)
        return cls(datetime.fromtimestamp(int(seconds), UTC), zone)


def read(lines: Iterable[str], clock: Clock) -> list[SignIn]:
    """The logins among the lines, in the order of the lines; those without a time are left out."""
    found = ((_ACCEPTED.match(line), line) for line in lines)
    return [
        _sign_in(match, *timed)
        for match, line in found
        if match is not None and (timed := _time(line, clock)) is not None
    ]


def _sign_in(match: re.Match[str], at: datetime, end: int) -> SignIn:
    host = match.string[end : match.end("head")].strip()
    return SignIn(
        at, int(match["pid"]), match["user"], match["address"], match["port"], match["fingerprint"] or "", host
    )


def of_host(logins: Sequence[SignIn], source: tuple[str, str]) -> list[SignIn] | None:
    """Those at the host that our own login, from that address and port, was at; None where that is not among them."""
    ours = next((one for one in reversed(logins) if (one.address, one.port) == source), None)
    return None if ours is None else [one for one in logins if one.host == ours.host]


def of_key(
    logins: Iterable[SignIn], fingerprint: str, since: datetime, ours: frozenset[tuple[str, str]]
) -> list[SignIn]:
    """Those with that key since then, other than ours, which are known by address and port.

    Of a log that has whole seconds only, all of the second that ``since`` is in.
    """
    second = since.replace(microsecond=0)
    return [
        one
        for one in logins
        if one.fingerprint == fingerprint
        and one.at >= (since if one.at.microsecond else second)
        and (one.address, one.port) not in ours
    ]


def sessions_of(logins: Iterable[SignIn], fingerprint: str) -> list[int]:
    """The processes that were last logged as the session of that key: numbers of processes come again."""
    last = {one.pid: one.fingerprint for one in sorted(logins, key=lambda one: one.at)}
    return sorted(pid for pid, key in last.items() if key == fingerprint)


def words(logins: Sequence[SignIn]) -> str:
    """Who, from where, how often and when last; empty where nobody has."""
    groups: dict[tuple[str, str], list[SignIn]] = defaultdict(list)
    for one in logins:
        groups[one.user, one.address].append(one)
    ordered = sorted(groups.items(), key=lambda item: max(one.at for one in item[1]), reverse=True)
    parts = [
        f"{user} from {address}, {_times(len(them))}, last {max(one.at for one in them):%Y-%m-%d %H:%M:%S} UTC"
        for (user, address), them in ordered[:5]
    ]
    more = [f"and {len(ordered) - 5} more"] if len(ordered) > 5 else []
    return "; ".join([*parts, *more])


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _time(line: str, clock: Clock) -> tuple[datetime, int] | None:
    """The time that a line begins with, and where that ends."""
    if match := _SINCE_EPOCH.match(line):
        return datetime.fromtimestamp(float(match[1]), UTC), match.end()
    try:
        if match := _ISO.match(line):
            at = datetime.fromisoformat(match[1])
            return (at if at.tzinfo else at.replace(tzinfo=clock.zone)).astimezone(UTC), match.end()
        if (match := _PLAIN.match(line)) and (found := _without_year(match[1], clock)) is not None:
            return found, match.end()
    except ValueError:
        pass
    return None


def _without_year(text: str, clock: Clock) -> datetime | None:
    """The latest such time that is not in the future (RFC 3164, 4.1.2 has no year)."""
    for year in range(clock.now.year + 1, clock.now.year - 9, -1):
        try:
            at = datetime.strptime(f"{year} {text}", "%Y %b %d %H:%M:%S").replace(tzinfo=clock.zone)
        except ValueError:
            continue  # 29 February of another year
        if at <= clock.now + timedelta(hours=1):
            return at.astimezone(UTC)
    return None
