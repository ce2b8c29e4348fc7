"""Rotations under random crashes, failures and retries: a good key is stored and delivered at every moment."""

from contextlib import suppress
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harden.errors import HardenError
from harden_secrets.rotate.paths import record_path
from harden_secrets.rotate.store import Store
from harden_secrets.rotate.values import Outcome, Phase
from harden_secrets.vault.port import VaultUnavailableError
from tests.harden_secrets.rotation_world import PATH, Door, Killed, World

FAULTS = st.lists(
    st.tuples(
        st.integers(1, 30), st.sampled_from(["fail", "kill"]), st.sampled_from(["world", "vault", "vault after"])
    ),
    max_size=2,
)
HOURS = st.sampled_from([0, 1, 12, 24, 49])


class Rotations(RuleBasedStateMachine):
    """One secret, any number of rotations, one after the other, each cut off anywhere."""

    @initialize(doors=st.integers(1, 4), consumers=st.integers(0, 2), overlap=st.sampled_from([0, 24]))
    def begin(self, doors: int, consumers: int, overlap: int) -> None:
        self.world = World.of(doors, consumers)
        self.overlap = timedelta(hours=overlap)
        self.everywhere: set[str] = set()

    @rule(faults=FAULTS, impatient=st.booleans())
    def go_on(self, faults: list[tuple[int, str, str]], impatient: bool) -> None:
        """A process begins or goes on; it fails, or is killed, somewhere or nowhere."""
        self._under(faults, lambda: self.world.run(self.overlap).forward(impatient=impatient))

    @rule(faults=FAULTS)
    def abandon(self, faults: list[tuple[int, str, str]]) -> None:
        """A person gives it up."""
        self._under(faults, self.world.run(self.overlap).abandon)

    @rule(
        at=st.integers(1, 40),
        second=st.sampled_from(["forward", "abandon"]),
        first=st.sampled_from(["forward", "abandon"]),
    )
    def two_at_once(self, at: int, first: str, second: str) -> None:
        """A process that everybody believes dead stands still before a call to Vault, and then goes on."""
        count = 0

        def stand_still(_method: str, _path: str) -> None:
            nonlocal count
            count += 1
            if count == at:
                self.world.vault.before = lambda _method, _path: None
                with suppress(HardenError):
                    getattr(self.world.run(self.overlap), second)()

        self.world.vault.before = stand_still
        with suppress(HardenError):
            getattr(self.world.run(self.overlap), first)()
        self.world.vault.before = lambda _method, _path: None

    @rule(hours=HOURS)
    def wait(self, hours: int) -> None:
        """Time goes by."""
        self.world.now += timedelta(hours=hours)

    @rule(data=st.data(), is_up=st.booleans())
    def a_door_goes_down_or_up(self, data: st.DataObject, is_up: bool) -> None:
        """A host is unreachable for a while."""
        self.world.doors[data.draw(st.sampled_from(sorted(self.world.doors)))].is_up = is_up

    @rule(used=st.booleans())
    def somebody_uses_the_old_key(self, used: bool) -> None:
        """Or nobody does any more."""
        for door in self.world.doors.values():
            door.used_by = "cron from 10.0.0.9" if used else ""

    @precondition(lambda self: len(self.world.doors) < 5)
    @rule()
    def a_door_is_added(self) -> None:
        """A person enters a host into the inventory, and puts the key in use there by hand, as one has to."""
        number = max(int(name.removeprefix("door-")) for name in self.world.doors) + 1
        self.world.doors[f"door-{number}"] = Door(dict.fromkeys(self._in_use()))

    @precondition(lambda self: len(self.world.doors) > 1)
    @rule(data=st.data())
    def a_door_is_removed(self, data: st.DataObject) -> None:
        """A host is taken out of the inventory."""
        del self.world.doors[data.draw(st.sampled_from(sorted(self.world.doors)))]

    @precondition(lambda self: len(self.world.consumers) < 3)
    @rule()
    def a_consumer_is_added(self) -> None:
        """A person enters a delivery, to a place that has a key in use already."""
        number = max((int(name.removeprefix("secret ns/")) for name in self.world.consumers), default=-1) + 1
        self.world.consumers[f"secret ns/{number}"] = min(self._in_use())

    @precondition(lambda self: bool(self.world.consumers))
    @rule(data=st.data())
    def a_consumer_is_removed(self, data: st.DataObject) -> None:
        """A delivery is taken out of the inventory, perhaps because it did not work."""
        del self.world.consumers[data.draw(st.sampled_from(sorted(self.world.consumers)))]

    @rule()
    def everything_works_again(self) -> None:
        """Without trouble a rotation comes to its end, and exactly one key is good everywhere."""
        for door in self.world.doors.values():
            door.is_up, door.used_by = True, ""
        result = self.world.run(self.overlap).forward()
        if result.rotation.is_open:
            assert result.until is not None
            self.world.now = result.until
            result = self.world.run(self.overlap).forward()
        assert not result.rotation.is_open
        newest = self.world.newest()
        if result.rotation.outcome is Outcome.DONE:
            assert all(set(door.opens_to) == {newest} for door in self.world.doors.values())
        assert all(seen == newest for seen in self.world.consumers.values())
        assert self._kept_in_record() == set()

    @invariant()
    def what_is_delivered_is_good_and_stored(self) -> None:
        """At any moment, whatever was cut off."""
        stored = {self.world.newest()} | self._kept_in_record()
        for key in self._in_use():
            assert key in stored, "a key that is used is stored nowhere"
            for name in self.world.doors:
                assert self.world.accepts(name, key), f"{name} refuses a key that is used"

    @invariant()
    def the_old_one_goes_last(self) -> None:
        """Nothing of the old key is taken away before all consumers were seen to have the new one."""
        loaded = Store(self.world.vault).load(PATH)
        if loaded is None or loaded.pair is None or loaded.is_closing or loaded.rotation.abandoning:
            return
        old = loaded.pair.old["key"].reveal()
        if any(old not in door.opens_to for door in self.world.doors.values()):
            assert loaded.rotation.has(Phase.SWITCH)
            assert set(self.world.consumers.values()) <= {loaded.pair.new["key"].reveal()}

    def _in_use(self) -> set[bytes]:
        return set(self.world.consumers.values()) or {self.world.newest()}

    def _kept_in_record(self) -> set[bytes]:
        known = self.world.vault.paths.get(record_path(PATH))
        versions = [] if known is None else list(known.versions)
        read = [self.world.vault.read(record_path(PATH), number) for number in versions]
        fields = [value for stored in read if stored is not None for value in stored.fields.items()]
        return {value.reveal() for name, value in fields if name in ("old.key", "new.key")}

    def _under(self, faults: list[tuple[int, str, str]], act: object) -> None:
        assert callable(act)
        count = 0
        planned = {number: kind for number, kind, where in faults if where == "world"}
        for number, kind, where in faults:
            if where != "world":
                error = Killed() if kind == "kill" else VaultUnavailableError("sealed")
                when = "after" if where == "vault after" else "before"
                self.world.vault.fail(number, when, error)  # type: ignore[arg-type]

        def trouble(_at: str) -> None:
            nonlocal count
            count += 1
            if planned.get(count) == "kill":
                raise Killed
            if planned.get(count) == "fail":
                raise HardenError("told to fail")

        self.world.trouble = trouble
        with suppress(HardenError, Killed):
            act()
        self.world.trouble = lambda _at: None
        self.world.vault._faults.clear()


TestRotations = Rotations.TestCase
TestRotations.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
