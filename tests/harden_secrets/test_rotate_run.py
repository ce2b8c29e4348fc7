"""One rotation, step by step: cut off at every call, overtaken, abandoned, delayed."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import SecretKind
from harden_secrets.rotate import machine
from harden_secrets.rotate.event import Event, Happened
from harden_secrets.rotate.paths import record_path
from harden_secrets.rotate.status import current
from harden_secrets.rotate.store import OvertakenError, Store
from harden_secrets.rotate.values import Outcome, Phase, Unit
from harden_secrets.vault.port import VaultDeniedError
from tests.harden_secrets.rotation_world import PATH, Door, Killed, World

DAY = timedelta(hours=24)
AT_ONCE = timedelta()


def _counted(world: World, act: Callable[[], object]) -> int:
    """How many things happen to targets and deliveries, and to Vault, in ``act``."""
    count = 0

    def one(*_about: str) -> None:
        nonlocal count
        count += 1

    world.trouble = world.vault.before = one
    act()
    world.trouble = world.vault.before = lambda *_about: None
    return count


def _at(world: World, number: int, happen: Callable[[], None]) -> None:
    """Let something happen at the n-th of those things."""
    count = 0

    def one(*_about: str) -> None:
        nonlocal count
        count += 1
        if count == number:
            happen()

    world.trouble = world.vault.before = one


def _calm(world: World) -> None:
    world.trouble = world.vault.before = lambda *_about: None


def _kill() -> None:
    raise Killed


ALL = _counted(World.of(), lambda: None) or _counted(calm := World.of(), lambda: calm.run(AT_ONCE).forward())


def test_a_rotation_ends_with_one_key() -> None:
    """The new key is stored, delivered and good at every door; the old one is nowhere; other fields stay."""
    world = World.of()
    assert world.run().forward().until == world.now + DAY
    assert [set(door.opens_to) for door in world.doors.values()] == [{b"key-0", b"key-1"}] * 2
    world.now += DAY
    result = world.run().forward()
    assert (result.rotation.outcome, result.report.lines) == (Outcome.DONE, ("tell people",))
    assert [set(door.opens_to) for door in world.doors.values()] == [{b"key-1"}] * 2
    assert set(world.consumers.values()) == {b"key-1"}
    stored = world.vault.read(PATH)
    assert stored is not None
    assert stored.fields == {"key": Confidential(b"key-1"), "note": Confidential(b"kept")}


@pytest.mark.parametrize("number", range(1, ALL + 1))
def test_cut_off_anywhere_it_is_gone_on_with(number: int) -> None:
    """Whatever the process was about to do when it was killed: the next one finishes, with the same new key."""
    world = World.of()
    _at(world, number, _kill)
    with suppress(Killed):
        world.run(AT_ONCE).forward()
    _calm(world)
    loaded = Store(world.vault).load(PATH)
    pending = loaded.pair.new if loaded is not None and loaded.pair is not None and not loaded.is_closing else None
    result = world.run(AT_ONCE).forward()
    assert result.rotation.outcome is Outcome.DONE
    assert pending is None or world.newest() == pending["key"].reveal(), "a persisted key was thrown away"
    assert [set(door.opens_to) for door in world.doors.values()] == [{world.newest()}] * 2


@pytest.mark.parametrize("number", range(1, ALL + 1))
def test_abandoned_while_another_stands_still(number: int) -> None:
    """A process stands still before any of its calls, somebody abandons the rotation, and then it goes on.

    Either it had switched, and abandoning was refused, or it can switch nothing any more.
    """
    world = World.of()

    def abandon() -> None:
        _calm(world)
        with suppress(HardenError):
            world.run(AT_ONCE).abandon()

    _at(world, number, abandon)
    with suppress(HardenError):
        world.run(AT_ONCE).forward()
    _calm(world)
    loaded = Store(world.vault).load(PATH)
    if loaded is not None and loaded.rotation.is_open:
        assert loaded.rotation.has(Phase.SWITCH), "what was not abandoned was switched, or had ended"
        world.run(AT_ONCE).forward()
    key = world.newest()
    assert set(world.consumers.values()) == {key}
    assert all(world.accepts(name, key) for name in world.doors)


def test_nothing_is_installed_once_it_was_abandoned() -> None:
    """A process that stands still before a call to Vault, and goes on after it was abandoned, leaves no key behind."""
    for number in range(1, 8):
        world = World.of(1)
        calls = iter(range(1, 99))

        def abandon(
            _method: str, _path: str, world: World = world, calls: Iterator[int] = calls, at: int = number
        ) -> None:
            if next(calls) == at:
                _calm(world)
                world.run(AT_ONCE).abandon()

        world.vault.before = abandon
        with suppress(HardenError):
            world.run(AT_ONCE).forward()
        assert set(world.doors["door-0"].opens_to) == {world.newest()}, f"before call {number}"


def test_a_rotation_that_was_begun_meanwhile_is_not_written_over() -> None:
    """A process stands still before it has begun; another one begins, and is in its overlap when the first goes on."""
    for number in range(1, 8):
        world = World.of(1)
        calls = iter(range(1, 99))

        def begin(
            _method: str, _path: str, world: World = world, calls: Iterator[int] = calls, at: int = number
        ) -> None:
            if next(calls) == at:
                _calm(world)
                assert world.run().forward().until == world.now + DAY

        world.vault.before = begin
        with suppress(HardenError):
            world.run().forward()
        assert set(world.doors["door-0"].opens_to) == {b"key-0", world.newest()}, f"before call {number}"
        world.now += DAY
        assert world.run().forward().rotation.outcome is Outcome.DONE
        assert set(world.doors["door-0"].opens_to) == {world.newest()}


def test_the_record_holds_no_key_in_the_end() -> None:
    """No version of it does: they are destroyed, however the rotation ended."""
    for act in ("forward", "abandon"):
        world = World.of()
        run = world.run(AT_ONCE if act == "forward" else DAY)
        if act == "abandon":
            world.doors["door-1"].is_up = True
            _at(world, 12, _kill)
            with suppress(Killed):
                run.forward()
            _calm(world)
        getattr(run, act)()
        versions = world.vault.paths[record_path(PATH)].versions
        kept = [world.vault.read(record_path(PATH), number) for number in versions]
        assert {name for one in kept if one is not None for name in one.fields} == {"state"}


@pytest.mark.parametrize("act", ["forward", "abandon"])
def test_a_rotation_is_open_until_its_keys_are_destroyed(act: str) -> None:
    """Where they cannot be, what a person has to know is told all the same; a later run comes back to it."""
    world = World.of()
    if act == "abandon":
        world.trouble = _refuse_at("before prove door-0")
        assert world.run(AT_ONCE).forward().failed
        _calm(world)

    def deny(method: str, _path: str) -> None:
        if method == "destroy":
            raise VaultDeniedError("the token may not")

    world.vault.before = deny
    for _ in range(2):
        result = getattr(world.run(AT_ONCE), act)()
        assert [str(unit) for unit in result.failed] == ["close"]
        assert result.rotation.is_open
        assert result.rotation.failures[Unit(Phase.CLOSE)].words == ("the token may not",)
        world.doors["door-9"] = Door({world.newest(): None})  # comes too late for this rotation
    _calm(world)
    result = getattr(world.run(AT_ONCE), act)()
    assert result.rotation.outcome is (Outcome.DONE if act == "forward" else Outcome.ABANDONED)
    versions = world.vault.paths[record_path(PATH)].versions
    kept = [world.vault.read(record_path(PATH), number) for number in versions]
    assert {name for one in kept if one is not None for name in one.fields} == {"state"}
    assert set(world.doors["door-9"].opens_to) == {world.newest()}


def test_what_is_to_be_known_is_told_where_the_keys_cannot_be_destroyed() -> None:
    """It could not be told later: it is made from the keys."""
    world = World.of()

    def deny(method: str, _path: str) -> None:
        if method == "destroy":
            raise VaultDeniedError("the token may not")

    world.vault.before = deny
    assert world.run(AT_ONCE).forward().report.lines == ("tell people",)


def test_one_host_that_is_down_keeps_both_keys_good() -> None:
    """The others go on as far as they can; nothing is switched; when it is back, all is finished."""
    world = World.of(3)
    run = world.run(AT_ONCE)
    _at(world, 8, lambda: setattr(world.doors["door-2"], "is_up", False))
    result = run.forward()
    assert [str(unit) for unit in result.failed] == ["install door-2"]
    assert set(world.doors["door-0"].opens_to) == {b"key-0", b"key-1"}
    assert set(world.consumers.values()) == {b"key-0"}
    failure = result.rotation.failures[Unit(Phase.INSTALL, "door-2")]
    assert failure.words == ("door-2 cannot be reached",)
    assert failure.hints == ("see whether it is up",)
    _calm(world)
    world.doors["door-2"].is_up = True
    assert world.run(AT_ONCE).forward().rotation.outcome is Outcome.DONE


def test_what_failed_at_a_target_that_was_taken_away_is_forgotten() -> None:
    """Nothing is in the way any more, so status must not say so during the overlap."""
    world = World.of(3)
    world.trouble = _refuse_at("before install door-2")
    assert world.run().forward().failed
    _calm(world)
    del world.doors["door-2"]
    result = world.run().forward()
    assert (result.until, result.rotation.failures) == (world.now + DAY, {})


def test_a_target_that_comes_back_goes_through_everything_anew() -> None:
    """It was rebuilt meanwhile, say, with the old key: what was shown there before does not hold."""
    world = World.of(2)
    world.run().forward()
    del world.doors["door-1"]
    world.run().forward()
    world.doors["door-1"] = Door({b"key-0": None})
    assert world.run().forward().until == world.now + DAY
    assert set(world.doors["door-1"].opens_to) == {b"key-0", b"key-1"}
    world.now += DAY
    assert world.run().forward().rotation.outcome is Outcome.DONE
    assert set(world.doors["door-1"].opens_to) == {b"key-1"}


def _refuse_at(place: str) -> Callable[[str], None]:
    def trouble(at: str) -> None:
        if at == place:
            raise HardenError("no")

    return trouble


@pytest.mark.parametrize("doors", [0, 1])
@pytest.mark.parametrize(("consumers", "at"), [(1, "before deliver secret ns/0"), (2, "before confirm secret ns/1")])
def test_the_overlap_begins_when_what_failed_is_taken_away(doors: int, consumers: int, at: str) -> None:
    """A delivery that cannot be made is taken out of the inventory: then everybody else has the new key."""
    world = World.of(doors, consumers)
    world.trouble = _refuse_at(at)
    assert world.run().forward().failed
    del world.consumers[f"secret ns/{consumers - 1}"]
    _calm(world)
    world.now += DAY
    for _ in range(2):
        assert world.run().forward().until == world.now + DAY
    assert all(world.accepts(name, b"key-0") for name in world.doors)
    world.now += DAY
    assert world.run().forward().rotation.outcome is Outcome.DONE


def test_who_still_uses_the_old_key_delays_its_end_but_not_for_ever() -> None:
    """Until the deadline it is waited for, and said who it is; after it the old key goes."""
    world = World.of(1)
    world.run().forward()
    world.now += DAY
    world.doors["door-0"].used_by = "cron from 10.0.0.9"
    result = world.run().forward()
    assert (result.failed, result.until) == ((), world.now + DAY)
    assert world.accepts("door-0", b"key-0")
    assert [one.words for one in world.events if one.happened is Happened.WAITING][
        -1
    ] == "still used by cron from 10.0.0.9"
    world.now += DAY
    assert world.run().forward().rotation.outcome is Outcome.DONE
    assert not world.accepts("door-0", b"key-0")


def test_the_old_key_dies_even_if_nobody_comes() -> None:
    """Its end is set when the overlap begins, at the deadline."""
    world = World.of(1)
    world.run().forward()
    world.now += 2 * DAY
    assert not world.accepts("door-0", b"key-0")
    assert world.accepts("door-0", b"key-1")


def test_force_waits_for_nothing() -> None:
    """Neither for the overlap nor for users, and proves everything all the same."""
    world = World.of(1)
    world.doors["door-0"].used_by = "somebody"
    result = world.run().forward(impatient=True)
    assert result.rotation.outcome is Outcome.DONE
    assert {Phase.PROVE, Phase.CONFIRM, Phase.REFUSE} <= {unit.phase for unit in result.rotation.done}


def test_after_the_switch_it_cannot_be_abandoned() -> None:
    """Consumers have the new key: the old one cannot be put back by forgetting."""
    world = World.of()
    world.run().forward()
    with pytest.raises(HardenError, match="the new key is version 2 already"):
        world.run().abandon()
    assert world.accepts("door-0", b"key-0")
    assert world.accepts("door-0", b"key-1")


def test_abandoned_the_old_key_is_as_old_as_it_is() -> None:
    """To keep a process that stands still from switching, the old key is stored once more: that makes it no younger."""
    world = World.of()
    made = current(world.vault.metadata(PATH), None)[1]
    for version in (2, 3):
        world.vault.before = _before_the_switch
        with suppress(Killed):
            world.run().forward()
        _calm(world)
        world.run().abandon()
        loaded = Store(world.vault).load(PATH)
        assert loaded is not None
        assert current(world.vault.metadata(PATH), loaded.rotation) == (version, made)
    world.vault.write(PATH, {"key": Confidential(b"by-hand")}, cas=3)
    metadata = world.vault.metadata(PATH)
    assert metadata is not None
    assert current(metadata, loaded.rotation) == (4, metadata.versions[-1].created)


def _before_the_switch(method: str, path: str) -> None:
    if (method, path) == ("write", PATH):
        raise Killed


def test_abandoned_when_somebody_stored_another_key_after_the_switch() -> None:
    """It is closed; what is at the targets is left to whoever stored that key."""
    world = World.of()
    world.run().forward()
    world.vault.write(PATH, {"key": Confidential(b"by-hand")}, cas=2)
    with pytest.raises(HardenError, match="somebody stored version 3 while version 2"):
        world.run().forward()
    result = world.run().abandon()
    assert result is not None
    assert result.rotation.outcome is Outcome.ABANDONED
    assert set(world.doors["door-0"].opens_to) == {b"key-0", b"key-1"}
    assert world.events[-1].words == "abandoned: what somebody stored since is in use, and no target was touched"


def test_a_key_that_somebody_stored_meanwhile_is_not_written_over() -> None:
    """The switch names the version that it follows."""
    world = World.of()
    _at(world, 9, lambda: setattr(world.doors["door-0"], "is_up", False))
    assert world.run().forward().failed
    _calm(world)
    world.doors["door-0"].is_up = True
    world.vault.write(PATH, {"key": Confidential(b"by-hand")}, cas=1)
    with pytest.raises(HardenError, match="somebody stored version 2 while version 1"):
        world.run().forward()
    assert world.newest() == b"by-hand"
    result = world.run().abandon()
    assert result is not None
    assert (result.rotation.outcome, result.rotation.old_version) == (Outcome.ABANDONED, 1)


@pytest.mark.parametrize("switched", [False, True])
def test_what_somebody_stored_meanwhile_is_in_the_way_until_it_is_put_right(switched: bool) -> None:
    """The record says so, for status; when the expected fields are stored again it says so no more, and goes on."""
    world = World.of(1)
    if switched:
        world.run().forward()
    else:
        world.vault.before = _before_the_switch
        with suppress(Killed):
            world.run().forward()
        _calm(world)
    expected = world.vault.read(PATH)
    assert expected is not None
    version = world.vault.write(PATH, {"key": Confidential(b"by-hand")}, cas=expected.version)
    for times in (1, 2):
        with pytest.raises(HardenError, match="somebody stored"):
            world.run().forward()
        loaded = Store(world.vault).load(PATH)
        assert loaded is not None
        assert loaded.rotation.failures[Unit(Phase.SWITCH)].times == times
        assert world.notes[-1][0] == "rotation-not-yet"
    world.vault.write(PATH, expected.fields, cas=version)
    if switched:
        with pytest.raises(HardenError, match="the rotation can only be finished"):
            world.run().abandon()
    rotation = world.run().forward().rotation
    assert (rotation.failures, rotation.new_version) == ({}, version + (1 if switched else 2))
    world.now += DAY
    assert world.run().forward().rotation.outcome is Outcome.DONE
    assert set(world.doors["door-0"].opens_to) == {b"key-1"}


def test_a_failure_that_was_put_right_is_forgotten() -> None:
    """During the overlap too, where no step is taken that would show it."""
    world = World.of(1)
    world.run().forward()
    store = Store(world.vault)
    loaded = store.load(PATH)
    assert loaded is not None
    store.save(PATH, loaded, machine.failed(loaded.rotation, Unit(Phase.SWITCH), ["another version"], [], world.now))
    assert world.run().forward().rotation.failures == {}
    again = store.load(PATH)
    assert again is not None
    assert again.rotation.failures == {}


def test_one_kind_does_not_go_on_with_another() -> None:
    """Neither forward nor back; nothing is touched, and status can say why."""
    world = World.of(1)
    _at(world, 12, _kill)
    with suppress(Killed):
        world.run().forward()
    _calm(world)
    before = dict(world.doors["door-0"].opens_to)
    for act in ("forward", "abandon"):
        with pytest.raises(HardenError, match="is of kind command now, and its rotation was begun as one of kind ssh"):
            getattr(world.run(kind=SecretKind.COMMAND), act)()
    assert world.doors["door-0"].opens_to == before
    loaded = Store(world.vault).load(PATH)
    assert loaded is not None
    assert "give it kind ssh-key again" in loaded.rotation.failures[Unit(Phase.SWITCH)].hints[0]
    assert world.run(AT_ONCE).forward().rotation.outcome is None
    assert world.run(AT_ONCE).forward(impatient=True).rotation.outcome is Outcome.DONE


def test_the_second_of_two_is_refused() -> None:
    """A process whose rotation another one has gone on with writes nothing more."""
    world = World.of()
    _at(world, 10, lambda: (_calm(world), world.run(AT_ONCE).forward()))  # type: ignore[func-returns-value]
    with pytest.raises(OvertakenError, match="somebody else goes on"):
        world.run(AT_ONCE).forward()


def test_who_interrupts_waits_for_what_is_being_done_only() -> None:
    """Of a hundred targets those that were not begun are left alone, and nothing goes on after the run has ended."""
    world = World.of(100)
    begun: list[str] = []

    def slow(at: str) -> None:
        if at.startswith("before install"):
            begun.append(at)
            time.sleep(0.02)

    def interrupt(event: Event) -> None:
        if event.happened is Happened.DONE and event.unit is not None and event.unit.phase is Phase.INSTALL:
            raise KeyboardInterrupt

    world.trouble = slow
    world.events = Heard(interrupt)
    with pytest.raises(KeyboardInterrupt):
        world.run().forward()
    ended = len(begun)
    time.sleep(0.1)
    assert ended == len(begun) < 50


class Heard(list[Event]):
    """Events, each of which is heard when it is told."""

    def __init__(self, hear: Callable[[Event], None]) -> None:
        super().__init__()
        self.append = hear  # type: ignore[method-assign]


def test_nothing_stored_is_nothing_to_rotate() -> None:
    """And is said so, with what to do."""
    world = World.of()
    world.vault.delete(PATH, (1,))
    with pytest.raises(HardenError, match="nothing is stored there") as raised:
        world.run().forward()
    assert "migrate" in raised.value.hints[0]


def test_a_target_that_is_down_before_anything_begins_stops_it() -> None:
    """No key is made; only the reason is stored, for status, until one can begin; the one before it stays known."""
    world = World.of()
    for outcome in (Outcome.NOT_BEGUN, Outcome.DONE):
        world.doors["door-1"].is_up = False
        made = world.made
        for times in (1, 2):
            with pytest.raises(HardenError, match="door-1 cannot be reached"):
                world.run().forward()
            loaded = Store(world.vault).load(PATH)
            assert loaded is not None
            assert (loaded.rotation.outcome, loaded.pair) == (outcome, None)
            assert loaded.rotation.refusal is not None
            assert (loaded.rotation.refusal.times, loaded.rotation.refusal.first) == (times, world.now)
        assert world.made == made
        world.doors["door-1"].is_up = True
        rotation = world.run(AT_ONCE).forward().rotation
        assert (rotation.outcome, rotation.refusal) == (Outcome.DONE, None)


def test_every_step_is_in_the_audit_log_without_a_value() -> None:
    """Begin, each unit, end; with the secret's name and the rotation's id."""
    world = World.of(1)
    world.run(AT_ONCE).forward()
    assert [event for event, _facts in world.notes][:1] == ["rotation-begun"]
    assert [event for event, _facts in world.notes][-1] == "rotation-ended"
    assert {facts["phase"] for _event, facts in world.notes if "phase" in facts} >= {
        "install",
        "prove",
        "switch",
        "refuse",
    }
    assert "key-" not in str(world.notes)
    assert "key-1" not in str(world.events)


def test_where_no_account_can_be_given_nothing_is_done() -> None:
    """The audit log cannot be written: no key is persisted, no target is touched."""

    class Full(list[tuple[str, Mapping[str, Any]]]):
        def append(self, _entry: object) -> None:
            raise HardenError("the audit log cannot be written")

    world = World.of()
    world.notes = Full()
    with pytest.raises(HardenError, match="the audit log"):
        world.run().forward()
    assert record_path(PATH) not in world.vault.paths
    assert set(world.doors["door-0"].opens_to) == {b"key-0"}


@pytest.mark.parametrize("number", range(1, 4))
def test_a_lost_lock_stops_it(number: int) -> None:
    """Before each phase it is confirmed."""

    class Lost:
        left = number

        def confirm(self) -> None:
            self.left -= 1
            if self.left < 0:
                raise HardenError("the lock is lost")

    world = World.of()
    with pytest.raises(HardenError, match="the lock is lost"):
        world.run(AT_ONCE, Lost()).forward()
    assert world.run(AT_ONCE).forward().rotation.outcome is Outcome.DONE
