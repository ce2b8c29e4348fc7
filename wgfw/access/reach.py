"""What a client may open, and who may open to it, as exact sets; worked out once for all clients that are alike.

Two policies share one :class:`Reckoner`, which numbers equal rules and sets alike, so that clients for whom nothing
changes are known by comparing a few small numbers.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import TypeVar

from wgfw.access.region import Reach, Region
from wgfw.addresses import AddressSet
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Effect
from wgfw.policy.model import Rule, Scope
from wgfw.services import services_in

# Entries that end at the same moment (None: never) and what they open that none of the longer-lived ones opens.
Layers = tuple[tuple[datetime | None, Reach], ...]
T = TypeVar("T", bound=Hashable)

OWN = IntervalSet(((0, 0),))


@dataclass(frozen=True, slots=True)
class Sender:
    """All that decides about what may be opened from some source addresses; the numbers are the Reckoner's.

    ``rules`` are the allows and denies in force, ``welcome4`` and ``welcome6`` the inbounds of receivers that
    cover the source: None where it has no address of that family.
    """

    gateway: int
    rules: frozenset[int]
    welcome4: frozenset[int] | None
    welcome6: frozenset[int] | None


@dataclass(frozen=True, slots=True)
class Receiver:
    """All that decides about who may open to a client from outside; ``families`` are those it has addresses of."""

    gateway: int
    rules: frozenset[int]
    families: frozenset[int]


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What an entry means, without its place."""

    effect: Effect
    scope: Scope
    services: IntervalSet
    until: datetime | None


@dataclass(frozen=True, slots=True)
class _Welcome:
    """What the inbounds of receivers open to one set of sources: addresses are the receivers'."""

    until: datetime | None
    reach: Reach


class Reckoner:
    """Works out reaches at one moment. Entries past their ``until`` count for nothing."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._meanings: list[_Meaning] = []
        self._welcomes: list[_Welcome] = []
        self._gateways: list[AddressSet] = []
        self._known: dict[Hashable, int] = {}
        self._by_identity: dict[int, tuple[Rule, int]] = {}
        self._senders: dict[Sender, Layers] = {}
        self._receivers: dict[tuple[Receiver, AddressSet], Layers] = {}

    def rule(self, rule: Rule) -> int:
        """The number of what an entry means."""
        known = self._by_identity.get(id(rule))
        if known is None:
            meaning = _Meaning(rule.effect, rule.scope, rule.services, rule.until)
            known = self._by_identity[id(rule)] = (rule, self._number(meaning, self._meanings))
        return known[1]

    def welcome(self, until: datetime | None, reach: Reach) -> int:
        """The number of what some inbounds open."""
        return self._number(_Welcome(until, reach), self._welcomes)

    def gateway(self, addresses: AddressSet) -> int:
        """The number of a set of own addresses."""
        return self._number(addresses, self._gateways)

    def _number(self, value: T, values: list[T]) -> int:
        found = self._known.get(value)
        if found is None:
            found = self._known[value] = len(values)
            values.append(value)
        return found

    def out(self, sender: Sender) -> Layers:
        """What may be opened: allows and welcomes, less denies."""
        if sender not in self._senders:
            self._senders[sender] = self._out(sender)
        return self._senders[sender]

    def _out(self, sender: Sender) -> Layers:
        meanings = [self._meanings[number] for number in sorted(sender.rules)]
        families = {f for f, w in ((4, sender.welcome4), (6, sender.welcome6)) if w is not None}
        denied = self._reach((m for m in meanings if m.effect is Effect.DENY), sender.gateway, families)
        ends: dict[datetime | None, list[_Meaning]] = {}
        for meaning in meanings:
            if meaning.effect is Effect.ALLOW:
                ends.setdefault(meaning.until, []).append(meaning)
        parts = {until: self._reach(found, sender.gateway, families) for until, found in ends.items()}
        for numbers, family in ((sender.welcome4, 4), (sender.welcome6, 6)):
            for number in sorted(numbers or ()):
                welcome = self._welcomes[number]
                part = welcome.reach.family(family)
                reach = Reach(v4=part) if family == 4 else Reach(v6=part)
                parts[welcome.until] = parts.get(welcome.until, Reach()) | reach
        return _layers({until: reach - denied for until, reach in parts.items()})

    def into(self, receiver: Receiver, inside: AddressSet) -> Layers:
        """Who may open to a client from elsewhere: addresses are the sources, without those ``inside``."""
        key = (receiver, inside)
        if key not in self._receivers:
            parts: dict[datetime | None, Reach] = {}
            for number in sorted(receiver.rules):
                meaning = self._meanings[number]
                reach = self._reach((meaning,), receiver.gateway, receiver.families)
                reach = Reach(reach.v4.without(inside.v4), reach.v6.without(inside.v6))
                parts[meaning.until] = parts.get(meaning.until, Reach()) | reach
            self._receivers[key] = _layers(parts)
        return self._receivers[key]

    def _reach(self, meanings: Iterable[_Meaning], gateway: int, families: Iterable[int]) -> Reach:
        """The union of what entries cover, in these families."""
        found = list(meanings)
        regions = {
            family: Region.of(
                (covered(m.scope, self._gateways[gateway], family), services_in(m.services, family)) for m in found
            )
            for family in families
        }
        own = Region.of((OWN, m.services) for m in found if m.scope.own and regions)
        return Reach(regions.get(4, Region()), regions.get(6, Region()), own)


def covered(scope: Scope, gateway: AddressSet, family: int) -> IntervalSet:
    """The addresses of a family that a scope covers, ``gateway`` being the known own addresses."""
    addresses, own = scope.addresses.family(family), gateway.family(family)
    if scope.own is None or not own:
        return addresses
    return addresses | own if scope.own else addresses - own


def everything(layers: Layers) -> Reach:
    """All layers together."""
    return reduce(Reach.__or__, (reach for _, reach in layers), Reach())


def _layers(parts: dict[datetime | None, Reach]) -> Layers:
    """Longest-lived first, each without what those before it hold."""
    layers: list[tuple[datetime | None, Reach]] = []
    before = Reach()
    lasting = sorted((until for until in parts if until is not None), reverse=True)
    order: list[datetime | None] = [None, *lasting] if None in parts else [*lasting]
    for until in order:
        fresh = parts[until] - before
        if fresh:
            layers.append((until, fresh))
            before = before | fresh
    return tuple(layers)
