"""Sets of (address, service) pairs, exactly: which services at which addresses."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from wgfw.intervals import IntervalSet

# First address, last address, and the services at each address between them.
Step = tuple[int, int, IntervalSet]

NOTHING = IntervalSet()


@dataclass(frozen=True, slots=True)
class Region:
    """Pairs of an address of one family and a service.

    ``steps`` are ascending and disjoint, none is without services, and those that touch differ: equal sets are
    equal values.
    """

    steps: tuple[Step, ...] = ()

    @classmethod
    def of(cls, boxes: Iterable[tuple[IntervalSet, IntervalSet]]) -> "Region":
        """The union of boxes, each some addresses with some services."""
        services: list[IntervalSet] = []
        edges: list[tuple[int, int]] = []
        for addresses, points in boxes:
            if not addresses or not points:
                continue
            bit = 1 << len(services)
            services.append(points)
            for low, high in addresses:
                edges.append((low, bit))
                edges.append((high + 1, bit))
        edges.sort()
        unions: dict[int, IntervalSet] = {0: NOTHING}
        steps: list[Step] = []
        active, start = 0, 0
        for position, bit in edges:
            if position > start:
                if active not in unions:
                    unions[active] = IntervalSet.of(span for n in _bits(active) for span in services[n])
                _extend(steps, start, position - 1, unions[active])
                start = position
            # The spans of one box are disjoint and do not touch: at an edge it begins if it is not open.
            active ^= bit
        return cls(tuple(steps))

    def __bool__(self) -> bool:
        return bool(self.steps)

    def __or__(self, other: "Region") -> "Region":
        if not self or not other:
            return self or other
        return self._with(other, IntervalSet.__or__)

    def __and__(self, other: "Region") -> "Region":
        return self._with(other, IntervalSet.__and__) if self and other else Region()

    def __sub__(self, other: "Region") -> "Region":
        return self._with(other, IntervalSet.__sub__) if self and other else self

    def _with(self, other: "Region", operation: Callable[[IntervalSet, IntervalSet], IntervalSet]) -> "Region":
        known: dict[tuple[IntervalSet, IntervalSet], IntervalSet] = {}
        steps: list[Step] = []
        for low, high, mine, theirs in _overlay(self.steps, other.steps):
            if (mine, theirs) not in known:
                known[mine, theirs] = operation(mine, theirs)
            _extend(steps, low, high, known[mine, theirs])
        return Region(tuple(steps))

    def without(self, addresses: IntervalSet) -> "Region":
        """The pairs whose address is none of these."""
        if not addresses:
            return self
        grouped = self.by_services()
        return Region.of((mine - addresses, services) for services, mine in grouped.items())

    def by_services(self) -> dict[IntervalSet, IntervalSet]:
        """For each distinct set of services the addresses that have exactly it."""
        spans: dict[IntervalSet, list[tuple[int, int]]] = {}
        for low, high, services in self.steps:
            spans.setdefault(services, []).append((low, high))
        return {services: IntervalSet.of(found) for services, found in spans.items()}

    def holds(self, address: int, point: int) -> bool:
        """Whether the pair is in the set."""
        return any(low <= address <= high and point in services for low, high, services in self.steps)


def _bits(number: int) -> Iterator[int]:
    """The positions of the ones."""
    while number:
        lowest = number & -number
        yield lowest.bit_length() - 1
        number ^= lowest


def _extend(steps: list[Step], low: int, high: int, services: IntervalSet) -> None:
    """Append a step; join it to the last where that touches and is equal."""
    if not services:
        return
    if steps and steps[-1][1] + 1 == low and steps[-1][2] == services:
        steps[-1] = (steps[-1][0], high, services)
    else:
        steps.append((low, high, services))


def _overlay(mine: tuple[Step, ...], theirs: tuple[Step, ...]) -> Iterator[tuple[int, int, IntervalSet, IntervalSet]]:
    """Both sequences cut at each other's edges; where one has nothing, its services are empty."""
    edges = sorted({edge for low, high, _ in (*mine, *theirs) for edge in (low, high + 1)})
    i = j = 0
    for low, following in pairwise(edges):
        while i < len(mine) and mine[i][1] < low:
            i += 1
        while j < len(theirs) and theirs[j][1] < low:
            j += 1
        first = mine[i][2] if i < len(mine) and mine[i][0] <= low else NOTHING
        second = theirs[j][2] if j < len(theirs) and theirs[j][0] <= low else NOTHING
        if first or second:
            yield low, following - 1, first, second


@dataclass(frozen=True, slots=True)
class Reach:
    """Regions of both families, and what is meant for the gateway's own addresses whichever they are.

    ``own`` has one address, 0, which stands for every address of the gateway that the policy cannot know.
    """

    v4: Region = Region()
    v6: Region = Region()
    own: Region = Region()

    def __bool__(self) -> bool:
        return bool(self.v4 or self.v6 or self.own)

    def __or__(self, other: "Reach") -> "Reach":
        return Reach(self.v4 | other.v4, self.v6 | other.v6, self.own | other.own)

    def __and__(self, other: "Reach") -> "Reach":
        return Reach(self.v4 & other.v4, self.v6 & other.v6, self.own & other.own)

    def __sub__(self, other: "Reach") -> "Reach":
        return Reach(self.v4 - other.v4, self.v6 - other.v6, self.own - other.own)

    def family(self, family: int) -> Region:
        """The part of one family."""
        return self.v4 if family == 4 else self.v6
