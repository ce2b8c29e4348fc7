"""Rules on trial against a kernel, a clock and a life in memory: whatever happens, what was confirmed comes back."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harden.errors import HardenError
from tests.wgfw.fake_gateway import World, digest_of
from tests.wgfw.fake_kernel import FakeKernel
from tests.wgfw.made_rules import NOTHING, rule_set
from wgfw.commands.trying import Session, refuse_old
from wgfw.kernel.state import StateDirectory
from wgfw.ruleset import RuleSet

A, B, C = rule_set(1, 2, 3), rule_set(1, 9), rule_set(4, interfaces=("wg0", "wg1"))
SECONDS = 60


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The power stays on here: nothing has to wait for a disk."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Nothing was ever applied."""
    return World(tmp_path)


@pytest.fixture
def tried(world: World) -> World:
    """B is on trial; A was confirmed, and before it C."""
    for rules in (C, A):
        world.apply(rules)
    world.apply(B, SECONDS)
    return world


def settled(world: World, rules: RuleSet, before: RuleSet | None) -> None:
    """Assert that nothing waits, these rules are in force also after a restart, and a rollback goes to those before."""
    assert world.state.trials.open() is None
    assert world.holds(rules)
    assert world.before() == (None if before is None else digest_of(before))
    world.restart()
    if rules is not NOTHING:
        assert world.restore() == 0
    assert world.holds(rules)


def test_what_nobody_confirms_goes(tried: World) -> None:
    """At its time, not before; what a rollback goes to is what it was."""
    tried.pass_time(SECONDS - 1)
    assert tried.holds(B)
    tried.pass_time(1)
    settled(tried, A, C)


def test_what_is_confirmed_stays(tried: World) -> None:
    """Also after a restart; a rollback goes to what was confirmed before."""
    tried.pass_time(SECONDS - 1)
    assert tried.confirm() == 0
    tried.pass_time(SECONDS)
    settled(tried, B, A)


def test_the_first_rules_of_all_go_without_a_trace(world: World) -> None:
    """No rule, no memory of any, nothing to go back to."""
    world.apply(A, SECONDS)
    world.pass_time(SECONDS)
    assert world.kernel.tables == {4: {}, 6: {}}
    assert set(world.files()) == {"ended.json"}
    with pytest.raises(HardenError, match="no rules were ever confirmed"):
        world.restore()
    settled(world, NOTHING, None)


def test_the_first_rules_of_all_leave_others_what_they_have(world: World) -> None:
    """And go although another trial replaced theirs."""
    world.kernel.chain(4, "filter", "FORWARD").append("-s 1.2.3.4/32 -j ACCEPT")
    before = world.kernel.save(4)
    world.apply(A, SECONDS)
    world.apply(B, SECONDS)
    world.pass_time(SECONDS)
    assert world.kernel.save(4) == before
    assert set(world.files()) == {"ended.json"}


def test_the_first_rules_of_all_can_be_confirmed_and_rolled_back(world: World) -> None:
    """To none."""
    world.apply(A, SECONDS)
    world.confirm()
    world.rollback()
    assert world.holds(NOTHING)


def test_a_second_trial_has_its_own_time_and_the_same_way_back(tried: World) -> None:
    """Its watchdog is its own; the first one's does nothing more."""
    tried.pass_time(SECONDS - 1)
    tried.apply(rule_set(7), 2 * SECONDS)
    tried.pass_time(2)
    assert tried.holds(rule_set(7))
    assert len(tried.watchdogs) == 1
    tried.pass_time(2 * SECONDS)
    settled(tried, A, C)


def test_a_second_trial_that_is_confirmed_never_goes_back_to_the_first(tried: World) -> None:
    """That one was confirmed by nobody."""
    tried.apply(rule_set(7), SECONDS)
    tried.confirm()
    settled(tried, rule_set(7), A)


def test_trying_what_was_confirmed_goes_back_to_it_either_way(tried: World) -> None:
    """What a rollback goes to is what it was, too."""
    tried.apply(A, SECONDS)
    tried.confirm()
    settled(tried, A, C)


