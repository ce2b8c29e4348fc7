"""A document as nodes that know where all of them is written, down to keys and aliases.

Positions are offsets into a text with one character for every byte (:mod:`harden_secrets.documents.bytewise`), so
that what is not touched stays byte for byte, whatever it holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T", "Scalar", "Sequence", "Mapping")


@dataclass(slots=True, eq=False)
class Scalar:
    """A scalar: ``value`` is its meaning as JSON has it, ``text`` its characters, ``style`` the quote or block sign.

    From ``inner`` on it is what is written without anchor and tag. ``keeps``: the empty lines after it are its own.
    """

    start: int
    end: int
    value: Any
    text: str
    style: str = ""
    inner: int = 0
    keeps: bool = False


@dataclass(slots=True, eq=False)
class Sequence:
    """A list; ``flow`` for ``[…]``."""

    start: int
    end: int
    flow: bool
    items: list["Node"] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Mapping:
    """A mapping in file order; ``flow`` for ``{…}``."""

    start: int
    end: int
    flow: bool
    pairs: list[tuple[Scalar, "Node"]] = field(default_factory=list)

    def get(self, key: str) -> "Node | None":
        """The value of a key."""
        return next((value for name, value in self.pairs if name.text == key), None)


@dataclass(slots=True, eq=False)
class Alias:
    """A value that is written elsewhere in the document; ``name`` is that of the anchor."""

    start: int
    end: int
    name: str
    target: "Scalar | Sequence | Mapping"


Node = Scalar | Sequence | Mapping | Alias


def resolved(node: Node) -> Scalar | Sequence | Mapping:
    """The node, or what an alias stands for."""
    return node.target if isinstance(node, Alias) else node


def value_of(node: Node) -> Any:
    """What a node means, as decoded JSON."""
    node = resolved(node)
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [value_of(item) for item in node.items]
    return {key.text: value_of(value) for key, value in node.pairs}


def end_of(node: Node) -> int:
    """Where the last character of a node's own ends: a block collection ends with its last child."""
    if isinstance(node, Mapping) and not node.flow and node.pairs:
        return end_of(node.pairs[-1][1])
    if isinstance(node, Sequence) and not node.flow and node.items:
        return end_of(node.items[-1])
    return node.end


def last_of(node: Node) -> Node:
    """The node in which a block collection ends."""
    if isinstance(node, Mapping) and not node.flow and node.pairs:
        return last_of(node.pairs[-1][1])
    if isinstance(node, Sequence) and not node.flow and node.items:
        return last_of(node.items[-1])
    return node


def aliases(node: Node) -> Iterator[Alias]:
    """All aliases in a tree."""
    if isinstance(node, Alias):
        yield node
    elif isinstance(node, Sequence):
        for item in node.items:
            yield from aliases(item)
    elif isinstance(node, Mapping):
        for _, value in node.pairs:
            yield from aliases(value)
