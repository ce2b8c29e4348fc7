"""Plan, apply, rollback and remove against a kernel in memory that refuses, is tampered with, and dies."""

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harden.errors import HardenError
from tests.wgfw.fake_kernel import FakeKernel, Killed
from tests.wgfw.made_rules import NOTHING, rule_set
from wgfw.kernel.difference import WantedRules, compare
from wgfw.kernel.reconcile import Reconciler
from wgfw.kernel.state import StateDirectory
from wgfw.ruleset import RuleSet

A, B, C = rule_set(1, 2, 3), rule_set(1, 9), rule_set(4, interfaces=("wg0", "wg1"))


def setup(root: Path, kernel: FakeKernel | None = None) -> tuple[FakeKernel, Reconciler]:
    """A kernel and its reconciler."""
    kernel = kernel or FakeKernel()
    return kernel, Reconciler(kernel, StateDirectory(root, None), lock_seconds=1)


def holds(kernel: FakeKernel, rules: RuleSet) -> bool:
    """Whether the kernel holds these rules of ours and no others."""
    return not any(compare(WantedRules(rules.family(family)), kernel.read(family)) for family in kernel.families())


def saved(kernel: FakeKernel) -> dict[int, str]:
    """All of the kernel."""
    return {family: kernel.save(family) for family in (4, 6)}


def fails(family: int, table: str) -> Callable[[int, str], None]:
    """Refuse one table."""

    def refuse(at_family: int, at_table: str) -> None:
        if (at_family, at_table) == (family, table):
            raise HardenError(f"refused {family} {table}")

    return refuse


def test_the_second_apply_changes_nothing(tmp_path: Path) -> None:
    """Neither the kernel nor the disk."""
    kernel, reconciler = setup(tmp_path)
    plan = reconciler.plan(A, "policy")
    assert not plan.in_sync
    assert list(plan.describe())
    assert reconciler.apply(plan).changed
    written, token = len(kernel.written), reconciler.state.token()
    again = reconciler.plan(A, "policy")
    assert again.in_sync
    assert not list(again.describe())
    assert not reconciler.apply(again).changed
    assert (len(kernel.written), reconciler.state.token()) == (written, token)
    assert holds(kernel, A)


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    """`--dry-run` is a plan that nobody carries out."""
    kernel, reconciler = setup(tmp_path)
    reconciler.plan(A)
    reconciler.plan_removal()
    with pytest.raises(HardenError, match="no earlier rules"):
        reconciler.plan_rollback()
    assert not kernel.written
    assert not list(tmp_path.iterdir())


def test_a_family_without_changes_is_not_written(tmp_path: Path) -> None:
    """Its counters would be lost for nothing."""
    kernel, reconciler = setup(tmp_path)
    reconciler.apply(reconciler.plan(A))
    kernel.written.clear()
    reconciler.apply(reconciler.plan(RuleSet(A.v4, B.v6)))
    assert [family for family, _ in kernel.written] == [6]


@pytest.mark.parametrize("at", [(4, "mangle"), (4, "security"), (6, "mangle"), (6, "filter"), (6, "security")])
@pytest.mark.parametrize("before", [NOTHING, C], ids=["nothing", "something"])
def test_both_families_or_neither(tmp_path: Path, at: tuple[int, str], before: RuleSet) -> None:
    """Whatever is refused, the kernel is as it was to the letter, others' rules and tables included."""
    kernel, reconciler = setup(tmp_path)
    kernel.chain(4, "filter", "FORWARD").append("-s 1.2.3.4/32 -j ACCEPT")
    reconciler.apply(reconciler.plan(before))
    kernel.chain(4, "filter", "FORWARD").insert(0, "-s 4.3.2.1/32 -j ACCEPT")  # ours are not the first any more
    as_it_was = saved(kernel)
    kernel.before_table = fails(*at)
    with pytest.raises(HardenError, match=f"refused {at[0]} {at[1]}"):
        reconciler.apply(reconciler.plan(A))
    assert saved(kernel) == as_it_was
    assert reconciler.state.pending() is None
    kernel.before_table = FakeKernel.before_table
    reconciler.apply(reconciler.plan(A))
    assert holds(kernel, A)