def test_the_same_rules_tried_again_get_the_whole_time_again(tried: World) -> None:
    """What was older than them is what it was: they have been in force since the first time."""
    tried.pass_time(SECONDS - 1)
    tried.connections = frozenset({1, 2, 3})
    outcome = tried.apply(B, 2 * SECONDS)
    assert outcome is not None
    assert not outcome.changed
    assert outcome.trial is not None
    assert (outcome.trial.seconds, outcome.trial.connections) == (2 * SECONDS, (1, 2))
    tried.pass_time(2 * SECONDS - 1)
    assert tried.holds(B)
    tried.pass_time(1)
    settled(tried, A, C)


def test_nothing_to_change_is_nothing_to_confirm(world: World) -> None:
    """In sync: no trial, no watchdog."""
    world.apply(A)
    files = world.files()
    outcome = world.apply(A, SECONDS)
    assert outcome is not None
    assert (outcome.changed, outcome.trial, world.watchdogs) == (False, None, [])
    assert world.files() == files


def test_a_plain_apply_meanwhile_is_refused_if_it_would_change_anything(tried: World) -> None:
    """It would confirm by the back door. The same rules again are none's business."""
    files = tried.files()
    for rules in (A, C):
        with pytest.raises(HardenError, match="wait to be confirmed") as caught:
            tried.apply(rules)
        assert "harden wg confirm" in caught.value.hints[0]
    outcome = tried.apply(B)
    assert outcome is not None
    assert not outcome.changed
    assert tried.files() == files
    assert tried.holds(B)


def test_a_rollback_meanwhile_gives_it_up(tried: World) -> None:
    """At once; the next one goes where it would have gone before."""
    tried.rollback()
    settled(tried, A, C)
    tried.rollback()
    assert tried.holds(C)


def test_a_rollback_that_comes_to_a_trial_under_way_is_refused(tried: World) -> None:
    """Somebody began it after the rollback had looked."""
    reconciler = tried.reconciler()
    with pytest.raises(HardenError, match="wait to be confirmed"):
        reconciler.apply(reconciler.plan_rollback())
    assert tried.holds(B)


def test_a_removal_meanwhile_ends_it(tried: World) -> None:
    """Nothing comes back; what a rollback goes to is what was confirmed."""
    tried.remove()
    tried.pass_time(SECONDS)
    settled(tried, NOTHING, A)
    tried.rollback()
    assert tried.holds(A)


def test_a_restore_meanwhile_changes_nothing(tried: World) -> None:
    """Not even what somebody else spoilt."""
    tried.kernel.chain(4, "mangle", "HARDEN-WG-C0").pop()
    kernel, files = tried.kernel.save(4), tried.files()
    assert tried.restore() == 0
    assert (tried.kernel.save(4), tried.files()) == (kernel, files)


def test_a_trial_that_somebody_spoils_comes_back_whole(tried: World) -> None:
    """Whatever became of its rules."""
    tried.kernel.chain(4, "mangle", "HARDEN-WG-C0").clear()
    tried.kernel.chain(6, "filter", "FORWARD").clear()
    tried.pass_time(SECONDS)
    settled(tried, A, C)


def told(act: Callable[[], object], words: str) -> None:
    """Assert that it fails with these words."""
    with pytest.raises(HardenError, match=words):
        act()


HEALERS: dict[str, Callable[[World], object]] = {
    "restore": World.restore,
    "rollback": World.rollback,
    "apply": lambda world: world.apply(A),
    "try": lambda world: world.apply(A, SECONDS),
    "confirm": lambda world: told(world.confirm, "too late"),
}


@pytest.mark.parametrize("healer", HEALERS)
def test_without_a_watchdog_the_next_command_goes_back(tried: World, healer: str) -> None:
    """It was killed, and its time is over."""
    tried.watchdogs.clear()
    tried.pass_time(SECONDS)
    assert tried.holds(B)
    HEALERS[healer](tried)
    settled(tried, A, C)


@pytest.mark.parametrize("healer", HEALERS)
def test_after_a_restart_what_was_confirmed_is_in_force(tried: World, healer: str) -> None:
    """However little time has gone by: the trial was another life's."""
    tried.restart()
    HEALERS[healer](tried)
    settled(tried, A, C)


def test_a_plain_apply_after_a_restart_does_not_put_in_force_what_nobody_confirmed(tried: World) -> None:
    """The policy file may say just that; the next apply means it."""
    tried.restart()
    assert tried.apply(B) is None
    assert tried.holds(A)
    tried.apply(B)
    settled(tried, B, A)


def test_after_a_restart_nothing_is_in_force_if_nothing_was_confirmed(world: World) -> None:
    """The first rules of all were on trial."""
    world.apply(A, SECONDS)
    world.restart()
    assert world.apply(A) is None
    settled(world, NOTHING, None)
    world.apply(A)
    assert world.holds(A)


