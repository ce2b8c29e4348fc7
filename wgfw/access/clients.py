"""The clients of one policy as senders and receivers: the few things that decide what each may do."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from wgfw.access.reach import Receiver, Reckoner, Sender, covered
from wgfw.access.region import Reach, Region
from wgfw.addresses import BITS, FAMILIES, AddressSet
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Effect, Target, TargetKind
from wgfw.policy.model import Client, Policy, Rule, Scope
from wgfw.services import services_in


@dataclass(frozen=True, slots=True)
class Source:
    """Addresses of a client that are all treated alike. ``whole`` if these are all it has."""

    addresses: AddressSet
    whole: bool
    sender: Sender


class Clients:
    """What decides about each client of a policy, in the numbers of the reckoner."""

    def __init__(self, policy: Policy, reckoner: Reckoner) -> None:
        self.policy = policy
        self._reckoner = reckoner
        self._gateway = reckoner.gateway(policy.gateway)
        self._profiles: dict[tuple[str, ...], tuple[frozenset[int], frozenset[int]]] = {}
        self.inside = AddressSet.union(client.addresses for client in policy.clients)
        self._welcomes = _Welcomes(policy, reckoner)

    def sources(self, client: Client) -> list[Source]:
        """The client's addresses, split where receivers welcome some of them and not others."""
        rules = self._rules(client)[0]
        nobody: tuple[IntervalSet, frozenset[int] | None] = (IntervalSet(), None)
        pairs = list(zip_longest(*(self._welcomes.of(client, family) for family in FAMILIES), fillvalue=nobody))
        return [
            Source(AddressSet(v4, v6), len(pairs) == 1, Sender(self._gateway, rules, welcome4, welcome6))
            for (v4, welcome4), (v6, welcome6) in pairs
        ]

    def receiver(self, client: Client) -> Receiver:
        """The client as one to whom connections are opened."""
        families = frozenset(family for family in FAMILIES if client.addresses.family(family))
        return Receiver(self._gateway, self._rules(client)[1], families)

    def _rules(self, client: Client) -> tuple[frozenset[int], frozenset[int]]:
        """The numbers of its entries in force: allows and denies, inbounds."""
        if client.profiles not in self._profiles:
            rules = [rule for name in client.profiles for rule in self.policy.profile_rules[name]]
            self._profiles[client.profiles] = self._numbers(rules)
        outs, ins = self._profiles[client.profiles]
        if not client.own:
            return outs, ins
        own_outs, own_ins = self._numbers(client.own)
        return outs | own_outs, ins | own_ins

    def _numbers(self, rules: Iterable[Rule]) -> tuple[frozenset[int], frozenset[int]]:
        live = [rule for rule in rules if rule.in_force(self._reckoner.now)]
        outs = frozenset(self._reckoner.rule(rule) for rule in live if rule.effect is not Effect.INBOUND)
        return outs, frozenset(self._reckoner.rule(rule) for rule in live if rule.effect is Effect.INBOUND)


class _Welcomes:
    """Which sources are welcome to which receivers, by the inbounds in force of all clients.

    Inbounds with one target are one thing for the sources, so there are never more of these than targets.
    """

    def __init__(self, policy: Policy, reckoner: Reckoner) -> None:
        self._marks: dict[int, dict[int, frozenset[int]]] = {4: {}, 6: {}}
        self._starts: dict[int, list[int]] = {}
        self._masks: dict[int, list[int]] = {}
        groups = _inbounds(policy, reckoner.now)
        self._numbers = [
            {f: reckoner.welcome(until, _only(reach, f)) for f in FAMILIES} for (_, until), (_, reach) in groups.items()
        ]
        for family in FAMILIES:
            edges = [(0, 0), (1 << BITS[family], 0)]
            for index, (scope, _) in enumerate(groups.values()):
                spans = covered(scope, policy.gateway, family)
                edges.extend((edge, 1 << index) for low, high in spans for edge in (low, high + 1))
            edges.sort()
            starts, masks, active = self._starts.setdefault(family, []), self._masks.setdefault(family, []), 0
            for position, bit in edges:
                active ^= bit
                if starts and starts[-1] == position:
                    masks[-1] = active
                else:
                    starts.append(position)
                    masks.append(active)

    def of(self, client: Client, family: int) -> list[tuple[IntervalSet, frozenset[int]]]:
        """The client's addresses of a family in parts, each with the numbers of what welcomes it."""
        parts: dict[int, list[tuple[int, int]]] = {}
        starts, masks = self._starts[family], self._masks[family]
        for low, high in client.addresses.family(family):
            index = bisect_right(starts, low) - 1
            while index < len(masks) - 1 and starts[index] <= high:
                piece = (max(low, starts[index]), min(high, starts[index + 1] - 1))
                parts.setdefault(masks[index], []).append(piece)
                index += 1
        return [(IntervalSet.of(spans), self._signature(mask, family)) for mask, spans in parts.items()]

    def _signature(self, mask: int, family: int) -> frozenset[int]:
        known = self._marks[family]
        if mask not in known:
            known[mask] = frozenset(n[family] for index, n in enumerate(self._numbers) if mask >> index & 1)
        return known[mask]


def _only(reach: Reach, family: int) -> Reach:
    """One family's part, so that a change in the other does not make it another."""
    return Reach(v4=reach.v4) if family == 4 else Reach(v6=reach.v6)


def _inbounds(policy: Policy, now: datetime) -> dict[tuple[Target, datetime | None], tuple[Scope, Reach]]:
    """For each target and end of an inbound: whom it means, and which services at which receivers it opens."""
    boxes: dict[tuple[Target, datetime | None], dict[int, list[tuple[IntervalSet, IntervalSet]]]] = {}
    scopes: dict[tuple[Target, datetime | None], Scope] = {}
    for rule, addresses in _with_receivers(policy):
        if rule.in_force(now) and rule.target.kind is not TargetKind.GATEWAY:  # which sends nothing that arrives
            key = (rule.target, rule.until)
            scopes[key] = rule.scope
            found = boxes.setdefault(key, {4: [], 6: []})
            for family in FAMILIES:
                reachable = addresses.family(family) - policy.gateway.family(family)
                found[family].append((reachable, services_in(rule.services, family)))
    return {key: (scopes[key], Reach(Region.of(b[4]), Region.of(b[6]))) for key, b in boxes.items()}


def _with_receivers(policy: Policy) -> Iterator[tuple[Rule, AddressSet]]:
    """Every inbound with the addresses of the clients that have it."""
    for name, rules in policy.profile_rules.items():
        inbounds = [rule for rule in rules if rule.effect is Effect.INBOUND]
        if inbounds:
            addresses = AddressSet.union(client.addresses for client in policy.clients if name in client.profiles)
            yield from ((rule, addresses) for rule in inbounds)
    for client in policy.clients:
        yield from ((rule, client.addresses) for rule in client.own if rule.effect is Effect.INBOUND)