def test_a_kernel_that_refuses_even_the_old_rules_is_told(tmp_path: Path) -> None:
    """With the first reason and the second; the next apply repairs."""
    kernel, reconciler = setup(tmp_path)
    reconciler.apply(reconciler.plan(A))
    kernel.written.clear()

    def refuse(family: int, _table: str) -> None:
        if family == 6 or len(kernel.written) > 2:
            raise HardenError("refused", "hint")

    kernel.before_table = refuse
    with pytest.raises(HardenError, match="could not be put back") as caught:
        reconciler.apply(reconciler.plan(B))
    assert caught.value.messages[0] == "refused"
    assert any("harden wg apply" in hint for hint in caught.value.hints)
    kernel.before_table = FakeKernel.before_table
    reconciler.apply(reconciler.plan(B))
    assert holds(kernel, B)


def test_a_family_that_cannot_be_put_back_does_not_keep_the_other_from_it(tmp_path: Path) -> None:
    """IPv4 is stuck and told of; IPv6 is as before."""
    kernel, reconciler = setup(tmp_path)
    reconciler.apply(reconciler.plan(C))
    before = kernel.save(6)
    kernel.written.clear()

    def refuse(family: int, table: str) -> None:
        if family == 4 and (table == "filter" or len(kernel.written) > 2):
            raise HardenError("refused", "hint")

    kernel.before_table = refuse
    with pytest.raises(HardenError, match="IPv4 rules of before could not be put back"):
        reconciler.apply(reconciler.plan(A))
    assert kernel.save(6) == before


def test_rollback_goes_back_once_and_stays_there(tmp_path: Path) -> None:
    """The second time it changes nothing; the policy's text comes back with the rules."""
    kernel, reconciler = setup(tmp_path)
    reconciler.apply(reconciler.plan(A, "policy a"))
    before = saved(kernel)
    reconciler.apply(reconciler.plan(B, "policy b"))
    plan = reconciler.plan_rollback()
    assert plan.policy == "policy a"
    reconciler.apply(plan)
    assert saved(kernel) == before
    current = reconciler.state.current()
    assert current is not None
    assert current.policy == "policy a"
    assert reconciler.plan_rollback().in_sync
    assert not reconciler.apply(reconciler.plan_rollback()).changed


def test_rollback_brings_back_what_was_written_not_what_became_of_it(tmp_path: Path) -> None:
    """Somebody spoilt the rules before the new ones came."""
    kernel, reconciler = setup(tmp_path)
    reconciler.apply(reconciler.plan(A))
    good = saved(kernel)
    kernel.chain(4, "mangle", "HARDEN-WG-C0").pop()
    reconciler.apply(reconciler.plan(B))
    reconciler.apply(reconciler.plan_rollback())
    assert saved(kernel) == good


def test_rollback_of_the_first_apply_leaves_nothing(tmp_path: Path) -> None:
    """Nothing is what was there before."""
    kernel, reconciler = setup(tmp_path)
    reconciler.apply(reconciler.plan(A))
    reconciler.apply(reconciler.plan_rollback())
    assert saved(kernel) == {4: "", 6: ""}


def test_repairing_drift_is_no_new_generation(tmp_path: Path) -> None:
    """A rollback still goes to the policy before, not to the same one."""
    kernel, reconciler = setup(tmp_path)
    reconciler.apply(reconciler.plan(A))
    reconciler.apply(reconciler.plan(B))
    kernel.chain(4, "mangle", "HARDEN-WG-C0").pop()
    assert reconciler.apply(reconciler.plan(B)).changed
    reconciler.apply(reconciler.plan_rollback())
    assert holds(kernel, A)


def test_drift_under_an_unchanged_marker_is_found_and_repaired(tmp_path: Path) -> None:
    """After a first apply, and after one that read back single chains only."""
    kernel, reconciler = setup(tmp_path)
    for rules in (A, rule_set(1, 2, 7), rule_set(1, 2, 8)):
        reconciler.apply(reconciler.plan(rules))
        for chain in ("HARDEN-WG-C0", "HARDEN-WG-C2"):
            held = kernel.chain(6, "mangle", chain)
            held[1] = held[1].replace("tcp", "udp")
            plan = reconciler.plan(rules)
            assert [line for line in plan.describe() if chain in line]
            reconciler.apply(plan)
            assert reconciler.plan(rules).in_sync