def test_too_late_is_said_and_twice_is_nothing(tried: World) -> None:
    """With what became of the rules."""
    tried.pass_time(SECONDS)
    for _ in range(2):
        with pytest.raises(HardenError, match=f"too late: .* were not confirmed within {SECONDS} seconds"):
            tried.confirm()
    tried.apply(B, SECONDS)
    assert (tried.confirm(), tried.confirm()) == (0, 0)
    assert "confirmed already at" in tried.told.getvalue()
    tried.apply(C, SECONDS)
    tried.rollback()
    with pytest.raises(HardenError, match="given up by a rollback"):
        tried.confirm()
    tried.apply(C, SECONDS)
    tried.remove()
    with pytest.raises(HardenError, match="were removed at"):
        tried.confirm()


def test_too_late_in_a_dry_run_changes_nothing_and_tells_of_this_trial(tried: World) -> None:
    """Not of one that was confirmed before."""
    tried.confirm()
    tried.apply(C, SECONDS)
    tried.watchdogs.clear()
    tried.pass_time(SECONDS)
    files = tried.files()
    with pytest.raises(HardenError, match="too late"):
        tried.confirm(dry_run=True)
    assert tried.files() == files
    assert tried.holds(C)


def test_nothing_to_confirm_is_said(world: World) -> None:
    """And how to begin."""
    with pytest.raises(HardenError, match="nothing waits to be confirmed") as caught:
        world.confirm()
    assert "--confirm" in caught.value.hints[0]


def test_a_clock_that_is_set_changes_nothing(tried: World) -> None:
    """Time is counted from the start of the machine; while it sleeps, too."""
    trial = tried.state.trials.open()
    assert trial is not None
    assert trial.deadline == tried.since_boot + SECONDS
    assert trial.until.startswith("2026-11-24T18:17:40")


# --- what fails


def test_a_watchdog_that_does_not_start_changes_nothing(tried: World) -> None:
    """The trial that waits has its own, which does not mistake what it saw meanwhile."""
    files, kernel = tried.files(), tried.kernel.save(4)
    tried.deaf = True
    with pytest.raises(HardenError, match="does not start"):
        tried.apply(C, 5 * SECONDS)
    assert (tried.files().items() >= files.items(), tried.kernel.save(4)) == (True, kernel)
    tried.pass_time(SECONDS)
    settled(tried, A, C)


