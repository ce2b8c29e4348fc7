"""Which peer an address belongs to: the one whose AllowedIPs hold it with the longest prefix."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from wgfw.addresses import FAMILIES, AddressSet, Prefix
from wgfw.intervals import Interval, IntervalSet


@dataclass(frozen=True, slots=True)
class Claim:
    """A prefix among the AllowedIPs of a peer; ``owner`` is the peer's number, ``line`` the file's line or 0."""

    prefix: Prefix
    owner: int
    line: int


# Addresses from the first to the second, both included, that belong to the peer of the claim.
Region = tuple[int, int, Claim]


class Ownership:
    """The address space divided among peers: regions by family, ascending and disjoint."""

    def __init__(self, claims: Iterable[Claim]) -> None:
        self._regions: dict[int, list[Region]] = {family: [] for family in FAMILIES}
        self._doubles: list[tuple[Claim, Claim]] = []
        ordered = sorted(claims, key=lambda claim: (claim.prefix.network, claim.prefix.length))
        for family in FAMILIES:
            mine = [claim for claim in ordered if claim.prefix.family == family]
            self._regions[family] = list(_regions(mine))
            self._doubles += [(a, b) for a, b in pairwise(mine) if a.prefix == b.prefix and a.owner != b.owner]

    @property
    def doubles(self) -> Sequence[tuple[Claim, Claim]]:
        """Equal prefixes of two peers: of these WireGuard would keep only the last."""
        return self._doubles

    def addresses(self, owners: int) -> list[AddressSet]:
        """What each of the peers 0 to ``owners`` - 1 has."""
        spans: dict[int, list[list[Interval]]] = {f: [[] for _ in range(owners)] for f in FAMILIES}
        for family, regions in self._regions.items():
            of_owner = spans[family]
            for low, high, claim in regions:
                of_owner[claim.owner].append((low, high))
        return [AddressSet(*(IntervalSet.of(spans[f][owner]) for f in FAMILIES)) for owner in range(owners)]

    def within(self, addresses: AddressSet) -> Iterator[Claim]:
        """The claims by which some of these addresses belong to a peer."""
        for family, regions in self._regions.items():
            for low, high in addresses.family(family):
                index = bisect_left(regions, low, key=lambda region: region[1])
                while index < len(regions) and regions[index][0] <= high:
                    yield regions[index][2]
                    index += 1


def _regions(ordered: Iterable[Claim]) -> Iterator[Region]:
    """Regions of claims of one family, sorted by network and length: prefixes nest or are disjoint."""
    open_claims: list[Claim] = []
    cursor = 0
    for claim in ordered:
        network = claim.prefix.network
        while open_claims and open_claims[-1].prefix.last < network:
            closing = open_claims.pop()
            if cursor <= closing.prefix.last:
                yield cursor, closing.prefix.last, closing
                cursor = closing.prefix.last + 1
        if open_claims and cursor < network:
            yield cursor, network - 1, open_claims[-1]
        cursor = network
        open_claims.append(claim)
    for closing in reversed(open_claims):
        if cursor <= closing.prefix.last:
            yield cursor, closing.prefix.last, closing
            cursor = closing.prefix.last + 1