def test_another_version_of_iptables_is_no_drift(tmp_path: Path) -> None:
    """It may print the same rules in other words, so only the markers and the counts decide."""
    kernel, reconciler = setup(tmp_path)
    reconciler.apply(reconciler.plan(A))
    kernel.version = "1.8.11"
    for chain in ("HARDEN-WG-C0", "HARDEN-WG-C1"):
        kernel.chain(4, "mangle", chain)[1] += " -w"
    assert reconciler.plan(A).in_sync
    reconciler.apply(reconciler.plan(B))
    assert reconciler.plan_rollback().differences[4]
    reconciler.apply(reconciler.plan_rollback())
    assert reconciler.plan_rollback().in_sync


def test_lost_state_is_no_drift(tmp_path: Path) -> None:
    """The markers say that the rules are there; the record is made anew."""
    kernel, reconciler = setup(tmp_path / "one")
    reconciler.apply(reconciler.plan(A))
    _, other = setup(tmp_path / "two", kernel)
    assert other.plan(A).in_sync
    assert not other.apply(other.plan(A)).changed
    kernel.chain(4, "mangle", "HARDEN-WG-C0")[1] += "0"
    assert not other.plan(A).in_sync


def test_remove_takes_out_ours_and_nothing_else(tmp_path: Path) -> None:
    """Twice is as good as once, and a rollback brings the rules back."""
    kernel, reconciler = setup(tmp_path)
    kernel.chain(4, "filter", "FORWARD").extend(["-s 1.2.3.4/32 -j ACCEPT", "-j DROP"])
    kernel.chain(4, "filter", "DOCKER").append("-j RETURN")
    before = saved(kernel)
    reconciler.apply(reconciler.plan(A, "policy"))
    after = saved(kernel)
    outcome = reconciler.apply(reconciler.plan_removal())
    assert outcome.changed
    assert saved(kernel) == before
    assert not reconciler.apply(reconciler.plan_removal()).changed
    reconciler.apply(reconciler.plan_rollback())
    assert saved(kernel) == after


def test_remove_works_without_any_state(tmp_path: Path) -> None:
    """What is ours is told by its name."""
    kernel, reconciler = setup(tmp_path / "one")
    reconciler.apply(reconciler.plan(A))
    _, other = setup(tmp_path / "two", kernel)
    assert other.apply(other.plan_removal()).changed
    assert not kernel.read(4).holds_ours


def test_tables_that_were_there_before_us_stay(tmp_path: Path) -> None:
    """Empty as they may be."""
    kernel, reconciler = setup(tmp_path)
    kernel.chain(4, "security", "FORWARD")
    before = saved(kernel)
    for rules in (A, B):
        reconciler.apply(reconciler.plan(rules))
    reconciler.apply(reconciler.plan_removal())
    assert saved(kernel) == before


def test_a_plan_that_is_out_of_date_is_made_anew(tmp_path: Path) -> None:
    """Two applies at once end in one of the two policies, whole."""
    kernel, first = setup(tmp_path)
    _, second = setup(tmp_path, kernel)
    plans = first.plan(A), second.plan(B)
    first.apply(plans[0])
    second.apply(plans[1])
    assert holds(kernel, B)
    first.apply(first.plan_rollback())
    assert holds(kernel, A)
    stale = first.plan_removal()
    second.apply(second.plan(C))
    first.apply(stale)
    assert not kernel.read(4).holds_ours


