"""Dispatch on an address in logarithmic time: a tree of chains, thirty-two ways a level.

A packet compares with about thirty-two prefixes at most in a chain and goes on to the chain of the block it is in.
All transfers are ``-g``: a packet that matches nothing returns to the caller of the root. The deepest block ends
with the owner of the enclosing prefix, so that the longest prefix wins, as in WireGuard's own table.

The shape of a tree depends on the prefixes alone; several trees of chains may be made of one shape.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from wgfw.addresses import BITS, format_ip
from wgfw.compiler.names import derived
from wgfw.ruleset import Chain, Match, Rule, Target

Entry = tuple[int, int, int]  # network, prefix length, owner: any number that the caller gives a meaning

# Measured (benchmarks/): a comparison costs 1 to 2 ns, a goto 30 to 40 with its counter.
WAYS_BITS = 5
LINEAR = 32  # a chain with so few prefixes is not split


@dataclass(slots=True)
class Block:
    """One chain to be: the addresses below ``network``/``length`` and, in order, what a packet is compared with.

    An item is a smaller block or a leaf, which is a CIDR with its owner; a packet that matches none belongs to
    ``enclosing``, the owner of the longest prefix around the block, if there is one.
    """

    network: int
    length: int
    cidr: str
    enclosing: int | None
    items: list["Block | tuple[str, int]"] = field(default_factory=list)


def shape(family: int, entries: Sequence[Entry], depth: int) -> Block:
    """The tree over distinct prefixes, sorted by network and then by length.

    ``depth`` bounds the levels, since nft refuses chains that nest deeper than 16; what does not fit is
    compared one by one.
    """
    return _Shaper(family).block(entries, 0, 0, None, depth)


class _Shaper:
    def __init__(self, family: int) -> None:
        self.family = family
        self.bits = BITS[family]

    def block(self, entries: Sequence[Entry], network: int, length: int, enclosing: Entry | None, depth: int) -> Block:
        block = Block(network, length, self._cidr(network, length), enclosing[2] if enclosing else None)
        if len(entries) <= LINEAR or depth <= 1:
            self._linear(block, entries)
        else:
            self._split(block, entries, enclosing, depth)
        return block

    def _cidr(self, network: int, length: int) -> str:
        return f"{format_ip(self.family, network)}/{length}"

    def _linear(self, block: Block, entries: Sequence[Entry]) -> None:
        longest_first = sorted(entries, key=_by_length, reverse=True)
        block.items.extend((self._cidr(network, length), owner) for network, length, owner in longest_first)

    def _split(self, block: Block, entries: Sequence[Entry], enclosing: Entry | None, depth: int) -> None:
        cut = min(_common_length(entries, self.bits) + WAYS_BITS, self.bits)
        shift = self.bits - cut
        wide: list[Entry] = []
        inside: dict[int, list[Entry]] = {}
        for entry in entries:
            if entry[1] < cut:
                wide.append(entry)
            else:
                inside.setdefault(entry[0] >> shift, []).append(entry)
        for number, below in inside.items():
            if len(below) == 1:
                self._linear(block, below)
            else:
                network = number << shift
                around = _longest_around(wide, network, self.bits) or enclosing
                block.items.append(self.block(below, network, cut, around, depth - 1))
        self._linear(block, wide)


def _by_length(entry: Entry) -> int:
    return entry[1]


def _common_length(entries: Sequence[Entry], bits: int) -> int:
    """How many leading bits the first addresses of all entries share."""
    differing = entries[0][0] ^ entries[-1][0]
    return min(bits - differing.bit_length(), max(map(_by_length, entries)))


def _longest_around(wide: Sequence[Entry], network: int, bits: int) -> Entry | None:
    """The longest of these prefixes that holds the block; all are shorter than the block."""
    around = [entry for entry in wide if entry[0] >> (bits - entry[1]) == network >> (bits - entry[1])]
    return max(around, key=_by_length, default=None)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A tree of chains made of a shape.

    ``match`` turns a CIDR into a match (``-s``, ``-d`` or ``--ctorigdst``), ``target`` an owner into where its
    packets go, ``default`` is where those of nobody go (None: back to the caller).
    """

    table: str
    key: tuple[object, ...]
    match: Callable[[str], Match]
    target: Callable[[int], Target]
    default: Target | None = None

    def name(self, block: Block) -> str:
        """The name of the block's chain."""
        return derived("T", *self.key, block.network, block.length)

    def chains(self, block: Block) -> Iterator[Chain]:
        """The chain of this block, and then those of all blocks below."""
        rules: list[Rule] = []
        below: list[Block] = []
        for item in block.items:
            if isinstance(item, Block):
                below.append(item)
                rules.append(Rule(self._match(item.cidr), ("-g", self.name(item))))
            else:
                rules.append(Rule(self._match(item[0]), self.target(item[1])))
        if block.enclosing is not None:
            rules.append(Rule((), self.target(block.enclosing)))
        elif self.default is not None:
            rules.append(Rule((), self.default))
        yield Chain(self.table, self.name(block), tuple(rules))
        for item in below:
            yield from self.chains(item)

    def _match(self, cidr: str) -> Match:
        return () if cidr.endswith("/0") else self.match(cidr)

    def leaves(self, block: Block) -> Iterator[tuple[str, int, int]]:
        """Which rule stands for which owner: chain, position in it, owner."""
        name = self.name(block)
        for position, item in enumerate(block.items):
            if isinstance(item, Block):
                yield from self.leaves(item)
            else:
                yield name, position, item[1]
        if block.enclosing is not None:
            yield name, len(block.items), block.enclosing
