"""Carry a rotation as far as it can go now.

Which step comes next the machine says (:mod:`harden_secrets.rotate.machine`); here they are taken, their results are
persisted, and everybody hears of it. A crash between a step and its record means that the step is taken again.
"""

import contextlib
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import datetime

from harden.errors import HardenError
from harden_secrets.inventory.model import SecretEntry
from harden_secrets.rotate import machine
from harden_secrets.rotate.beginning import Beginning
from harden_secrets.rotate.event import Happened, doing
from harden_secrets.rotate.rotator import Pair, Report
from harden_secrets.rotate.steps import NOTHING, Steps, is_new, is_old
from harden_secrets.rotate.store import Loaded, Store
from harden_secrets.rotate.surroundings import Account, Lock, Surroundings
from harden_secrets.rotate.values import Outcome, Phase, Rotation, Unit
from harden_secrets.vault.port import VaultError

AT_ONCE = 16  # targets that are worked on at the same time


@dataclass(frozen=True, slots=True)
class Result:
    """How far it came. ``until``: nothing more to do before; ``failed``: what could not be done; ``report``: what
    remains for a person.
    """

    rotation: Rotation
    until: datetime | None = None
    failed: tuple[Unit, ...] = ()
    report: Report = NOTHING


class Run:
    """One secret's rotation, begun or gone on with. The lock over the secret is held by the caller."""

    def __init__(self, entry: SecretEntry, steps: Steps, store: Store, lock: Lock, around: Surroundings) -> None:
        self._entry, self._steps, self._store, self._lock, self._around = entry, steps, store, lock, around
        self._account = Account(entry.name, around)

    def forward(self, *, impatient: bool = False) -> Result:
        """Begin a rotation, or go on with the open one. Raises HardenError where that cannot be."""
        follows = self._store.version(self._entry.path)  # first: a rotation that begins from here on is not overwritten
        loaded = self._store.load(self._entry.path)
        if loaded is None or not loaded.rotation.is_open:
            beginning = Beginning(self._entry, self._steps, self._store, self._lock, self._around)
            loaded = beginning.begin(loaded, follows)
        else:
            began = f"{loaded.rotation.began:%Y-%m-%d %H:%M} UTC"
            self._account.tell(loaded.rotation, Happened.BEGAN, f"goes on with the rotation that was begun {began}")
        loaded = self._checked(loaded)
        self._store.confirm(self._entry.path, loaded)  # the last word before something changes at a target
        return self._go_on(loaded, impatient=impatient)

    def _checked(self, loaded: Loaded) -> Loaded:
        """As it can go on after what happened to the secret meanwhile. Raises HardenError, recorded, if it cannot."""
        rotation = loaded.rotation
        if loaded.is_closing:
            return loaded
        unit = Unit(Phase.CLOSE if rotation.abandoning else Phase.SWITCH)
        try:
            self._steps.check_kind(rotation)
            after = rotation if rotation.abandoning else self._steps.foreseen(rotation, _open(loaded))
        except VaultError:
            raise
        except HardenError as error:
            after = machine.failed(rotation, unit, error.messages, error.hints, self._around.now())
            self._store.save(self._entry.path, loaded, after)
            self._account.note_unit(after, unit)
            raise
        if unit in after.done and unit in after.failures:  # what was in the way is not any more
            after = after.with_proof(unit, after.done[unit])
        return loaded if after is rotation else self._store.save(self._entry.path, loaded, after)

    def abandon(self) -> Result | None:
        """Take back the open rotation; None where there is none. Raises HardenError after the switch."""
        loaded = self._store.load(self._entry.path)
        if loaded is None or not loaded.rotation.is_open:
            return None
        if loaded.is_closing:
            return self._go_on(loaded, impatient=False)
        self._steps.check_kind(loaded.rotation)
        loaded = self._settled(loaded)
        after = self._steps.taken_back(loaded.rotation, _open(loaded), self._around.now())
        self._account.note("rotation-abandoned", loaded.rotation, {})
        return self._go_on(self._store.save(self._entry.path, loaded, after), impatient=False)

    def _settled(self, loaded: Loaded) -> Loaded:
        """Whether the switch has been made is known, and if not, nobody can make it any more."""
        rotation, pair = loaded.rotation, _open(loaded)
        if not rotation.switching or rotation.has(Phase.SWITCH):
            return loaded
        now = self._steps.newest()
        if is_new(now, pair):
            after = machine.switched(rotation, now.version, self._steps.site, self._around.now())
        elif now.version == rotation.old_version:
            made = rotation.old_made or self._steps.made(rotation.old_version)
            # Known before it is written: to be the newest once more makes no key younger.
            loaded = self._store.save(self._entry.path, loaded, replace(rotation, old_made=made))
            version = self._steps.fence(rotation, pair)
            after = replace(loaded.rotation, switching=False, old_version=version)
        elif is_old(now, pair):  # fenced before, and cut off
            after = replace(rotation, switching=False, old_version=now.version)
        else:  # somebody else's: the switch cannot follow it
            after = replace(rotation, switching=False)
        return self._store.save(self._entry.path, loaded, after)

    def _go_on(self, loaded: Loaded, *, impatient: bool) -> Result:
        while True:
            loaded = self._looked_at(loaded)
            rotation = loaded.rotation
            site = machine.NOWHERE if loaded.is_closing else self._steps.site
            match machine.following(rotation, site, self._around.now(), impatient=impatient):
                case machine.Ended(outcome):
                    return self._ended(rotation, outcome)
                case machine.Wait(until):
                    self._account.tell(rotation, Happened.WAITING, f"both keys are good until {_moment(until)}")
                    return Result(rotation, until)
                case machine.Work() as work:
                    self._lock.confirm()
                    if work.phase is Phase.SWITCH and not rotation.switching:
                        # From here on whoever wants to abandon it knows that the switch may be made.
                        loaded = self._store.save(self._entry.path, loaded, replace(rotation, switching=True))
                    if work.phase is Phase.CLOSE:
                        loaded, after = self._closed(loaded, work.units[0])
                    else:
                        after = self._worked(loaded, work, impatient=impatient)
                    loaded = self._store.save(self._entry.path, loaded, after)
                    undone = tuple(unit for unit in work.units if unit in after.failures)
                    if undone and all(after.failures[unit].delays for unit in undone):
                        return Result(after, after.deadline)
                    if undone:
                        return Result(after, failed=undone, report=self._steps.report)

    def _looked_at(self, loaded: Loaded) -> Loaded:
        rotation = machine.looked_at(loaded.rotation, self._steps.site, self._around.now())
        return loaded if rotation is loaded.rotation else self._store.save(self._entry.path, loaded, rotation)

    def _worked(self, loaded: Loaded, work: machine.Work, *, impatient: bool) -> Rotation:
        """The rotation after a phase's units were tried, each in its own thread."""
        rotation = loaded.rotation
        with contextlib.closing(self._tried(loaded, work)) as tried:
            for unit, said in tried:
                rotation = self._heard(rotation, unit, said, impatient=impatient)
                self._account.note_unit(rotation, unit)
        return rotation

    def _closed(self, loaded: Loaded, unit: Unit) -> tuple[Loaded, Rotation]:
        """The rotation after its keys were destroyed. It is open until they are, so that somebody comes back to it."""
        self._account.tell(loaded.rotation, Happened.WORKING, doing(unit), unit)
        said = self._outcome(loaded, unit) if not loaded.is_closing else ""
        if not isinstance(said, HardenError):
            if not loaded.is_closing:
                loaded = self._store.drop_keys(self._entry.path, loaded)
            try:
                self._store.tidy(self._entry.path)
                said = "the pending copy is destroyed"
            except VaultError as error:
                said = error
        after = self._heard(loaded.rotation, unit, said, impatient=False)
        self._account.note_unit(after, unit)
        return loaded, after

    def _heard(self, rotation: Rotation, unit: Unit, said: str | int | HardenError, *, impatient: bool) -> Rotation:
        now = self._around.now()
        if isinstance(said, HardenError):
            rotation = machine.failed(rotation, unit, said.messages, said.hints, now)
            self._account.tell(rotation, Happened.FAILED, "; ".join(said.messages), unit, tuple(said.hints))
        elif unit.phase is Phase.QUIET and said and not machine.may_retire_used(rotation, now, impatient=impatient):
            hint = _until(rotation)
            rotation = machine.delayed(rotation, unit, f"still used by {said}", hint, now)
            self._account.tell(rotation, Happened.WAITING, f"still used by {said}", unit, (hint,))
        else:
            rotation = self._acknowledged(rotation, unit, said, now)
        return rotation

    def _acknowledged(self, rotation: Rotation, unit: Unit, said: str | int, now: datetime) -> Rotation:
        if isinstance(said, int):
            rotation = machine.switched(rotation, said, self._steps.site, now)
        else:
            rotation = machine.succeeded(rotation, unit, said or "nothing to do", self._steps.site, now)
        self._account.tell(rotation, Happened.DONE, rotation.done[unit].words, unit)
        return rotation

    def _tried(self, loaded: Loaded, work: machine.Work) -> Generator[tuple[Unit, str | int | HardenError]]:
        for unit in work.units:
            self._account.tell(loaded.rotation, Happened.WORKING, doing(unit), unit)
        if len(work.units) == 1:
            yield work.units[0], self._outcome(loaded, work.units[0])
            return
        with ThreadPoolExecutor(AT_ONCE, "rotate") as pool:
            tried = {pool.submit(self._outcome, loaded, unit): unit for unit in work.units}
            try:
                for future in as_completed(tried):
                    yield tried[future], future.result()
            finally:
                pool.shutdown(cancel_futures=True)  # whoever ends the run waits for what is being done, not for all

    def _outcome(self, loaded: Loaded, unit: Unit) -> str | int | HardenError:
        """What a unit says, or why it could not be done."""
        try:
            return self._steps.take(loaded.rotation, _open(loaded), unit)
        except HardenError as error:
            return error

    def _ended(self, rotation: Rotation, outcome: Outcome) -> Result:
        if outcome is Outcome.DONE:
            words = f"done: version {rotation.new_version} is in use, the old key is refused"
        elif rotation.has(Phase.SWITCH):
            words = "abandoned: what somebody stored since is in use, and no target was touched"
        else:
            words = "abandoned: the new key is gone, the old one stays where it was"
        self._account.tell(rotation, Happened.ENDED, words)
        self._account.note("rotation-ended", rotation, {"outcome": str(outcome), "new_version": rotation.new_version})
        return Result(rotation, report=self._steps.report)


def _until(rotation: Rotation) -> str:
    assert rotation.deadline is not None, "the overlap has begun"
    return f"give them the new key; the old one goes at {_moment(rotation.deadline)} in any case, at once with --force"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _open(loaded: Loaded) -> Pair:
    assert loaded.pair is not None, "only an open rotation has work"
    return loaded.pair
