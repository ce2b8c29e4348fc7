"""A world in which rotations can be tried thousands of times: targets, consumers, a clock, and everything may fail.

``trouble`` is asked before and after each thing that happens to a target or delivery; it may raise.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import Rotate, SecretEntry, SecretKind
from harden_secrets.rotate.event import Event
from harden_secrets.rotate.rotator import Fields, Pair, Report
from harden_secrets.rotate.run import Run
from harden_secrets.rotate.steps import Steps
from harden_secrets.rotate.store import Store
from harden_secrets.rotate.surroundings import Surroundings
from tests.harden_secrets.fake_vault import FakeVault

T = TypeVar("T")
BEGIN = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
PATH = "openclaw/ssh"


class Killed(BaseException):
    """The process is no more."""


class WatchedVault(FakeVault):
    """``before`` is called with the method and path of each call that comes."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[str, str], None] = lambda _method, _path: None

    def _call(self, method: str, path: str, act: Callable[[], T]) -> T:
        self.before(method, path)
        return super()._call(method, path, act)


@dataclass
class Door:
    """A target: which keys it opens to, and until when."""

    opens_to: dict[bytes, datetime | None] = field(default_factory=dict)
    is_up: bool = True
    used_by: str = ""


@dataclass
class World:
    """Everything outside of harden."""

    vault: "WatchedVault" = field(default_factory=WatchedVault)
    doors: dict[str, Door] = field(default_factory=dict)
    consumers: dict[str, bytes] = field(default_factory=dict)
    now: datetime = BEGIN
    trouble: Callable[[str], None] = lambda _at: None
    made: int = 0
    events: list[Event] = field(default_factory=list)
    notes: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    ids: int = 0
    guard: threading.RLock = field(default_factory=threading.RLock)

    @classmethod
    def of(cls, doors: int = 2, consumers: int = 1) -> "World":
        """One in which the key `key-0` is stored, delivered, and good at every door."""
        world = cls()
        world.vault.write(PATH, {"key": Confidential(b"key-0"), "note": Confidential(b"kept")}, cas=0)
        world.doors = {f"door-{number}": Door({b"key-0": None}) for number in range(doors)}
        world.consumers = {f"secret ns/{number}": b"key-0" for number in range(consumers)}
        return world

    def accepts(self, door: str, key: bytes) -> bool:
        """Whether the key opens it now."""
        end = self.doors[door].opens_to.get(key, self.now)
        return end is None or self.now < end

    def run(
        self, overlap: timedelta = timedelta(hours=24), lock: Any = None, kind: SecretKind = SecretKind.SSH_KEY
    ) -> Run:
        """What a process would make to go on with the rotation."""
        rotate = Rotate(timedelta(days=30), overlap)
        entry = SecretEntry("openclaw-ssh", kind, PATH, rotate=rotate)
        steps = Steps(entry, Doors(self), Consumers(self), self.vault)
        around = Surroundings(
            lambda: self.now, self._id, self.events.append, lambda event, facts: self.notes.append((event, facts))
        )
        return Run(entry, steps, Store(self.vault), lock or Free(), around)

    def newest(self) -> bytes:
        """The key that Vault gives to whoever asks."""
        stored = self.vault.read(PATH)
        assert stored is not None
        return stored.fields["key"].reveal()

    def _id(self) -> str:
        self.ids += 1
        return f"{self.ids:012x}"


class Free:
    """A lock that is always held."""

    def confirm(self) -> None:
        """It is."""


class Doors:
    """The rotator: a new key is made known at each door, the old one taken away."""

    keeps_old = True

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def targets(self) -> Sequence[str]:
        return tuple(self.world.doors)

    def check(self, old: Fields) -> Report:
        for name in self.targets:
            self._at(name)
        return Report()

    def generate(self, old: Fields) -> Fields:
        self.world.made += 1
        return {**old, "key": Confidential(b"key-%d" % self.world.made)}

    def install(self, target: str, pair: Pair) -> str:
        def act(door: Door) -> str:
            door.opens_to.setdefault(_key(pair.new), None)
            return "installed"

        return self._do("install", target, act)

    def prove(self, target: str, pair: Pair) -> str:
        def act(_door: Door) -> str:
            if not self.world.accepts(target, _key(pair.new)):
                raise HardenError(f"{target} refuses the new key")
            return "opened"

        return self._do("prove", target, act)

    def cut_over(self, target: str, pair: Pair) -> str:
        return ""

    def limit(self, target: str, pair: Pair, until: datetime) -> str:
        def act(door: Door) -> str:
            if _key(pair.old) in door.opens_to:
                door.opens_to[_key(pair.old)] = until
            return "ends"

        return self._do("limit", target, act)

    def still_used(self, target: str, pair: Pair, since: datetime) -> str:
        return self._do("used", target, lambda door: door.used_by)

    def retire(self, target: str, pair: Pair) -> str:
        def act(door: Door) -> str:
            assert self.world.accepts(target, _key(pair.new)), "the last working key is being taken away"
            door.opens_to.pop(_key(pair.old), None)
            return "gone"

        return self._do("retire", target, act)

    def prove_refused(self, target: str, pair: Pair) -> str:
        def act(_door: Door) -> str:
            if self.world.accepts(target, _key(pair.old)):
                raise HardenError(f"{target} still opens to the old key")
            return "refused"

        return self._do("refuse", target, act)

    def withdraw(self, target: str, pair: Pair) -> str:
        def act(door: Door) -> str:
            door.opens_to.pop(_key(pair.new), None)
            return "withdrawn"

        return self._do("withdraw", target, act)

    def report(self, pair: Pair) -> Report:
        return Report(("tell people",))

    def _do(self, what: str, target: str, act: Callable[[Door], str]) -> str:
        self.world.trouble(f"before {what} {target}")
        with self.world.guard:
            said = act(self._at(target))
        self.world.trouble(f"after {what} {target}")
        return said

    def _at(self, target: str) -> Door:
        door = self.world.doors[target]
        if not door.is_up:
            raise HardenError(f"{target} cannot be reached", "see whether it is up")
        return door


class Consumers:
    """The deliverer: what consumers see is what was delivered last."""

    def __init__(self, world: World) -> None:
        self.world = world

    @property
    def deliveries(self) -> Sequence[str]:
        return tuple(self.world.consumers)

    def check(self) -> None:
        """Nothing is in the way."""

    def deliver(self, delivery: str, new: Fields, old: Fields) -> str:
        self.world.trouble(f"before deliver {delivery}")
        self.world.consumers[delivery] = _key(new)
        self.world.trouble(f"after deliver {delivery}")
        return "delivered"

    def confirm(self, delivery: str, new: Fields) -> str:
        self.world.trouble(f"before confirm {delivery}")
        if self.world.consumers[delivery] != _key(new):
            raise HardenError(f"{delivery} has another key")
        return "seen"


def _key(fields: Fields) -> bytes:
    return fields["key"].reveal()
