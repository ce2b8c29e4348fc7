"""What has to move together: copies of one key, keys of one object, objects that one consumer uses."""

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def grouped(items: Sequence[T], bonds: Iterable[Iterable[Hashable]]) -> list[list[T]]:
    """The items in groups; two whose ``bonds`` share one are together. All keep the order of ``items``."""
    leader = list(range(len(items)))

    def first(number: int) -> int:
        while leader[number] != number:
            number = leader[number]
        return number

    holder: dict[Hashable, int] = {}
    for number, shared in enumerate(bonds):
        for bond in shared:
            other = first(holder.setdefault(bond, number))
            mine = first(number)
            leader[max(mine, other)] = min(mine, other)
    groups: dict[int, list[T]] = {}
    for number, item in enumerate(items):
        groups.setdefault(first(number), []).append(item)
    return list(groups.values())
