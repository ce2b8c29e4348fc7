"""Questions about many spans, each answered without going through all of them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate


class Occupied:
    """Which parts of a file are taken, and by what, while more are."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._takers: list[int] = []

    def by(self, start: int, end: int) -> int | None:
        """The number of what has a position in common with those from ``start`` on and before ``end``."""
        index = bisect_left(self._starts, end) - 1
        return self._takers[index] if index >= 0 and self._ends[index] > start else None

    def take(self, start: int, end: int, taker: int) -> None:
        """One more; those that it overlaps become one with it, under the number of the first."""
        last = first = bisect_left(self._starts, end)
        while first and self._ends[first - 1] > start:
            first -= 1
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
            taker = self._takers[first]
        self._starts[first:last], self._ends[first:last], self._takers[first:last] = [start], [end], [taker]


class Enclosing:
    """Spans, to ask whether another lies within one of them."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(spans)
        self._starts = [start for start, _ in ordered]
        self._reach = list(accumulate((end for _, end in ordered), max))

    def enclose(self, start: int, end: int) -> bool:
        """Whether one has all positions from ``start`` on and before ``end``, and more."""
        to_here, before = bisect_right(self._starts, start), bisect_left(self._starts, start)
        return (to_here > 0 and self._reach[to_here - 1] > end) or (before > 0 and self._reach[before - 1] >= end)
