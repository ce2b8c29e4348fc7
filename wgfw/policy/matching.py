"""Whose entry is whose peer, and what each client is called."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from harden.document.place import Place
from harden.document.problems import Problems
from harden.document.wording import listing, nearest, quote
from wgfw.peers.values import InterfacePeers, Peer
from wgfw.policy.document import ClientEntry


@dataclass(frozen=True, slots=True)
class Member:
    """A peer with its interface and place; ``called`` is its name, made up where the peers' source has none."""

    interface: str
    peer: Peer
    place: Place
    called: str

    def __str__(self) -> str:
        return (
            f"{self.interface} (running), key {self.peer.public_key[:8]}…" if not self.place.line else str(self.place)
        )


def members_of(sources: Iterable[InterfacePeers]) -> list[Member]:
    """The peers of all interfaces."""
    return [
        Member(source.interface, peer, Place(source.source, peer.line), peer.name or made_up_name(peer))
        for source in sources
        for peer in source.peers
    ]


def made_up_name(peer: Peer) -> str:
    """A name for a peer without one: by its first address, or else by its key."""
    if peer.allowed_ips:
        return f"peer-{peer.allowed_ips[0].prefix.bare.partition('/')[0]}"
    return f"peer-{peer.public_key[:8].translate(str.maketrans('+/', '-_'))}"


class Matching:
    """Entries matched with peers, by name, ``interface/name`` or public key."""

    def __init__(self, members: Sequence[Member], problems: Problems) -> None:
        self.members = members
        self._problems = problems
        self._interfaces = {member.interface for member in members}
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._by_key: dict[str, list[int]] = defaultdict(list)
        for number, member in enumerate(members):
            self._by_name[member.called].append(number)
            self._by_key[member.peer.public_key].append(number)

    def match(self, entries: Iterable[ClientEntry]) -> dict[int, ClientEntry]:
        """The entry of each peer that has one; what fits no peer, several, or one twice is a problem."""
        found: dict[int, ClientEntry] = {}
        for entry in entries:
            number = self._only(entry, self._candidates(entry))
            if number is None:
                continue
            before = found.setdefault(number, entry)
            if before is not entry:
                which = f"client {quote(before.name)} ({before.place})"
                self._add(entry, f"client {quote(entry.name)} is the same peer as {which}: {self.members[number]}")
        return found

    def _candidates(self, entry: ClientEntry) -> list[int]:
        if entry.public_key is None:
            return list(self.named(entry.name))
        numbers = self._by_key.get(entry.public_key, [])
        if len(numbers) > 1:
            return [n for n in numbers if entry.name.startswith(f"{self.members[n].interface}/")] or numbers
        return numbers

    def named(self, name: str) -> Iterator[int]:
        """The peers that ``name`` or ``interface/name`` may mean."""
        yield from self._by_name.get(name, ())
        interface, slash, rest = name.partition("/")
        if slash and interface in self._interfaces:
            yield from (n for n in self._by_name.get(rest, ()) if self.members[n].interface == interface)

    def _only(self, entry: ClientEntry, numbers: list[int]) -> int | None:
        if len(numbers) == 1:
            return numbers[0]
        if numbers:
            self._add(entry, f"client {quote(entry.name)} fits {len(numbers)} peers, {self._which(entry, numbers)}")
        else:
            self._add(entry, self._nobody(entry))
        return None

    def _which(self, entry: ClientEntry, numbers: list[int]) -> str:
        members = [self.members[n] for n in numbers[:8]]
        several = listing([str(member) for member in members]) + (" and more" if len(numbers) > len(members) else "")
        if len({member.interface for member in members}) == len(numbers):
            return f"{several}: write {' or '.join(quote(f'{m.interface}/{entry.name}') for m in members)}"
        remedy = "remove the key from one of them" if entry.public_key else "give each an entry with its public_key"
        return f"{several}: {remedy}"

    def _nobody(self, entry: ClientEntry) -> str:
        if entry.public_key is not None:
            message = f"client {quote(entry.name)}: no peer has the public key {entry.public_key}"
            others = self._by_name.get(entry.name, [])
            return message + (f"; the peer of that name, {self.members[others[0]]}, has another" if others else "")
        message = f"no peer is called {quote(entry.name)}"
        near = None if self._problems.crowded else nearest(entry.name, self._by_name)
        if near is not None:
            return f"{message}; did you mean {quote(near)} ({self.members[self._by_name[near][0]]})?"
        if not any(member.peer.name for member in self.members):
            return f"{message}: these peers have no names, give the entry a public_key"
        return message

    def _add(self, entry: ClientEntry, message: str) -> None:
        self._problems.add(entry.place.line, message)


def client_names(members: Sequence[Member], entries: Mapping[int, ClientEntry]) -> list[str]:
    """A name of its own for each client.

    An entry with a public key names its client. Otherwise it is the peer's name, with the interface where
    another interface has a client of that name too (``wg1/anca``), and with the first address where two
    peers of one interface share it (``anca (10.8.0.7)``), or else with the key.
    """
    keyed = {number for number, entry in entries.items() if entry.public_key is not None}
    names = [entries[n].name if n in keyed else member.called for n, member in enumerate(members)]
    for refine in (_with_interface, _with_address, _with_key):
        sharing: dict[str, list[Member]] = defaultdict(list)
        for name, member in zip(names, members, strict=True):
            sharing[name].append(member)
        if len(sharing) == len(names):
            break
        names = [
            name if n in keyed or len(sharing[name]) == 1 else refine(name, members[n], sharing[name])
            for n, name in enumerate(names)
        ]
    return names


def _with_interface(name: str, member: Member, sharing: Iterable[Member]) -> str:
    apart = any(other.interface != member.interface for other in sharing)
    return f"{member.interface}/{name}" if apart else name


def _with_address(name: str, member: Member, _: Iterable[Member]) -> str:
    allowed = member.peer.allowed_ips
    return f"{name} ({allowed[0].prefix.bare})" if allowed else name


def _with_key(name: str, member: Member, _: Iterable[Member]) -> str:
    return f"{name} ({member.peer.public_key})"
