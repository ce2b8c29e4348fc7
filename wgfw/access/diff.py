"""What a new policy gives to its clients and takes from them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce

from wgfw.access.change import AccessChange, Direction, Grant, Group, Kind
from wgfw.access.clients import Clients, Source
from wgfw.access.naming import Naming, Places
from wgfw.access.reach import Layers, Receiver, Reckoner, Sender, everything
from wgfw.access.region import Reach
from wgfw.addresses import FAMILIES, AddressSet
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Network
from wgfw.policy.model import Client, Policy

_EVERYTHING = Grant(("any",), ("any",))
# What happens to one client; clients with equal ones are told of together.
_Event = tuple[Kind, Direction, tuple[Grant, ...], str | None, tuple[str, ...]]


def diff_access(
    old: Policy | None, new: Policy, now: datetime, networks: Mapping[str, Network] | None = None
) -> list[AccessChange]:
    """The changes of access from one policy to another, exactly: what still may pass in another way is not lost.

    ``old`` None stands for a gateway where everything is open. ``networks`` are the names to use. Clients with the
    same change are in one :class:`AccessChange`; their order is that of the clients.
    """
    comparison = _Comparison(old, new, now, networks or {})
    events: dict[_Event, list[Client]] = {}
    for client, event in comparison.events():
        events.setdefault(event, []).append(client)
    grouping = _Grouping(old, new)
    return [
        AccessChange(grouping.group(clients), kind, direction, grants, source, addresses)
        for (kind, direction, grants, source, addresses), clients in events.items()
    ]


class _Grouping:
    """How a set of clients is called."""

    def __init__(self, old: Policy | None, new: Policy) -> None:
        self._totals = Counter(name for client in new.clients for name in client.profiles)
        before = {_identity(client): client.profiles for client in old.clients} if old else {}
        # A client whose profiles change is better named than called one of its new profile's.
        self._steady = {id(c) for c in new.clients if before.get(_identity(c), c.profiles) == c.profiles}

    def group(self, clients: list[Client]) -> Group:
        labels = tuple(client.name for client in clients)
        if not all(id(client) in self._steady for client in clients):
            return Group(labels)
        common = [name for name in clients[0].profiles if all(name in c.profiles for c in clients)]
        if not common:
            return Group(labels)
        profile = min(common, key=lambda name: self._totals[name])
        return Group(labels, profile, self._totals[profile])


@dataclass(frozen=True, slots=True)
class _Pair:
    """One client's access before and after, from the same addresses of it."""

    before: Layers
    after: Layers
    families: frozenset[int]