def test_an_apply_that_was_cut_off_is_repaired_and_can_be_undone(tmp_path: Path) -> None:
    """Killed at each write and each read, first and later apply: the last complete rules are not forgotten."""
    for step in range(1, 12):
        for finish in ("apply", "rollback"):
            kernel, reconciler = setup(tmp_path / f"{step}{finish}")
            reconciler.apply(reconciler.plan(A))
            count = [0]

            def die(
                _family: int, _table: str, step: int = step, count: list[int] = count, kernel: FakeKernel = kernel
            ) -> None:
                count[0] += 1
                kernel.dead = count[0] == step

            kernel.before_table = die
            try:
                reconciler.apply(reconciler.plan(B))
            except Killed:
                kernel.dead, kernel.before_table = False, FakeKernel.before_table
                _, after = setup(tmp_path / f"{step}{finish}", kernel)
                if finish == "apply":
                    after.apply(after.plan(B))
                    assert holds(kernel, B)
                after.apply(after.plan_rollback())
                assert holds(kernel, A)
            else:
                assert count[0] < step


def test_a_disk_that_is_full_stops_it_before_the_kernel_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing has been written then."""
    kernel, reconciler = setup(tmp_path)
    plan = reconciler.plan(A)
    monkeypatch.setattr(StateDirectory, "begin", lambda *_: (_ for _ in ()).throw(HardenError("full")))
    with pytest.raises(HardenError, match="full"):
        reconciler.apply(plan)
    assert not kernel.written


def test_a_disk_that_gets_full_meanwhile_costs_only_the_kernels_own_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new rules are in force and remembered; a rollback works."""
    kernel, reconciler = setup(tmp_path)
    reconciler.apply(reconciler.plan(A))
    monkeypatch.setattr(StateDirectory, "settle", lambda *_, **__: (_ for _ in ()).throw(HardenError("full")))
    outcome = reconciler.apply(reconciler.plan(B))
    assert "full" in outcome.notes
    monkeypatch.undo()
    assert holds(kernel, B)
    assert reconciler.plan(B).in_sync
    reconciler.apply(reconciler.plan_rollback())
    assert holds(kernel, A)


def test_somebody_who_changes_our_chains_meanwhile_is_noticed(tmp_path: Path) -> None:
    """What was read back is not what was written."""
    kernel, reconciler = setup(tmp_path)

    def meddle(family: int, table: str) -> None:
        if (family, table) == (6, "security"):
            kernel.chain(4, "mangle", "HARDEN-WG-C0").clear()

    kernel.before_table = meddle
    with pytest.raises(HardenError, match="does not hold what was just written"):
        reconciler.apply(reconciler.plan(A))
    kernel.before_table = FakeKernel.before_table
    reconciler.apply(reconciler.plan(A))
    assert holds(kernel, A)


def test_a_kernel_without_ipv6_gets_ipv4_only_and_a_note(tmp_path: Path) -> None:
    """There is nothing to protect there."""
    kernel, reconciler = setup(tmp_path, FakeKernel(ipv6=False))
    plan = reconciler.plan(A)
    assert "no IPv6" in plan.notes[0]
    reconciler.apply(plan)
    assert reconciler.plan(A).in_sync
    assert kernel.save(6) == ""


def test_a_rollback_over_backends_is_refused(tmp_path: Path) -> None:
    """Else the same rules would be in both."""
    _, reconciler = setup(tmp_path)
    reconciler.apply(reconciler.plan(A))
    reconciler.apply(reconciler.plan(B))
    _, other = setup(tmp_path, FakeKernel(backend="legacy"))
    with pytest.raises(HardenError, match="by the nft backend") as caught:
        other.plan_rollback()
    assert "--backend nft" in caught.value.hints[0]


