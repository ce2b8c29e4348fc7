"""Who has used a key on a target, and the end of the sessions that were opened with it: by what sshd has logged."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from harden.errors import HardenError
from harden_secrets.rotate.kinds.ssh.session import DeclinedError, Session
from harden_secrets.rotate.kinds.ssh.signins import Clock, SignIn, of_host, read, sessions_of

_PLACES = ("journal", "/var/log/auth.log", "/var/log/secure", "/var/log/messages")
_LOOKS = 10  # a log may be written a moment later
_STEP = 0.25
_NOTABLE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Log:
    """What was found. ``logins`` is None where nothing can be known, and ``why`` says so."""

    logins: list[SignIn] | None
    why: str = ""


def clock(session: Session) -> Clock:
    """The target's. Raises HardenError."""
    try:
        seconds, offset = session.ask("clock").rest.split()
        return Clock.of(seconds, offset)
    except (DeclinedError, ValueError):
        raise HardenError("the target does not say what time it is: its `date` has no +%s or no +%z") from None


def ahead(session: Session) -> timedelta:
    """How far the target's clock is before ours; nothing where that is no more than a minute."""
    skew = clock(session).now - datetime.now(UTC)
    return skew if abs(skew) > _NOTABLE else timedelta()


def look(session: Session, log: str, since: datetime) -> Log:
    """The logins since that time of the target's clock or before, from the first place that has our own of just now.

    A log in which we ourselves cannot be found is none that sshd writes, or one that we cannot read all of.
    """
    if log == "none":
        return Log(None, "the inventory says that sshd's log is not to be read")
    places = _PLACES if log == "auto" else (log,)
    for attempt in range(_LOOKS):
        is_readable = False
        for logins in _found(session, places, since):
            is_readable = True
            if (those := of_host(logins, session.source)) is not None:
                return Log(those)
        if not is_readable:
            break
        if attempt + 1 < _LOOKS:
            time.sleep(_STEP)
    return Log(None, f"sshd's log cannot be read there (looked for in {', '.join(places)})")


def _found(session: Session, places: tuple[str, ...], since: datetime) -> Iterator[list[SignIn]]:
    """What each place that can be read has."""
    now = clock(session)
    begin = min(since, now.now - timedelta(minutes=10))  # ours of just now is to be among them
    for place in places:
        try:
            body = session.ask("signins", place, str(int(begin.timestamp()))).body
        except DeclinedError:
            continue
        yield read(body.decode("utf-8", "replace").splitlines(), now)


def open_sessions(session: Session, user: str) -> list[tuple[int, int]] | None:
    """The user's sessions other than ours, each with the process above it. None where they cannot be seen."""
    try:
        words = session.ask("opened", user).rest.split()
        return [(int(pid), int(above)) for pid, _, above in (word.partition("/") for word in words)]
    except (DeclinedError, ValueError):
        return None


def end_sessions(session: Session, user: str, log: Log, fingerprint: str, seen: list[tuple[int, int]] | None) -> str:
    """End those of the key that are still open; how many, in words. Raises HardenError if one does not end.

    ``seen`` are those that were open before the log was read: one that is not in it is older than the log.
    """
    if log.logins is None:
        return f"sessions opened with it are not known: {log.why}"
    return _ended(session, user, sessions_of(log.logins, fingerprint)) + _unknown(log.logins, seen)


def _ended(session: Session, user: str, pids: list[int]) -> str:
    if not pids:
        return "no session was opened with it"
    try:
        count = int(session.ask("finish", user, " ".join(map(str, pids))).rest)
    except DeclinedError as refusal:
        raise HardenError(f"sessions that were opened with the old key go on: {refusal}") from None
    return {0: "no session of it was open", 1: "one session of it was ended"}.get(count, f"{count} sessions were ended")


def _unknown(logins: list[SignIn], seen: list[tuple[int, int]] | None) -> str:
    if seen is None:
        return "; whether others are open cannot be seen there"
    known = {one.pid for one in logins}
    left = [str(pid) for pid, above in seen if pid not in known and above not in known]
    if not left:
        return ""
    return f"; {len(left)} that the log knows nothing of (it begins later) went on: process {', '.join(left[:10])}"
