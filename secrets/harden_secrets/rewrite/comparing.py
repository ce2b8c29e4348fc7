"""What differs between what a document means and what it shall mean. Pure."""

import json
import re
from typing import Any

from harden_secrets.rewrite.broken import BrokenError
from harden_secrets.rewrite.layout import Node, Scalar, value_of


def renamed(
    gone: list[tuple[Scalar, Node]], new: list[str], after: dict[str, Any]
) -> list[tuple[tuple[Scalar, Node], str]]:
    """Pairs whose key gets another name while their value is alike: its comments and order stay."""
    if len(gone) != len(new):
        return []
    return [(pair, name) for pair, name in zip(gone, new, strict=True) if _alike(value_of(pair[1]), after[name])]


def _alike(before: Any, after: Any) -> bool:
    if isinstance(before, dict) and isinstance(after, dict):
        return bool(before) and bool(after) and not before.keys().isdisjoint(after.keys() | {"name", "secretName"})
    return isinstance(before, str) and isinstance(after, str)


def words(before: str, after: str) -> list[tuple[str, str, int, int]]:
    """The words that differ: old, new, how many equal ones stand before it, and how many there are in all."""
    parts = re.compile(r"(\s+)")
    old, new = parts.split(before), parts.split(after)
    if len(old) != len(new):
        raise BrokenError("a text over several lines would have to be changed")
    found = []
    position = 0
    for one, other in zip(old, new, strict=True):
        if one != other:
            if not one.strip() or not other.strip():
                raise BrokenError("a text over several lines would have to be changed")
            places = [match.start() for match in re.finditer(re.escape(one), before)]
            found.append((one, other, places.index(position), len(places)))
        position += len(one)
    return found


def dumped(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def same(one: Any, other: Any) -> bool:
    return one is other or dumped(one) == dumped(other)
