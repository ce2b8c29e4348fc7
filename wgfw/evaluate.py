"""Whether one packet that opens a connection may pass, and which line of the policy says so.

Written from docs/reference/semantics.md alone, so that it and the compiler can check each other.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from wgfw.addresses import FAMILIES
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Effect, TargetKind
from wgfw.policy.model import Client, Policy, Rule
from wgfw.services import Flow, services_in


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection, as its sender wrote it.

    ``interface`` is the managed interface it came in on, None for anywhere else. ``behind`` is the address and
    flow that a DNAT on the gateway made of it, None where there is no DNAT.
    """

    family: int
    source: int
    destination: int
    flow: Flow
    interface: str | None
    behind: tuple[int, Flow] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a packet.

    ``rule`` is the deciding entry, None where it is the lack of one. ``governed`` is false for a packet that
    neither comes from a managed interface nor goes to a client: harden lets the host do with it what it likes.
    """

    allowed: bool
    rule: Rule | None
    sender: Client | None
    receiver: Client | None
    reason: str
    governed: bool = True


# Targets that mean somebody, and not just whoever uses the address.
BY_IDENTITY = (TargetKind.CLIENT, TargetKind.PROFILE)

# An entry with the points it covers in one family.
Covering = tuple[Rule, IntervalSet]


@dataclass(frozen=True, slots=True)
class Case:
    """All entries that speak of one pair of addresses, whatever the service; made by :meth:`Evaluator.case`."""

    sender: Client | None
    receiver: Client | None
    denies: Sequence[Covering]
    denies_behind: Sequence[Covering]
    allows: Sequence[Covering]
    inbounds: Sequence[Covering]
    expired: Sequence[Covering]
    refusal: str | None = None
    governed: bool = True

    def entries(self) -> Iterable[Covering]:
        """Every entry in force that may decide."""
        return (*self.denies, *self.denies_behind, *self.allows, *self.inbounds)

    def verdict(self, asked: int, behind: int) -> Verdict:
        """The verdict for two points on the axis of services: what was asked for and what a DNAT made of it."""
        if self.refusal is None:
            for rules, point in ((self.denies, asked), (self.denies_behind, behind)):
                if rule := _first(rules, point):
                    return self._verdict(False, rule, f"denied by {rule.place}")
            if rule := _first(self.allows, asked):
                return self._verdict(True, rule, f"allowed by {rule.place}")
            if rule := _first(self.inbounds, behind):
                return self._verdict(True, rule, f"allowed by the receiver, {rule.place}")
        return self._verdict(False, None, self.refusal or self._lack())

    def until(self, asked: int, behind: int) -> datetime | None:
        """The moment at which an allowed packet stops being allowed; None where it does not by itself."""
        latest: datetime | None = None
        for rules, point in ((self.allows, asked), (self.inbounds, behind)):
            for rule, services in rules:
                if point in services:
                    if rule.until is None:
                        return None
                    latest = max(latest or rule.until, rule.until)
        return latest

    def ran_out(self, asked: int, behind: int) -> Rule | None:
        """An entry that would allow the packet, were its ``until`` not past."""
        for rule, services in self.expired:
            if (asked if rule.effect is Effect.ALLOW else behind) in services:
                return rule
        return None

    def _verdict(self, allowed: bool, rule: Rule | None, reason: str) -> Verdict:
        return Verdict(allowed, rule, self.sender, self.receiver, reason, self.governed)

    def _lack(self) -> str:
        """Which entry is missing, in words."""
        if self.sender is None:
            return "no inbound of the receiver covers it"
        return "no allow of the sender covers it" + (", and no inbound of the receiver" if self.receiver else "")


@dataclass(frozen=True, slots=True)
class _Side:
    """The rules of one client, sorted by list and family: ``(effect, family)`` → entries in force."""

    lists: dict[tuple[Effect, int], tuple[Covering, ...]]
    expired: dict[tuple[Effect, int], tuple[Covering, ...]]


class Evaluator:
    """Judges packets by a policy at one moment. Building it costs a sort of all prefixes, each verdict microseconds."""

    def __init__(self, policy: Policy, now: datetime) -> None:
        self.policy = policy
        self.now = now
        self._spans = {family: _disjoint(policy.clients, family) for family in FAMILIES}
        self._sides: dict[int, _Side] = {}

    def owner(self, family: int, address: int) -> Client | None:
        """The client whose AllowedIPs hold the address with the longest prefix, over all interfaces."""
        starts, spans = self._spans[family]
        index = bisect_right(starts, address) - 1
        if index < 0 or address > spans[index][0]:
            return None
        return spans[index][1]

    def receiver(self, family: int, address: int) -> Client | None:
        """The client a packet to the address would reach: nobody's where the gateway takes it for itself."""
        return None if self.policy.gateway.holds(family, address) else self.owner(family, address)

    def judge(self, packet: Packet) -> Verdict:
        """The verdict for the packet. Where several entries decide alike: a deny, an allow, an inbound, in this
        order, and of these the first (a client's profiles come before its own entries)."""
        behind, flow = packet.behind or (packet.destination, packet.flow)
        case = self.case(packet.family, packet.source, packet.destination, packet.interface, behind)
        return case.verdict(packet.flow.point, flow.point)

    def case(self, family: int, source: int, asked: int, interface: str | None, behind: int | None = None) -> Case:
        """What the policy says about connections between two addresses; ``behind`` as in :class:`Packet`."""
        behind = asked if behind is None else behind
        receiver = self.receiver(family, behind)
        if interface is None:
            return self._from_outside(family, source, receiver)
        sender = self.owner(family, source)
        if sender is None or sender.interface != interface:
            return Case(None, receiver, (), (), (), (), (), f"the source is no client of {interface}")
        side, gateway = self._side(sender), self.policy.gateway
        denies, allows = side.lists[Effect.DENY, family], side.lists[Effect.ALLOW, family]
        inbounds, expired = self._inbound(family, source, receiver)
        covering = [c for c in denies if c[0].scope.covers(family, asked, gateway)]
        return Case(
            sender,
            receiver,
            covering,
            covering if behind == asked else [c for c in denies if c[0].scope.covers(family, behind, gateway)],
            [c for c in allows if c[0].scope.covers(family, asked, gateway)],
            inbounds,
            [c for c in side.expired[Effect.ALLOW, family] if c[0].scope.covers(family, asked, gateway)] + expired,
        )

    def _from_outside(self, family: int, source: int, receiver: Client | None) -> Case:
        if receiver is None:
            refusal = "neither address is a client's: the policy allows nothing between them"
            return Case(None, None, (), (), (), (), (), refusal, governed=False)
        inbounds, expired = self._inbound(family, source, receiver)
        # Who sends from outside under a client's address is not that client.
        return Case(None, receiver, (), (), (), _of_anybody(inbounds), _of_anybody(expired))

    def _inbound(self, family: int, source: int, receiver: Client | None) -> tuple[list[Covering], list[Covering]]:
        """The receiver's inbound entries that cover the source: those in force, those run out."""
        if receiver is None:
            return [], []
        side, gateway = self._side(receiver), self.policy.gateway
        both = (side.lists[Effect.INBOUND, family], side.expired[Effect.INBOUND, family])
        live, expired = ([c for c in rules if c[0].scope.covers(family, source, gateway)] for rules in both)
        return live, expired

    def _side(self, client: Client) -> _Side:
        side = self._sides.get(id(client))
        if side is None:
            side = self._sides[id(client)] = _side(self.policy.rules_of(client), self.now)
        return side


