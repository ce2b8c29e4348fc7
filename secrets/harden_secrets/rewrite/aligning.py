"""Which item of a list became which of another, where some went, some came and some changed. Pure."""

from collections.abc import Sequence
from typing import Any

_LARGEST = 250_000  # pairs to compare; beyond that items are taken in their order


def aligned(before: Sequence[Any], after: Sequence[Any]) -> list[tuple[int, int | None]]:
    """For each item its number in the other list, or None where it went. The order stays, the most alike are paired."""
    if len(before) * len(after) > _LARGEST or len(before) == len(after):
        return [(number, number if number < len(after) else None) for number in range(len(before))]
    best = [[0.0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for old in reversed(range(len(before))):
        for new in reversed(range(len(after))):
            paired = _likeness(before[old], after[new]) + best[old + 1][new + 1]
            best[old][new] = max(paired, best[old + 1][new], best[old][new + 1])
    made: list[tuple[int, int | None]] = []
    old = new = 0
    while old < len(before):
        if new < len(after) and best[old][new] == best[old][new + 1]:
            new += 1
        elif new >= len(after) or best[old][new] == best[old + 1][new]:
            made.append((old, None))
            old += 1
        else:
            made.append((old, new))
            old, new = old + 1, new + 1
    return made


def _likeness(one: Any, other: Any) -> float:
    """Between 0 and 1; what has nothing in common but its type is a little alike."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return 0.01 + sum(_likeness(one[key], other[key]) for key in keys if key in one and key in other) / (
            len(keys) + 1
        )
    if isinstance(one, list) and isinstance(other, list):
        return 0.1 + 0.9 * (one == other)
    return float(type(one) is type(other) and one == other)
