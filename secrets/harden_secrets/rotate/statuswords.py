"""Where a rotation stands, in words for the person who looks. Pure; moments are told by the clock of a time zone."""

from datetime import datetime, timedelta, tzinfo

from harden_secrets.inventory.spans import duration_text
from harden_secrets.rotate.status import Condition, SecretStatus
from harden_secrets.rotate.values import Failure, Outcome, Phase, Rotation, Unit

_WEEK = timedelta(days=6)
_BEFORE_SWITCH = {
    Phase.GENERATE: "the new key is stored as pending; next it is installed beside the old one, which is in use",
    Phase.INSTALL: "the new key is being installed and tried; the old one is in use",
    Phase.PROVE: "the new key was tried; next it takes over from the old one, which is in use",
    Phase.CUT_OVER: "the new key takes over from the old one",
}
_AFTER_SWITCH = {
    Phase.SWITCH: "the new key is in use; next its consumers get it, and the old one is good still",
    Phase.DELIVER: "the new key is being delivered; the old one is good still",
    Phase.CONFIRM: "the new key is with its consumers; the old one is good still",
    Phase.LIMIT: "the new key is with its consumers; the old one is good still",
    Phase.OVERLAP: "the overlap is over; next the old key is retired",
    Phase.QUIET: "nobody uses the old key; next it is retired",
    Phase.RETIRE: "the old key is taken out; next it is tried, and must be refused",
    Phase.REFUSE: "the old key is refused; next the pending copy is destroyed",
}
_RETIREMENT = (Phase.OVERLAP, Phase.QUIET, Phase.RETIRE, Phase.REFUSE)


def words(status: SecretStatus, zone: tzinfo) -> str:
    """The sentence for a secret; empty where there is nothing to say beyond its condition and its dates."""
    if status.trouble:
        return status.trouble
    rotation = status.open_rotation
    if rotation is not None:
        said = _of_open(status, rotation, zone)
        return f"{said}; {status.worker} works on it" if status.worker else said
    return _of_none(status, zone) or (f"{status.worker} works on it" if status.worker else "")


def when(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """``Tue 02:00`` within six days of now, else ``2026-12-01 02:00``."""
    there = moment.astimezone(zone)
    return f"{there:%a %H:%M}" if abs(moment - now) < _WEEK else f"{there:%Y-%m-%d %H:%M}"


def age_text(age: timedelta) -> str:
    """``41d``; hours below two days, minutes below two hours."""
    for unit, length, least in (("d", timedelta(days=1), 2), ("h", timedelta(hours=1), 2)):
        if age >= least * length:
            return f"{age // length}{unit}"
    return f"{age // timedelta(minutes=1)}m"


def at(unit: Unit) -> str:
    """``install at openclaw@devvm``."""
    return f"{unit.phase} at {unit.name}" if unit.name else str(unit.phase)


def reached(rotation: Rotation) -> Phase:
    """The last phase of which something is done."""
    order = list(Phase)
    return max((unit.phase for unit in rotation.done), key=order.index, default=Phase.GENERATE)


def _of_none(status: SecretStatus, zone: tzinfo) -> str:
    """Of a secret of which no rotation is under way."""
    if status.created is None and status.entry.rotate is not None:
        return f"nothing is stored at {status.entry.path}, so nothing is rotated: harden secrets plan, then migrate"
    if status.refusal is not None:
        return _stuck(*status.refusal, status, zone)
    if status.condition is Condition.OVERDUE and status.standing is not None:
        late = duration_text(timedelta(hours=(status.now - status.standing.overdue_at) // timedelta(hours=1)))
        since = f"was due {when(status.standing.due_at, status.now, zone)}"
        return f"{since}: does `harden secrets rotate --due` run?" if late != "0s" else since
    if status.rotation is not None and status.rotation.outcome is Outcome.ABANDONED and status.rotation.ended:
        stays = status.version == status.rotation.old_version
        what = "the old key" if stays else f"version {status.version}, which somebody else stored,"
        return f"the last rotation was abandoned {when(status.rotation.ended, status.now, zone)}; {what} is in use"
    return ""


def _of_open(status: SecretStatus, rotation: Rotation, zone: tzinfo) -> str:
    failure = status.failure
    if failure is not None:
        return _stuck(*failure, status, zone)
    if status.is_left_alone:
        since = when(
            max(proof.at for proof in rotation.done.values()) if rotation.done else rotation.began, status.now, zone
        )
        return f"nobody has gone on with it since {since}: harden secrets rotate {status.entry.name}"
    if rotation.abandoning:
        return "abandoned: the new key is being taken out again; the old one is in use"
    if status.delay is not None:
        return _delayed(status.delay[1], rotation, status, zone)
    if rotation.overlap_until is not None and not rotation.has(Phase.OVERLAP) and status.now < rotation.overlap_until:
        return f"overlap until {when(rotation.overlap_until, status.now, zone)}; then the old key is retired"
    phase = reached(rotation)
    if rotation.overlap_until is not None and phase not in _RETIREMENT:
        phase = Phase.OVERLAP
    return (_AFTER_SWITCH if rotation.has(Phase.SWITCH) else _BEFORE_SWITCH).get(phase, str(phase))


def _stuck(unit: Unit, failure: Failure, status: SecretStatus, zone: tzinfo) -> str:
    tries = f", tried {failure.times} times" if failure.times > 1 else ""
    said = "; ".join(failure.words)
    hint = f"; {'; '.join(failure.hints)}" if failure.hints else ""
    since = when(failure.first, status.now, zone)
    if unit.phase is Phase.GENERATE:
        return f"could not begin since {since}{tries}: {said}{hint}"
    return f"stuck since {since} at {at(unit)}{tries}: {said}{hint}"


def _delayed(delay: Failure, rotation: Rotation, status: SecretStatus, zone: tzinfo) -> str:
    said = "; ".join(delay.words)
    if rotation.deadline is None:
        return said
    return f"{said}; the old key goes {when(rotation.deadline, status.now, zone)} in any case"