def test_a_watchdog_that_looks_while_another_trial_fails_goes_on(tried: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It sees another trial than its own, and waits for the lock to be sure."""
    looking = threading.Thread(target=tried.let_watchdogs_look)

    def arm_in_vain(_world: World, _trial: str) -> None:
        looking.start()
        time.sleep(0.2)
        assert looking.is_alive()
        raise HardenError("in vain")

    monkeypatch.setattr(World, "arm", arm_in_vain)
    told(lambda: tried.apply(C, 5 * SECONDS), "in vain")
    looking.join(20)
    assert len(tried.watchdogs) == 1
    tried.pass_time(SECONDS)
    settled(tried, A, C)


@pytest.mark.parametrize("at", [(4, "mangle"), (4, "security"), (6, "mangle"), (6, "security")])
@pytest.mark.parametrize("waiting", [True, False])
def test_a_kernel_that_refuses_leaves_what_was(tmp_path: Path, at: tuple[int, str], *, waiting: bool) -> None:
    """No trial begins, and one that waits goes on with its time and its connections."""
    world = World(tmp_path)
    world.apply(A)
    if waiting:
        world.apply(B, SECONDS)
    files, kernel = world.files(), {family: world.kernel.save(family) for family in (4, 6)}

    def refuse(family: int, table: str) -> None:
        if (family, table) == at:
            raise HardenError("refused")

    world.kernel.before_table = refuse
    world.connections = frozenset()
    with pytest.raises(HardenError, match="refused"):
        world.apply(C, 5 * SECONDS)
    world.kernel.before_table = FakeKernel.before_table
    assert {family: world.kernel.save(family) for family in (4, 6)} == kernel
    assert world.files().items() >= files.items()
    world.pass_time(SECONDS)
    settled(world, A, NOTHING)


def test_a_full_disk_leaves_what_was(tried: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the kernel is touched; taking up again what waited asks for no space."""
    files = tried.files()

    def full(state: StateDirectory, *_: object) -> None:
        monkeypatch.setattr("wgfw.kernel.trials._write", full)
        raise HardenError("full")

    monkeypatch.setattr(StateDirectory, "begin", full)
    with pytest.raises(HardenError, match="full"):
        tried.apply(C, 5 * SECONDS)
    assert tried.files().items() >= files.items()
    assert tried.holds(B)
    monkeypatch.undo()
    tried.pass_time(SECONDS)
    settled(tried, A, C)


def test_a_disk_that_fills_up_during_the_trial_does_not_keep_it_in_force(
    tried: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules go back first; the trial ends when there is space for it."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("wgfw.kernel.trials.write_whole", "wgfw.kernel.state.write_record"):
        monkeypatch.setattr(name, full)
    tried.pass_time(SECONDS)
    assert tried.holds(A)
    assert len(tried.watchdogs) == 1
    assert "No space left" in tried.told.getvalue()
    monkeypatch.undo()
    tried.let_watchdogs_look()
    settled(tried, A, C)


def test_a_kernel_that_refuses_the_way_back_is_asked_again(tried: World) -> None:
    """As long as the watchdog lives."""

    def refuse(_family: int, _table: str) -> None:
        raise HardenError("refused")

    tried.kernel.before_table = refuse
    tried.pass_time(SECONDS)
    assert (len(tried.watchdogs), tried.holds(B)) == (1, True)
    tried.kernel.before_table = FakeKernel.before_table
    tried.let_watchdogs_look()
    settled(tried, A, C)


DAMAGED = ["", "hello", "[]", "{}", '{"id": 7}', "[" * 100_000, "\xff"]


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_trial_is_told_and_both_ways_out_of_it_work(tried: World, damage: str) -> None:
    """A removal takes it out with all rules; moved away, the rules in force stay."""
    path = tried.state.folder / "trial" / "trial.json"
    path.write_text(damage, encoding="latin-1")
    for command in (tried.confirm, tried.restore, tried.rollback, lambda: tried.apply(C)):
        with pytest.raises(HardenError, match=r"trial\.json: not a file as harden writes it") as caught:
            command()
        assert f"mv {path} {path}.broken" in caught.value.hints[0]
    tried.remove()
    settled(tried, NOTHING, A)


def test_the_rules_of_a_damaged_trial_stay_if_it_is_moved_away(tried: World) -> None:
    path = tried.state.folder / "trial" / "trial.json"
    path.rename(path.with_suffix(".json.broken"))
    tried.pass_time(SECONDS)
    settled(tried, B, A)
    tried.apply(C, SECONDS)
    tried.pass_time(SECONDS)
    assert tried.holds(B)


# --- who is killed


def of_the_first(world: World) -> None:
    """Nothing was applied before."""


def of_a_later(world: World) -> None:
    """C, then A were applied."""
    world.apply(C)
    world.apply(A)


def of_a_second(world: World) -> None:
    """And B is on trial."""
    of_a_later(world)
    world.apply(B, SECONDS)


BEFORE = {of_the_first: (NOTHING, None), of_a_later: (A, C), of_a_second: (A, C)}
TRIED = rule_set(2, 7)


def every_death(tmp_path: Path, prepare: Callable[[World], object], act: Callable[[World], object]) -> list[World]:
    """The worlds in which who does ``act`` is killed at its first call that writes, at its second, and so on."""
    worlds = []
    for step in range(1, 200):
        world = World(tmp_path / str(step))
        prepare(world)
        if not world.dies_at(step, lambda world=world: act(world)):  # type: ignore[misc]
            return worlds
        worlds.append(world)
    raise AssertionError("it never ends")


@pytest.mark.parametrize("prepare", BEFORE)
@pytest.mark.parametrize("watched", [True, False])
def test_an_apply_on_trial_killed_anywhere_goes_back(
    tmp_path: Path, prepare: Callable[[World], object], *, watched: bool
) -> None:
    """By its watchdog if that lives, else by the next restore; and nobody can confirm what was cut off."""
    worlds = every_death(tmp_path, prepare, lambda world: world.apply(TRIED, 2 * SECONDS))
    assert len(worlds) > 15
    for world in worlds:
        if not watched:
            world.watchdogs.clear()
        alone = not world.watchdogs  # killed before one was started, too
        trial = world.state.trials.open()
        if trial is not None and trial.connections is None:
            with pytest.raises(HardenError, match="was cut off"):
                world.confirm(force=True)
        world.pass_time(2 * SECONDS)
        confirmed, before = BEFORE[prepare]
        if alone:
            restore(world, confirmed)
        settled(world, confirmed, before)


def restore(world: World, confirmed: RuleSet) -> None:
    """`harden wg restore`, which fails where nothing was ever confirmed, with nothing in force."""
    if confirmed is NOTHING:
        told(world.restore, "no rules were ever confirmed")
    else:
        assert world.restore() == 0


def test_what_was_confirmed_is_not_written_over_after_a_death(tmp_path: Path) -> None:
    """The file of the rules before has several names while a trial is open; the next apply writes to none of them."""
    for world in every_death(tmp_path, of_a_later, lambda world: world.apply(TRIED, SECONDS)):
        world.watchdogs.clear()
        world.pass_time(SECONDS)
        assert world.restore() == 0
        world.apply(B)
        assert world.before() == digest_of(A)
        world.rollback()
        assert world.holds(A)


@pytest.mark.parametrize("prepare", BEFORE)
def test_a_restart_after_a_death_goes_back_too(tmp_path: Path, prepare: Callable[[World], object]) -> None:
    confirmed, before = BEFORE[prepare]
    for world in every_death(tmp_path, prepare, lambda world: world.apply(TRIED, 2 * SECONDS)):
        world.restart()
        restore(world, confirmed)
        settled(world, confirmed, before)


ENDS: dict[str, tuple[Callable[[World], object], float]] = {
    "rollback": (World.rollback, 0),
    "expire": (World.let_watchdogs_look, SECONDS),
    "restore": (lambda world: restore(world, NOTHING if world.before() == "" else A), SECONDS),
    "try": (lambda world: world.apply(A, SECONDS), SECONDS),
    "late confirm": (lambda world: told(world.confirm, "too late"), SECONDS),
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("prepare", [of_the_first, of_a_later])
def test_whoever_is_killed_while_going_back_somebody_else_does_it(
    tmp_path: Path, prepare: Callable[[World], object], end: str
) -> None:
    """To the same rules, with the same memory."""
    act, late = ENDS[end]
    confirmed, before = BEFORE[prepare]

    def on_trial(world: World) -> None:
        prepare(world)
        world.apply(B, SECONDS)
        world.since_boot += late

    if end == "try" and prepare is of_the_first:
        return
    for world in every_death(tmp_path, on_trial, act):
        world.pass_time(SECONDS)
        restore(world, confirmed)
        settled(world, confirmed, before)


def test_a_confirm_killed_anywhere_keeps_or_does_not(tmp_path: Path) -> None:
    """What it had not said yes to may go; then all of it is as before. No third way."""
    kept = 0
    worlds = every_death(tmp_path, of_a_second, World.confirm)
    for world in worlds:
        keeps = world.state.trials.open() is None
        kept += keeps
        world.pass_time(SECONDS)
        settled(world, *((B, A) if keeps else (A, C)))
    assert 0 < kept < len(worlds)


def test_a_removal_killed_anywhere_can_be_done_again(tmp_path: Path) -> None:
    """Until it has been, the trial goes on and goes back."""
    for again in (True, False):
        for world in every_death(tmp_path / str(again), of_a_second, World.remove):
            waits = world.state.trials.open() is not None
            if again:
                world.remove()
            world.pass_time(SECONDS)
            if waits and not again:
                settled(world, A, C)
            else:
                settled(world, NOTHING, A)


# --- who may confirm


@pytest.mark.parametrize(
    ("session", "words"),
    [
        (Session(frozenset(), remote=False), None),
        (Session(frozenset({3}), remote=True), None),
        (Session(frozenset({3, 4}), remote=True), None),
        (Session(frozenset({2}), remote=True), "older than the rules"),
        (Session(frozenset({3, 1}), remote=True), "older than the rules"),
        (Session(frozenset(), remote=True), "not to be found"),
    ],
)
def test_who_may_confirm(tried: World, session: Session, words: str | None) -> None:
    """A new connection, or none at all."""
    trial = tried.state.trials.open()
    assert trial is not None
    if words is None:
        refuse_old(trial, session)
    else:
        with pytest.raises(HardenError, match=words) as caught:
            refuse_old(trial, session)
        assert "--force" in caught.value.hints[1]
