"""Which parts of a text are spoken for."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable


class Spans:
    """Pairs of offsets, start and end, to ask whether a position lies between some."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        merged: list[list[int]] = []
        for start, end in sorted((start, end) for start, end in spans if end > start):
            if merged and start <= merged[-1][1]:
                merged[-1][1] = max(end, merged[-1][1])
            else:
                merged.append([start, end])
        self._starts = [start for start, _ in merged]
        self._ends = [end for _, end in merged]

    def cover(self, position: int) -> bool:
        """Whether the position lies in one."""
        return self.end(position) > position

    def end(self, position: int) -> int:
        """Where the one that the position lies in ends; the position itself if it lies in none."""
        index = bisect_right(self._starts, position) - 1
        return max(position, self._ends[index]) if index >= 0 else position

    def meet(self, start: int, end: int) -> bool:
        """Whether one has a position in common with those from ``start`` on and before ``end``."""
        index = bisect_left(self._starts, end) - 1
        return index >= 0 and self._ends[index] > start
