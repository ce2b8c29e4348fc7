"""Sets of integers as sorted, disjoint, inclusive intervals.

Addresses of one family and services (see :mod:`wgfw.services`) are both such sets, so that one small
algebra answers "what does this client lose".
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True)
class IntervalSet:
    """An immutable set of integers; ``spans`` are inclusive, ascending, and neither touch nor overlap."""

    spans: tuple[Interval, ...] = ()

    @classmethod
    def of(cls, spans: Iterable[Interval]) -> "IntervalSet":
        """The union of any inclusive intervals, in any order."""
        merged: list[Interval] = []
        for low, high in sorted(spans):
            if merged and low <= merged[-1][1] + 1:
                if high > merged[-1][1]:
                    merged[-1] = (merged[-1][0], high)
            else:
                merged.append((low, high))
        return cls(tuple(merged))

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __iter__(self) -> Iterator[Interval]:
        return iter(self.spans)

    def __contains__(self, value: int) -> bool:
        index = bisect_right(self.spans, (value, value)) - 1
        if index + 1 < len(self.spans) and self.spans[index + 1][0] == value:
            return True
        return index >= 0 and value <= self.spans[index][1]

    def __or__(self, other: "IntervalSet") -> "IntervalSet":
        if not self.spans:
            return other
        if not other.spans:
            return self
        return IntervalSet.of(self.spans + other.spans)

    def __and__(self, other: "IntervalSet") -> "IntervalSet":
        out: list[Interval] = []
        mine, theirs = self.spans, other.spans
        i = j = 0
        while i < len(mine) and j < len(theirs):
            low = max(mine[i][0], theirs[j][0])
            high = min(mine[i][1], theirs[j][1])
            if low <= high:
                out.append((low, high))
            if mine[i][1] < theirs[j][1]:
                i += 1
            else:
                j += 1
        return IntervalSet(tuple(out))

    def __sub__(self, other: "IntervalSet") -> "IntervalSet":
        out: list[Interval] = []
        theirs = other.spans
        j = 0
        for low, high in self.spans:
            while j < len(theirs) and theirs[j][1] < low:
                j += 1
            k = j
            while k < len(theirs) and theirs[k][0] <= high:
                if theirs[k][0] > low:
                    out.append((low, theirs[k][0] - 1))
                low = theirs[k][1] + 1
                k += 1
            if low <= high:
                out.append((low, high))
        return IntervalSet(tuple(out))

    def __le__(self, other: "IntervalSet") -> bool:
        return not self - other

    def isdisjoint(self, other: "IntervalSet") -> bool:
        """Whether no integer is in both."""
        return not self & other
