"""Sets of addresses and services in the words of the policy."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from wgfw.addresses import EVERYWHERE, FAMILIES, INTERNET, SPECIAL_PURPOSE, AddressSet
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Network
from wgfw.policy.model import Policy
from wgfw.services import ANY, describe, of_family

MOST_TERMS = 6


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses to be named. ``own`` if the gateway's own addresses are meant, whichever they are."""

    addresses: AddressSet
    own: bool = False

    def __bool__(self) -> bool:
        return bool(self.addresses) or self.own

    def __le__(self, other: "Places") -> bool:
        return self.own <= other.own and self.addresses <= other.addresses

    def __and__(self, other: "Places") -> "Places":
        return Places(self.addresses & other.addresses, self.own and other.own)

    def __sub__(self, other: "Places") -> "Places":
        return Places(self.addresses - other.addresses, self.own and not other.own)


class Naming:
    """Finds the fewest usual words for a set: networks, clients, ``gateway``, ``internet``, ``any``, or CIDRs.

    ``free`` are places that are never in a set and do not count: a name is right with and without them.
    ``families`` in the methods are those that whoever it is about has at all: to a client that only has IPv4,
    a network is its IPv4 addresses.
    """

    def __init__(self, policy: Policy, networks: Mapping[str, Network], free: Places | None = None) -> None:
        gateway = policy.gateway
        free = free or Places(AddressSet())
        self._networks = {name: Places(network.addresses) for name, network in networks.items()}
        named = {
            "any": Places(EVERYWHERE | gateway, True),
            "internet": Places(INTERNET - gateway),
            "private and special addresses": Places(SPECIAL_PURPOSE - gateway),
            "gateway": Places(gateway, True),
        }
        by_size = sorted((named | self._networks).items(), key=lambda item: _size(item[1]), reverse=True)
        self._candidates = [(name, places - free) for name, places in by_size]
        self._clients = {client.name: Places(client.addresses) for client in policy.clients}
        self._profiles = _profiles(policy)
        self._owners = {
            family: sorted((low, high, c.name) for c in policy.clients for low, high in c.addresses.family(family))
            for family in FAMILIES
        }
        self._known: dict[tuple[Places, frozenset[int]], tuple[str, ...]] = {}
        self._services: dict[tuple[IntervalSet, int | None], tuple[str, ...]] = {}

    def services(self, services: IntervalSet, family: int | None) -> tuple[str, ...]:
        """The services at places of one family (None: of both) as the policy file writes them, or ``any except …``."""
        possible = ANY if family is None else of_family(ANY, family)
        key = (services & possible, family)
        if key not in self._services:
            words = _ports_first(describe(key[0]))
            rest = _ports_first(describe(possible - services)) if len(words) > 2 else words
            self._services[key] = (f"any except {', '.join(rest)}",) if len(rest) < len(words) else tuple(words)
        return self._services[key]

    def places(self, places: Places, families: frozenset[int]) -> tuple[str, ...]:
        """Words that together mean exactly these places; past six of them, how many addresses are left out."""
        key = (places, families)
        if key not in self._known:
            self._known[key] = self._words(places, families)
        return self._known[key]

    def _words(self, places: Places, families: frozenset[int]) -> tuple[str, ...]:
        direct = self._union(places, families)
        if len(direct) > 2:
            for name, candidate in reversed(self._candidates):
                whole = _within(candidate, families)
                if places <= whole:
                    rest = self._union(whole - places, families)
                    if len(rest) < len(direct) and len(rest) <= MOST_TERMS:
                        return (f"{name} except {', '.join(rest)}",)
        if len(direct) > MOST_TERMS:
            return (*direct[: MOST_TERMS - 1], f"{len(direct) - MOST_TERMS + 1} more networks")
        return tuple(direct)

    def _union(self, places: Places, families: frozenset[int]) -> list[str]:
        words: list[str] = []
        left = places
        for name, candidate in self._candidates:
            left = _take(left, name, _within(candidate, families), words)
        if left.addresses and _count(left.addresses) > 1:
            for name, candidate in self._profiles:
                left = _take(left, name, _within(candidate, families), words)
        for label in self._owners_of(left.addresses):
            left = _take(left, f"client:{label}", _within(self._clients[label], families), words)
        if left.own:
            words.append("the gateway's other addresses")
        prefixes = [prefix for family in FAMILIES for prefix in left.addresses.prefixes(family)]
        words.extend(self._cidr(prefix.bare, AddressSet.of([prefix])) for prefix in prefixes)
        return words

    def _cidr(self, text: str, addresses: AddressSet) -> str:
        """A CIDR, with the smallest network that holds it."""
        holding = [(_size(p), name) for name, p in self._networks.items() if addresses <= p.addresses]
        return f"{text} ({min(holding)[1]})" if holding else text

    def _owners_of(self, addresses: AddressSet) -> list[str]:
        """The clients that have any of these addresses, in order."""
        found: dict[str, None] = {}
        for family in FAMILIES:
            owners = self._owners[family]
            for low, high in addresses.family(family):
                index = max(bisect_right(owners, (low,)) - 1, 0)
                while index < len(owners) and owners[index][0] <= high:
                    if owners[index][1] >= low:
                        found[owners[index][2]] = None
                    index += 1
        return list(found)


def _take(left: Places, name: str, candidate: Places, words: list[str]) -> Places:
    """What is left once the candidate, if it is wholly there, has been named."""
    if not candidate or not candidate <= left:
        return left
    words.append(name)
    return left - candidate


def _ports_first(words: list[str]) -> list[str]:
    """In an order that does not depend on the family: ICMP is protocol 1, and ICMPv6 is 58."""
    return sorted(words, key=lambda word: not word.startswith(("tcp/", "udp/")))


def _within(places: Places, families: frozenset[int]) -> Places:
    addresses = places.addresses
    v4 = addresses.v4 if 4 in families else IntervalSet()
    return Places(AddressSet(v4, addresses.v6 if 6 in families else IntervalSet()), places.own)


def _profiles(policy: Policy) -> list[tuple[str, Places]]:
    """Profiles of two clients and more, the largest first."""
    members: dict[str, list[AddressSet]] = {}
    for client in policy.clients:
        for profile in client.profiles:
            members.setdefault(profile, []).append(client.addresses)
    shared = [(name, sets) for name, sets in members.items() if len(sets) > 1]
    shared.sort(key=lambda item: len(item[1]), reverse=True)
    return [(f"profile:{name}", Places(AddressSet.union(sets))) for name, sets in shared]


def _count(addresses: AddressSet) -> int:
    return sum(high - low + 1 for family in FAMILIES for low, high in addresses.family(family))


def _size(places: Places) -> tuple[int, int]:
    """How much a name means, an IPv6 /64 being as much as an IPv4 address."""
    v4, v6 = (sum(high - low + 1 for low, high in places.addresses.family(f)) for f in FAMILIES)
    return v4 * (1 << 32) + v6, places.own