class Life(RuleBasedStateMachine):
    """Any sequence of applies, rollbacks, removals, tampering, refusals and deaths."""

    policies = st.sampled_from(["A", "B", "C"]).map({"A": A, "B": B, "C": C}.__getitem__)

    @initialize(single=st.integers(0, 20))
    def start(self, single: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.kernel, self.reconciler = setup(Path(self.folder.name), FakeKernel(single_reads=single))
        self.others: dict[int, dict[tuple[str, str], list[str]]] = {4: {}, 6: {}}
        self.expected: RuleSet = NOTHING  # what the last complete command left
        self.clean = True  # nobody has tampered since
        self.earlier: RuleSet | None = None

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def complete(self, rules: RuleSet, *, keep: bool = True) -> None:
        if keep and rules.digest != self.expected.digest:
            self.earlier = self.expected
        self.expected, self.clean = rules, True

    @rule(rules=policies)
    def apply(self, rules: RuleSet) -> None:
        self.reconciler.apply(self.reconciler.plan(rules))
        self.complete(rules)

    @rule()
    def remove(self) -> None:
        self.reconciler.apply(self.reconciler.plan_removal())
        self.complete(NOTHING)

    @precondition(lambda self: self.earlier is not None)
    @rule()
    def rollback(self) -> None:
        self.reconciler.apply(self.reconciler.plan_rollback())
        assert self.earlier is not None
        self.complete(self.earlier, keep=False)

    @rule(rules=policies, family=st.sampled_from([4, 6]), table=st.sampled_from(["mangle", "filter", "security"]))
    def refused(self, rules: RuleSet, family: int, table: str) -> None:
        before = saved(self.kernel)
        self.kernel.before_table = fails(family, table)
        try:
            self.reconciler.apply(self.reconciler.plan(rules))
        except HardenError:
            assert saved(self.kernel) == before
        else:
            self.complete(rules)
        self.kernel.before_table = FakeKernel.before_table

    @rule(rules=policies, step=st.integers(1, 7))
    def killed(self, rules: RuleSet, step: int) -> None:
        left = [step]

        def die(_family: int, _table: str) -> None:
            left[0] -= 1
            self.kernel.dead = left[0] == 0

        self.kernel.before_table = die
        try:
            self.reconciler.apply(self.reconciler.plan(rules))
        except Killed:
            self.clean = False
            self.kernel.dead = False
            if self.earlier is None:
                self.earlier = NOTHING
            # an apply that was cut off is nothing to go back to: the last complete rules are
            self.kernel.before_table = FakeKernel.before_table
            self.reconciler.apply(self.reconciler.plan_rollback())
            self.clean = True
        else:
            self.complete(rules)
        self.kernel.before_table = FakeKernel.before_table

    @precondition(lambda self: self.expected is not NOTHING)
    @rule(family=st.sampled_from([4, 6]), how=st.sampled_from(["gone", "altered", "unhooked", "doubled"]))
    def tamper(self, family: int, how: str) -> None:
        self.clean = False
        chain = self.kernel.chain(family, "mangle", "HARDEN-WG-C0")
        hooks = self.kernel.chain(family, "filter", "FORWARD")
        match how:
            case "gone":
                chain.clear()
            case "altered" if chain:
                chain[-1] = "-j ACCEPT"
            case "unhooked":
                hooks[:] = [line for line in hooks if "HARDEN-WG-" not in line]
            case "doubled":
                hooks.append("-i wg0 -j HARDEN-WG-ROOT")

    @rule(
        family=st.sampled_from([4, 6]),
        rule=st.sampled_from(["-s 1.1.1.1/32 -j ACCEPT", "-j DROP"]),
        at=st.integers(0, 3),
    )
    def somebody_else(self, family: int, rule: str, at: int) -> None:
        self.kernel.chain(family, "filter", "FORWARD").insert(at, rule)
        self.others[family] = self.kernel.foreign(family)
        self.clean = False

    @invariant()
    def others_keep_what_they_have(self) -> None:
        if hasattr(self, "kernel"):
            assert {family: self.kernel.foreign(family) for family in (4, 6)} == self.others

    @invariant()
    def what_was_completed_is_in_force_until_somebody_tampers(self) -> None:
        if hasattr(self, "kernel") and self.clean:
            assert holds(self.kernel, self.expected)
            assert self.reconciler.state.pending() is None


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=15, deadline=None)


def test_a_plan_is_a_value_that_says_what_it_was_made_for(tmp_path: Path) -> None:
    """So that it can be shown, compared and carried out later."""
    _, reconciler = setup(tmp_path)
    plan = reconciler.plan(A, "policy")
    assert (plan.kind, plan.rules, plan.policy, plan.digest) == ("apply", A, "policy", A.digest)
    assert plan.empties is False
    assert reconciler.plan_removal().empties is True
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.kind = "remove"  # type: ignore[misc]
