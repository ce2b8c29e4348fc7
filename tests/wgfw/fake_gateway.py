"""A gateway with a kernel and a clock in memory, whose processes may die at any call that writes; its state is real."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from harden.errors import HardenError
from harden.output import Output
from tests.wgfw.fake_kernel import FakeKernel, Killed
from tests.wgfw.made_rules import NOTHING
from wgfw.commands import ending, trying
from wgfw.commands.gateway import Gateway
from wgfw.kernel.attempt import Window
from wgfw.kernel.difference import WantedRules, compare
from wgfw.kernel.plan import Outcome
from wgfw.kernel.reconcile import Reconciler
from wgfw.kernel.state import StateDirectory
from wgfw.kernel.trial import Moment
from wgfw.ruleset import RuleSet

START = datetime(2026, 11, 24, 18, tzinfo=UTC)
WRITING = ("link", "rename", "replace", "unlink", "mkdir", "rmdir", "fsync")


class AsleepError(Exception):
    """The watchdog waits."""


@dataclass
class World:
    """One gateway. ``watchdogs`` are the trials whose watchdog runs; ``deaf`` says that none can be started."""

    root: Path
    kernel: FakeKernel = field(default_factory=FakeKernel)
    since_boot: float = 1000.0
    life: int = 0
    connections: frozenset[int] = frozenset({1, 2})
    watchdogs: list[str] = field(default_factory=list)
    deaf: bool = False
    told: io.StringIO = field(default_factory=io.StringIO)

    def __post_init__(self) -> None:
        self.state = StateDirectory(self.root, None)
        self.gateway = _WorldsGateway(world=self)
        self.output = Output(stdout=self.told, stderr=self.told)

    # --- what a person does

    def apply(self, rules: RuleSet, confirm: int | None = None) -> Outcome | None:
        """`harden wg apply`; None where it restores instead, after a restart."""
        if trying.settle_trial(self.gateway, self.output) and confirm is None:
            return None
        reconciler = self.reconciler()
        window = None if confirm is None else Window(confirm, self.arm, self.moment, lambda: self.connections)
        return reconciler.apply(reconciler.plan(rules), window=window)

    def confirm(self, *, force: bool = False, dry_run: bool = False) -> int:
        """`harden wg confirm` on the console."""
        with patch.object(trying, "this_session", lambda: trying.Session(frozenset(), remote=False)):
            return trying.confirm_trial(self.gateway, self.output, force=force, dry_run=dry_run)

    def restore(self) -> int:
        """`harden wg restore`."""
        return trying.restore_confirmed(self.gateway, self.output, dry_run=False)

    def rollback(self) -> None:
        """`harden wg rollback`."""
        if not ending.give_up_trial(self.gateway, self.output, dry_run=False):
            reconciler = self.reconciler()
            reconciler.apply(reconciler.plan_rollback())

    def remove(self) -> None:
        """`harden wg remove`."""
        with self.state.lock(1):
            reconciler = self.reconciler()
            reconciler.carry_out(reconciler.plan_removal())
            ending.end_removed_trial(self.gateway, self.state, self.output)

    # --- what happens

    def pass_time(self, seconds: float) -> None:
        """Time goes by, and every watchdog looks."""
        self.since_boot += seconds
        self.let_watchdogs_look()

    def let_watchdogs_look(self) -> None:
        """Each until it waits again, or ends."""
        self.watchdogs = [trial for trial in self.watchdogs if self._goes_on(trial)]

    def restart(self) -> None:
        """The machine starts anew: no rules, no processes, another life; the state is on the disk."""
        self.kernel.tables = {4: {}, 6: {}}
        self.watchdogs.clear()
        self.life += 1
        self.since_boot = 5.0

    def dies_at(self, step: int, act: Callable[[], object]) -> bool:
        """Whether whoever does that is killed at its ``step``-th call that writes, to the kernel or to the disk."""
        death = _Death(self.kernel, step)
        self.kernel.before_table = lambda _family, _table: death.count()
        try:
            with death.everywhere():
                act()
        except Killed:
            return True
        finally:
            self.kernel.dead, self.kernel.before_table = False, FakeKernel.before_table
        return False

    # --- what there is

    def holds(self, rules: RuleSet) -> bool:
        """Whether the kernel holds these rules of ours and no others."""
        kernel = self.kernel
        return not any(compare(WantedRules(rules.family(family)), kernel.read(family)) for family in kernel.families())

    def files(self) -> dict[str, bytes]:
        """All that is remembered, the lock aside."""
        paths = (path for path in self.state.folder.rglob("*") if path.is_file() and path.name != "lock")
        return {str(path.relative_to(self.state.folder)): path.read_bytes() for path in paths}

    def before(self) -> str | None:
        """The digest of the rules that a rollback goes to; that of nothing is empty."""
        record = self.state.previous()
        return None if record is None else record.digest

    def moment(self) -> Moment:
        return Moment(f"life {self.life}", self.since_boot, START + timedelta(seconds=self.since_boot))

    def reconciler(self) -> Reconciler:
        return Reconciler(self.kernel, self.state, lock_seconds=1)

    def arm(self, trial: str) -> None:
        if self.deaf:
            raise HardenError("the watchdog does not start")
        self.watchdogs.append(trial)

    def _goes_on(self, trial: str) -> bool:
        def wait(_seconds: float) -> None:
            raise AsleepError

        with patch.object(ending, "time", SimpleNamespace(sleep=wait)):
            try:
                ending.expire(self.gateway, trial, self.output)
            except AsleepError:
                return True
        return False


@dataclass(frozen=True, slots=True)
class _WorldsGateway(Gateway):
    world: Any = None

    @contextmanager
    def opened(self) -> Iterator[Any]:
        yield self.world

    def state_directory(self) -> StateDirectory:
        state: StateDirectory = self.world.state
        return state

    def moment(self) -> Moment:
        moment: Moment = self.world.moment()
        return moment


class _Death:
    """Comes at one of the calls that write; nothing of the process runs on after it."""

    def __init__(self, kernel: FakeKernel, step: int) -> None:
        self._kernel, self._left = kernel, step

    def count(self) -> None:
        """One call more."""
        self._left -= 1
        if self._left <= 0:
            self._kernel.dead = True
            raise Killed

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Within it, each call that writes to the disk counts, too."""
        originals = {name: getattr(os, name) for name in WRITING}
        try:
            for name, original in originals.items():
                setattr(os, name, self._mortal(original))
            yield
        finally:
            for name, original in originals.items():
                setattr(os, name, original)

    def _mortal(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.count()
            return original(*arguments, **named)

        return call


def digest_of(rules: RuleSet) -> str:
    """The digest that is remembered for rules."""
    return "" if rules is NOTHING else rules.digest