class _Comparison:
    """Goes through the clients of both policies; works out each distinct pair of accesses once."""

    def __init__(self, old: Policy | None, new: Policy, now: datetime, networks: Mapping[str, Network]) -> None:
        self._reckoner = Reckoner(now)
        self._new = Clients(new, self._reckoner)
        self._old = Clients(old, self._reckoner) if old is not None else None
        self._inside = self._new.inside | new.gateway
        if self._old is not None:
            self._inside = self._inside | self._old.inside | self._old.policy.gateway
        self._out = Naming(new, networks)
        self._in = Naming(new, networks, free=Places(self._inside, own=True))
        self._known: dict[tuple[object, ...], list[tuple[Kind, tuple[Grant, ...]]]] = {}

    def events(self) -> Iterator[tuple[Client, _Event]]:
        """All that happens, client by client; those that are gone at the end."""
        before = {_identity(c): c for c in self._old.policy.clients} if self._old else {}
        for client in self._new.policy.clients:
            if self._old is None or client.interface not in self._old.policy.interfaces:
                changes = self._first(client)  # nothing was refused on its interface
            else:
                changes = self._changes(before.pop(_identity(client), None), client)
            yield from ((client, event) for event in changes)
        for client in before.values():
            if client.interface in self._new.policy.interfaces:
                yield client, (Kind.REMOVED, Direction.OUT, (), None, (str(client.addresses),))
            else:
                yield client, (Kind.FREED, Direction.OUT, (_EVERYTHING,), None, (client.interface,))

    def _first(self, client: Client) -> Iterator[_Event]:
        """What stays of everything."""
        for source in self._new.sources(client):
            families = _families(source.addresses)
            grants = self._grants(("only", source.sender), self._reckoner.out(source.sender), families, self._out)
            yield Kind.ONLY, Direction.OUT, grants, None if source.whole else _from(source.addresses, client), ()
        receiver = self._new.receiver(client)
        layers = self._reckoner.into(receiver, self._inside)
        if layers:
            grants = self._grants(("only", receiver), layers, receiver.families, self._in)
            yield Kind.ONLY, Direction.IN, grants, None, ()

    def _changes(self, old: Client | None, new: Client) -> Iterator[_Event]:
        if old is None:
            yield Kind.NEW, Direction.OUT, (), None, (str(new.addresses),)
        elif old.addresses != new.addresses:
            yield Kind.MOVED, Direction.OUT, (), None, (str(old.addresses), str(new.addresses))
        yield from self._out_changes(old, new)
        after = self._new.receiver(new)
        before = self._old.receiver(old) if self._old is not None and old is not None else None
        for kind, grants in self._into(before, after):
            yield kind, Direction.IN, grants, None, ()

    def _out_changes(self, old: Client | None, new: Client) -> Iterator[_Event]:
        sources = self._new.sources(new)
        earlier = self._old.sources(old) if self._old is not None and old is not None else []
        if len(sources) == 1 and len(earlier) <= 1:
            before = earlier[0].sender if earlier else None
            for kind, grants in self._sent(before, sources[0].sender):
                yield kind, Direction.OUT, grants, None, ()
            return
        if old is not None and old.addresses != new.addresses:
            # From no address of the old ones is anything known of the new ones: the client as a whole.
            pair = _Pair(self._together(earlier), self._together(sources), _families(new.addresses))
            for kind, grants in self._compare(pair, self._out):
                yield kind, Direction.OUT, grants, None, ()
            return
        for common, first, second in _overlaps(earlier, sources):
            for kind, grants in self._sent(first, second):
                yield kind, Direction.OUT, grants, _from(common, new), ()

    def _together(self, sources: Iterable[Source]) -> Layers:
        whole = reduce(Reach.__or__, (everything(self._reckoner.out(s.sender)) for s in sources), Reach())
        return ((None, whole),)

    def _sent(self, before: Sender | None, after: Sender) -> list[tuple[Kind, tuple[Grant, ...]]]:
        if before == after:
            return []
        key = (before, after)
        if key not in self._known:
            families = frozenset(f for f, w in ((4, after.welcome4), (6, after.welcome6)) if w is not None)
            pair = _Pair(self._reckoner.out(before) if before else (), self._reckoner.out(after), families)
            self._known[key] = self._compare(pair, self._out)
        return self._known[key]

    def _into(self, before: Receiver | None, after: Receiver) -> list[tuple[Kind, tuple[Grant, ...]]]:
        if before == after:
            return []
        key = (before, after)
        if key not in self._known:
            earlier = self._reckoner.into(before, self._inside) if before else ()
            pair = _Pair(earlier, self._reckoner.into(after, self._inside), after.families)
            self._known[key] = self._compare(pair, self._in)
        return self._known[key]

    def _compare(self, pair: _Pair, naming: Naming) -> list[tuple[Kind, tuple[Grant, ...]]]:
        had, has = everything(pair.before), everything(pair.after)
        found = [(Kind.LOSES, grant) for grant in _described(had - has, None, pair.families, naming)]
        for until, reach in pair.after:
            found += [(Kind.GAINS, grant) for grant in _described(reach - had, until, pair.families, naming)]
        for until, reach in pair.after:
            for end, earlier in pair.before:
                if end != until:
                    kept = _described(reach & earlier, until, pair.families, naming)
                    found += [(Kind.KEEPS, grant) for grant in kept]
        return [(kind, (grant,)) for kind, grant in found]

    def _grants(
        self, key: tuple[object, ...], layers: Layers, families: frozenset[int], naming: Naming
    ) -> tuple[Grant, ...]:
        if key not in self._known:
            grants = [g for until, reach in layers for g in _described(reach, until, families, naming)]
            self._known[key] = [(Kind.ONLY, tuple(grants))]
        return self._known[key][0][1]


def _identity(client: Client) -> tuple[str, str]:
    """What stays a client's own when a second one of its name appears on another interface."""
    return client.interface, client.name.removeprefix(f"{client.interface}/")


def _families(addresses: AddressSet) -> frozenset[int]:
    return frozenset(family for family in FAMILIES if addresses.family(family))


def _overlaps(old: list[Source], new: list[Source]) -> Iterator[tuple[AddressSet, Sender | None, Sender]]:
    """The addresses that are treated alike both before and after."""
    for after in new:
        if not old:
            yield after.addresses, None, after.sender
        for before in old:
            common = before.addresses & after.addresses
            if common:
                yield common, _limited(before.sender, common), _limited(after.sender, common)


def _from(addresses: AddressSet, client: Client) -> str:
    """Some of a client's addresses, in the shorter of two ways."""
    some, rest = str(addresses), str(client.addresses - addresses)
    return some if len(some) <= len(rest) else f"all but {rest}"


def _limited(sender: Sender, addresses: AddressSet) -> Sender:
    return replace(
        sender,
        welcome4=sender.welcome4 if addresses.v4 else None,
        welcome6=sender.welcome6 if addresses.v6 else None,
    )


def _described(reach: Reach, until: datetime | None, families: frozenset[int], naming: Naming) -> list[Grant]:
    """A reach in words, those with the same services together; by place, then by service."""
    found: dict[tuple[str, ...], list[IntervalSet]] = {}
    for index, (region, family) in enumerate(((reach.v4, 4), (reach.v6, 6), (reach.own, None))):
        for services, addresses in region.by_services().items():
            parts = found.setdefault(naming.services(services, family), [IntervalSet()] * 3)
            parts[index] = parts[index] | addresses
    grants = [
        Grant(naming.places(Places(AddressSet(v4, v6), bool(own)), families), services, until)
        for services, (v4, v6, own) in found.items()
    ]
    return sorted(grants, key=lambda grant: (grant.places, grant.services))
