"""Policies and documents put together by hand, without the loader: what the evaluator's tests stand on."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from wgfw.addresses import BITS, EVERYWHERE, INTERNET, AddressSet, Prefix
from wgfw.intervals import IntervalSet
from wgfw.policy.document import (
    ClientEntry,
    Defaults,
    Document,
    Effect,
    Entry,
    InterfaceEntry,
    Network,
    Place,
    PolicyTest,
    Profile,
    Rules,
    Target,
    TargetKind,
)
from wgfw.policy.model import Client, Policy, Rule, Scope
from wgfw.services import BUILT_IN, parse_notation

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)

# (target, services) or (target, services, until)
EntryTuple = tuple[str, str] | tuple[str, str, datetime]


@dataclass
class Holder:
    """The lists of a profile or a client, as tuples of text."""

    allow: list[EntryTuple] = field(default_factory=list)
    deny: list[EntryTuple] = field(default_factory=list)
    inbound: list[EntryTuple] = field(default_factory=list)


@dataclass
class Peer(Holder):
    """A client: its AllowedIPs and profiles too. ``entry`` false makes it a peer without one."""

    ips: list[str] = field(default_factory=list)
    profiles: list[str] = field(default_factory=list)
    interface: str = "wg0"
    entry: bool = True


def services(text: str) -> IntervalSet:
    """Names and notations, separated by commas."""
    spans = [span for name in text.split(",") for n in BUILT_IN.get(name, (name,)) for span in parse_notation(n)]
    return IntervalSet.of(spans)


def flow_point(text: str) -> int:
    """The first point of a service."""
    return services(text).spans[0][0]


def target(text: str, networks: Mapping[str, list[str]]) -> Target:
    """What a ``to`` written like that means."""
    for kind in (TargetKind.CLIENT, TargetKind.PROFILE):
        if text.startswith(f"{kind.value}:"):
            return Target(kind, text.partition(":")[2])
    if text in ("gateway", "internet", "any"):
        return Target(TargetKind(text), text)
    return Target(TargetKind.NETWORK if text in networks else TargetKind.ADDRESS, text)


def owned(clients: Mapping[str, Peer], name: str) -> AddressSet:
    """The addresses of a client that no more specific prefix of another takes away."""
    mine = [Prefix.parse(ip) for ip in clients[name].ips]
    if all(prefix.length == BITS[prefix.family] for prefix in mine):
        return AddressSet.of(mine)
    others = [Prefix.parse(ip) for other, peer in clients.items() if other != name for ip in peer.ips]
    out = AddressSet()
    for prefix in mine:
        out |= AddressSet.of([prefix]) - AddressSet.of(o for o in others if o in prefix and o.length > prefix.length)
    return out


class Builder:
    """Numbers the lines as it goes, so that each entry has a place of its own."""

    def __init__(self, clients: Mapping[str, Peer], networks: Mapping[str, list[str]], file: str) -> None:
        self.clients, self.networks, self.file = clients, networks, file
        self.lines = itertools.count(10)
        self.scopes: dict[Target, Scope] = {}

    def place(self, text: str = "") -> Place:
        return Place(self.file, next(self.lines), text)

    def scope(self, aim: Target) -> Scope:
        if aim not in self.scopes:
            self.scopes[aim] = self.resolve(aim)
        return self.scopes[aim]

    def resolve(self, aim: Target) -> Scope:
        fixed = {
            "any": Scope(EVERYWHERE, True),
            "internet": Scope(INTERNET, False),
            "gateway": Scope(AddressSet(), True),
        }
        if aim.name in fixed:
            return fixed[aim.name]
        if aim.kind in (TargetKind.NETWORK, TargetKind.ADDRESS):
            return Scope(AddressSet.parse(*self.networks.get(aim.name, [aim.name])))
        if aim.kind is TargetKind.CLIENT:
            return Scope(owned(self.clients, aim.name))
        members = [owned(self.clients, name) for name, peer in self.clients.items() if aim.name in peer.profiles]
        return Scope(AddressSet(*(IntervalSet.of(s for m in members for s in m.family(f)) for f in (4, 6))))

    def entry(self, effect: Effect, row: EntryTuple) -> Entry:
        to, wanted, until = row if len(row) == 3 else (*row, None)
        word = "from" if effect is Effect.INBOUND else "to"
        place = self.place(f"{{{word}: {to}, services: [{wanted}]}}")
        return Entry(effect, target(to, self.networks), services(wanted), tuple(wanted.split(",")), until, place)

    def lists(self, holder: Holder) -> Rules:
        return Rules(
            tuple(self.entry(Effect.ALLOW, row) for row in holder.allow),
            tuple(self.entry(Effect.DENY, row) for row in holder.deny),
            tuple(self.entry(Effect.INBOUND, row) for row in holder.inbound),
        )

    def resolved(self, rules: Rules, origin: str | None) -> tuple[Rule, ...]:
        entries: Iterable[Entry] = (*rules.allow, *rules.deny, *rules.inbound)
        return tuple(
            Rule(e.effect, e.target, self.scope(e.target), e.services, e.service_names, e.until, e.place, origin)
            for e in entries
        )


def build(
    clients: Mapping[str, Peer],
    *,
    profiles: Mapping[str, Holder] | None = None,
    networks: Mapping[str, list[str]] | None = None,
    gateway: Iterable[str] = (),
    tests: Iterable[tuple[str, str, str, str]] = (),
    file: str = "policy.yaml",
) -> tuple[Policy, Document]:
    """The policy and its document; entries get lines from 10 on: networks, profiles, clients, tests."""
    networks, profiles = networks or {}, profiles or {}
    make = Builder(clients, networks, file)
    named = {n: Network(n, AddressSet.parse(*texts), make.place()) for n, texts in networks.items()}
    written = {n: Profile(n, n, make.lists(h), make.place(), shipped=False) for n, h in profiles.items()}
    entries: list[ClientEntry] = []
    made: list[Client] = []
    for number, (name, peer) in enumerate(clients.items()):
        rules, place = make.lists(peer), make.place(f"{name}:")
        if peer.entry:
            entries.append(ClientEntry(name, None, tuple(peer.profiles), rules, place))
        made.append(
            Client(
                name=name,
                interface=peer.interface,
                public_key=f"key{number}",
                prefixes=tuple(Prefix.parse(ip) for ip in peer.ips),
                addresses=owned(clients, name),
                profiles=tuple(peer.profiles),
                own=make.resolved(rules, None),
                entry=place if peer.entry else None,
                peer=Place("wg0.conf", number + 1),
            )
        )
    checks = tuple(PolicyTest(*row, make.place()) for row in tests)
    interfaces = tuple(dict.fromkeys(peer.interface for peer in clients.values()))
    policy = Policy(
        path=file,
        interfaces=interfaces,
        clients=tuple(made),
        profile_rules={n: make.resolved(p.rules, n) for n, p in written.items()},
        gateway=AddressSet.parse(*gateway),
        on_allow="accept",
        mark=0x0C000000,
        tests=checks,
        warnings=(),
    )
    document = Document(
        path=file,
        interfaces={i: InterfaceEntry(i, f"{i}.conf", None, make.place()) for i in interfaces},
        networks=named,
        services={name: services(",".join(points)) for name, points in BUILT_IN.items()},
        profiles=written,
        clients=tuple(entries),
        defaults=Defaults(),
        tests=checks,
    )
    return policy, document
