"""Any sequence of what people do to a gateway and what befalls it: what was confirmed last is never lost."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harden.errors import HardenError
from tests.wgfw.fake_gateway import World, digest_of
from tests.wgfw.made_rules import NOTHING, rule_set
from wgfw.ruleset import RuleSet

POLICIES = {"A": rule_set(1, 2, 3), "B": rule_set(1, 9), "C": rule_set(4, interfaces=("wg0", "wg1"))}
policies = st.sampled_from(sorted(POLICIES))
times = st.sampled_from([1, 30, 90])


class TrialLife(RuleBasedStateMachine):
    """``confirmed`` and ``before`` are what the gateway ought to go back to, by then; ``tried`` is what is on trial,
    and when it is over. None of this looks at what harden remembers, but for the choice that a death leaves open."""

    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.calm = patch("os.fsync", lambda _descriptor: None)
        self.calm.start()
        self.world = World(Path(self.folder.name))
        self.confirmed: RuleSet = NOTHING
        self.known = False
        self.before: str | None = None
        self.tried: tuple[RuleSet, float] | None = None
        self.blank = False  # the machine has started since, and nobody has put anything in force

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.calm.stop()
            self.folder.cleanup()

    # --- what people do

    @rule(name=policies)
    def apply(self, name: str) -> None:
        rules = POLICIES[name]
        restarted = self.over() and self.blank
        self.settle()
        if restarted:
            assert self.world.apply(rules) is None
        elif self.tried is not None and rules is not self.tried[0]:
            self.refused(lambda: self.world.apply(rules))
        else:
            self.world.apply(rules)
            if self.tried is None:
                self.keep(rules)

    @rule(name=policies, seconds=times)
    def attempt(self, name: str, seconds: int) -> None:
        rules = POLICIES[name]
        self.settle()
        in_force = self.tried[0] if self.tried else NOTHING if self.blank and not self.known else self.confirmed
        self.world.apply(rules, seconds)
        if self.tried is not None or rules is not in_force or self.blank:
            self.tried = rules, self.world.since_boot + seconds
        self.blank = False

    @rule(name=policies)
    def attempt_without_a_watchdog(self, name: str) -> None:
        rules = POLICIES[name]
        self.settle()
        if self.tried is None and (rules is self.confirmed or self.blank):
            return
        self.world.deaf = True
        self.refused(lambda: self.world.apply(rules, 60))
        self.world.deaf = False

    @rule(force=st.booleans())
    def confirm(self, *, force: bool) -> None:
        if self.tried is not None and not self.over():
            assert self.world.confirm(force=force) == 0
            rules, self.tried = self.tried[0], None
            self.keep(rules)
        elif self.tried is not None:
            self.settle()
            self.refused(self.world.confirm)

    @rule()
    def restore(self) -> None:
        if self.tried is not None and not self.over():
            assert self.world.restore() == 0
            return
        self.settle()
        if self.known:
            assert self.world.restore() == 0
        else:
            self.refused(self.world.restore)
        self.blank = False

    @rule()
    def rollback(self) -> None:
        if self.tried is not None:
            self.world.rollback()
            self.settle(over=True)
        elif self.before is None:
            self.refused(self.world.rollback)
        else:
            self.world.rollback()
            self.confirmed = next((p for p in POLICIES.values() if p.digest == self.before), NOTHING)
            self.known, self.blank = True, False

    @rule()
    def remove(self) -> None:
        if self.known or self.tried is not None:
            self.world.remove()
            self.tried = None
            self.keep(NOTHING)

    # --- what befalls it

    @rule(seconds=times)
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds)
        if self.over() and self.watched:
            self.settle()

    @rule()
    def watchdogs_die(self) -> None:
        self.world.watchdogs.clear()

    @rule()
    def restart(self) -> None:
        self.world.restart()
        self.blank = True

    @rule(name=policies, step=st.integers(1, 40), confirm=st.sampled_from([None, 60]))
    @precondition(lambda self: not self.blank)
    def killed_in_apply(self, name: str, step: int, confirm: int | None) -> None:
        rules = POLICIES[name]
        self.settle()
        if confirm is None and (not self.known or (self.tried is not None and rules is not self.tried[0])):
            return  # one that is refused; or the very first, which only another apply or a rollback ends
        outcomes = [(self.confirmed, self.known, self.before)]
        if confirm is None and self.tried is None and rules is not self.confirmed:
            outcomes.append((rules, True, digest_of(self.confirmed)))
        self.killed(step, lambda: self.world.apply(rules, confirm), outcomes)

    @rule(step=st.integers(1, 20))
    def killed_in_confirm(self, step: int) -> None:
        outcomes = [(self.confirmed, self.known, self.before)]
        if self.tried is not None and not self.over():
            rules = self.tried[0]
            before = self.before if rules is self.confirmed else digest_of(self.confirmed)
            outcomes.append((rules, True, before))
            self.killed(step, self.world.confirm, outcomes)

    @rule(step=st.integers(1, 30))
    @precondition(lambda self: self.tried is not None)
    def killed_in_rollback(self, step: int) -> None:
        self.killed(step, self.world.rollback, [(self.confirmed, self.known, self.before)])

    def killed(self, step: int, act: Callable[[], object], outcomes: list[tuple[RuleSet, bool, str | None]]) -> None:
        """Somebody dies, the watchdog with it, and the machine is restored once all time is over."""
        self.world.dies_at(step, act)
        self.world.watchdogs.clear()
        self.world.pass_time(100)
        try:
            self.world.restore()
        except HardenError:
            assert self.world.state.current() is None
        current = self.world.state.current()
        known = current is not None
        digest = "" if current is None else current.digest
        fitting = [one for one in outcomes if (digest_of(one[0]), one[1]) == (digest, known)]
        assert fitting, (digest, known, outcomes)
        self.confirmed, self.known, _ = fitting[0]
        # an apply cut off may have noted before it that there was nothing
        self.before = self.world.before()
        assert self.before in {one[2] for one in outcomes} | {None if known else ""}
        self.tried, self.blank = None, False

    # --- what ought to be

    @property
    def watched(self) -> bool:
        trial = self.world.state.trials.open()
        return trial is None or trial.id in self.world.watchdogs

    def over(self) -> bool:
        return self.tried is not None and (self.blank or self.world.since_boot >= self.tried[1])

    def settle(self, *, over: bool = False) -> None:
        if over or self.over():
            self.tried, self.blank = None, False

    def keep(self, rules: RuleSet) -> None:
        if rules.digest != self.confirmed.digest:
            self.before = digest_of(self.confirmed)
        self.confirmed, self.known, self.blank = rules, True, False

    def refused(self, act: Callable[[], object]) -> None:
        try:
            act()
        except HardenError:
            return
        raise AssertionError("it was not refused")

    @invariant()
    def what_is_in_force_is_what_ought_to_be(self) -> None:
        if not hasattr(self, "world") or self.blank:
            return
        if self.tried is None:
            assert self.world.state.trials.open() is None
            assert self.world.holds(self.confirmed)
            assert self.world.before() == self.before
        else:
            trial = self.world.state.trials.open()
            assert trial is not None
            assert trial.deadline == self.tried[1]
            assert self.world.holds(self.tried[0])
            assert self.world.state.trials.base() is not None


TestTrialLife = TrialLife.TestCase
TestTrialLife.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)