def _side(rules: Sequence[Rule], now: datetime) -> _Side:
    live: dict[tuple[Effect, int], list[Covering]] = {(e, f): [] for e in Effect for f in FAMILIES}
    expired: dict[tuple[Effect, int], list[Covering]] = {(e, f): [] for e in Effect for f in FAMILIES}
    for rule in rules:
        if rule.effect is Effect.INBOUND and rule.target.kind is TargetKind.GATEWAY:
            continue  # what the gateway sends does not arrive, and what arrives under its address it did not send
        for family in FAMILIES:
            kept = live if rule.in_force(now) else expired
            kept[rule.effect, family].append((rule, services_in(rule.services, family)))
    return _Side({k: tuple(v) for k, v in live.items()}, {k: tuple(v) for k, v in expired.items()})


def _of_anybody(inbounds: Iterable[Covering]) -> list[Covering]:
    return [covering for covering in inbounds if covering[0].target.kind not in BY_IDENTITY]


def _first(rules: Iterable[Covering], point: int) -> Rule | None:
    return next((rule for rule, services in rules if point in services), None)


def _disjoint(clients: Iterable[Client], family: int) -> tuple[list[int], list[tuple[int, Client]]]:
    """Who owns what, as ascending spans: their first addresses, and beside them ``(last address, owner)``.

    Prefixes nest or are apart, so a stack of those that are open at a point has the most specific on top.
    """
    claims = [(p.network, p.length, p.last, c) for c in clients for p in c.prefixes if p.family == family]
    claims.sort(key=lambda claim: claim[:2])
    starts: list[int] = []
    spans: list[tuple[int, Client]] = []
    open_: list[tuple[int, Client]] = []
    position = 0

    def close_before(limit: int | None) -> None:
        nonlocal position
        while open_ and (limit is None or open_[-1][0] < limit):
            last, client = open_.pop()
            if position <= last:
                starts.append(position)
                spans.append((last, client))
                position = last + 1

    for network, _, last, client in claims:
        close_before(network)
        if open_ and position < network:
            starts.append(position)
            spans.append((network - 1, open_[-1][1]))
        position = network
        open_.append((last, client))
    close_before(None)
    return starts, spans
