"""What comes next in a rotation. Pure: no disk, network or clock; the time is passed in.

The rules:

1.  The phases come in the order of :class:`~harden_secrets.rotate.values.Phase`. A phase begins when all phases before
    it are done for all their units, so that nothing is switched before the new key is proved at every target, and
    nothing is retired before every consumer was seen to have it.
2.  The new key is persisted before the first target changes (GENERATE is one write: the key and the record of it).
3.  Which targets and deliveries there are is asked anew each time. One that was added in the middle goes through the
    phases that it has missed before anything goes on; one that was taken away is asked for no more, and one that
    comes back counts as added.
4.  A unit that fails stays undone; the others of its phase are done. Nothing of a later phase is. Both keys stay valid,
    where they can be so at the same time (see ``Rotator.keeps_old``).
5.  The overlap begins when the last consumer is confirmed, or the last that was not is taken out of the inventory. It
    lasts as long as that said when the rotation began. The old key has an end of its own at the ``deadline``, which is
    as long again after it.
6.  After the overlap, who still uses the old key delays its end, but not past the deadline.
7.  Until the switch a rotation can be abandoned; then the new key is withdrawn from every target, and the old one
    stays. After it, it can only be finished, unless somebody has stored another key since: then it is left as it is.
8.  When the old key was refused at every target, or the new one withdrawn, the pending copy is destroyed. The rotation
    is open until it is, so that somebody comes back for it.
9.  Impatient (``--force``) means not to wait for 5 and 6. No proof is left out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from harden_secrets.rotate.values import Failure, Outcome, Phase, Proof, Rotation, Unit

_OF_TARGETS = (
    Phase.INSTALL,
    Phase.PROVE,
    Phase.CUT_OVER,
    Phase.LIMIT,
    Phase.QUIET,
    Phase.RETIRE,
    Phase.REFUSE,
    Phase.WITHDRAW,
)
_OF_DELIVERIES = (Phase.DELIVER, Phase.CONFIRM)
FORWARD = tuple(phase for phase in Phase if phase is not Phase.WITHDRAW)
BACKWARD = (Phase.WITHDRAW, Phase.CLOSE)


@dataclass(frozen=True, slots=True)
class Site:
    """Where the secret is used, as the inventory says at this moment."""

    targets: Sequence[str]
    deliveries: Sequence[str]


NOWHERE = Site((), ())
"""For a rotation that has only to be closed: a target that is added now is none of its own."""


@dataclass(frozen=True, slots=True)
class Work:
    """Units of one phase that are to be done now; they do not depend on one another."""

    units: tuple[Unit, ...]

    @property
    def phase(self) -> Phase:
        """Their phase."""
        return self.units[0].phase


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before that time."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing to do any more."""

    outcome: Outcome


Next = Work | Wait | Ended


class CannotAbandonError(Exception):
    """The switch has been made: the old key is not the delivered one any more."""


def following(rotation: Rotation, site: Site, now: datetime, *, impatient: bool = False) -> Next:
    """What is to be done next."""
    if rotation.outcome is not None:
        return Ended(rotation.outcome)
    for phase in BACKWARD if rotation.abandoning else FORWARD:
        units = tuple(unit for unit in units_of(phase, site) if unit not in rotation.done)
        if not units:
            continue
        if phase is Phase.OVERLAP and not impatient:
            until = rotation.overlap_until
            if until is not None and now < until:
                return Wait(until)
        return Work(units)
    raise AssertionError("a rotation whose every phase is done has an outcome")


def units_of(phase: Phase, site: Site) -> tuple[Unit, ...]:
    """All units of a phase."""
    if phase in _OF_TARGETS:
        return tuple(Unit(phase, name) for name in site.targets)
    if phase in _OF_DELIVERIES:
        return tuple(Unit(phase, name) for name in site.deliveries)
    return (Unit(phase),)


def succeeded(rotation: Rotation, unit: Unit, words: str, site: Site, now: datetime) -> Rotation:
    """The rotation after a unit was done. ``words``: what it has shown."""
    after = rotation.with_proof(unit, Proof(words, now))
    if unit.phase is Phase.CLOSE:
        outcome = Outcome.ABANDONED if after.abandoning else Outcome.DONE
        return replace(after, outcome=outcome, ended=now, failures={})
    return _overlapping(after, site, now)


def looked_at(rotation: Rotation, site: Site, now: datetime) -> Rotation:
    """The rotation after the inventory may have changed; otherwise the same one. Comes before everything else.

    What failed at a place that was taken away is in nobody's way any more, and what was shown there would not hold if
    it came back. If the last consumer that was not confirmed is gone, the overlap begins.
    """
    known = {unit for phase in Phase for unit in units_of(phase, site)}
    if rotation.is_open and not known.issuperset((*rotation.done, *rotation.failures)):
        done = {unit: proof for unit, proof in rotation.done.items() if unit in known}
        failures = {unit: failure for unit, failure in rotation.failures.items() if unit in known}
        rotation = replace(rotation, done=done, failures=failures)
    return _overlapping(rotation, site, now)


def _overlapping(rotation: Rotation, site: Site, now: datetime) -> Rotation:
    if rotation.overlap_began is not None or rotation.abandoning or not _is_confirmed(rotation, site):
        return rotation
    until = now + rotation.overlap
    return replace(rotation, overlap_began=now, overlap_until=until, deadline=until + rotation.overlap)


def switched(rotation: Rotation, version: int, site: Site, now: datetime) -> Rotation:
    """The rotation after the new key has become that version in Vault."""
    words = f"version {version} follows version {rotation.old_version}"
    return succeeded(replace(rotation, new_version=version), Unit(Phase.SWITCH), words, site, now)


def failed(rotation: Rotation, unit: Unit, words: Iterable[str], hints: Iterable[str], now: datetime) -> Rotation:
    """The rotation after a unit could not be done."""
    before = rotation.failures.get(unit)
    times, first = (before.times + 1, before.first) if before is not None else (1, now)
    failure = Failure(tuple(words), tuple(hints), first, now, times)
    return replace(rotation, failures={**rotation.failures, unit: failure})


def delayed(rotation: Rotation, unit: Unit, words: str, hint: str, now: datetime) -> Rotation:
    """The rotation after a unit has said what has to be waited for."""
    after = failed(rotation, unit, [words], [hint], now)
    return replace(after, failures={**after.failures, unit: replace(after.failures[unit], delays=True)})


def may_retire_used(rotation: Rotation, now: datetime, *, impatient: bool = False) -> bool:
    """Whether the old key goes although somebody still uses it."""
    return impatient or rotation.deadline is None or now >= rotation.deadline


def abandoned(rotation: Rotation) -> Rotation:
    """The rotation, to be taken back. Raises CannotAbandonError after the switch."""
    if not rotation.is_open or rotation.abandoning:
        return rotation
    if rotation.has(Phase.SWITCH):
        raise CannotAbandonError
    return replace(rotation, abandoning=True, failures={})


def _is_confirmed(rotation: Rotation, site: Site) -> bool:
    return rotation.has(Phase.SWITCH) and all(unit in rotation.done for unit in units_of(Phase.CONFIRM, site))
