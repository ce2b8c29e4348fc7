"""Dispatch on an address in logarithmic time: a tree of chains, thirty-two ways a level.

A packet compares with about thirty-two prefixes at most in a chain and goes on to the chain of the block it is in.
All transfers are ``-g``: a packet that matches nothing returns to the caller of the root. The deepest block ends
with the owner of the enclosing prefix, so that the longest prefix wins, as in WireGuard's own table.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from wgfw.addresses import BITS, Prefix, format_ip
from wgfw.compiler.names import derived
from wgfw.ruleset import Chain, Match, Rule, Target

Entry = tuple[int, int, Target]  # network, prefix length, target

# Measured (benchmarks/): a comparison costs 1 to 2 ns, a goto 30 to 40 with its counter.
WAYS_BITS = 5
LINEAR = 32  # a chain with so few prefixes is not split


@dataclass
class Tree:
    """Builds one tree. ``match`` turns a CIDR into a match (``-s``, ``-d`` or ``--ctorigdst``).

    ``depth`` bounds the levels, since nft refuses chains that nest deeper than 16; what does not fit is
    compared one by one. ``chains[0]`` is the root. ``leaves`` says which of the given prefixes a rule stands
    for, by chain and position: those are the counters of a client.
    """

    table: str
    family: int
    key: tuple[object, ...]
    match: Callable[[str], Match]
    depth: int
    chains: list[Chain] = field(default_factory=list)
    leaves: dict[tuple[str, int], tuple[int, int]] = field(default_factory=dict)

    def build(self, entries: Iterable[tuple[Prefix, Target]], default: Target | None) -> str:
        """Adds the chains and returns the root's name. Prefixes must differ from each other."""
        flat = sorted(((p.network, p.length, target) for p, target in entries), key=lambda entry: entry[:2])
        fallback = None if default is None else (0, -1, default)
        return self._chain(flat, 0, 0, fallback, self.depth)

    def _chain(self, entries: list[Entry], network: int, length: int, fallback: Entry | None, depth: int) -> str:
        name = derived("T", *self.key, network, length)
        slot = len(self.chains)
        self.chains.append(Chain(self.table, name, ()))
        rules: list[Rule] = []
        if len(entries) <= LINEAR or depth <= 1:
            self._linear(name, rules, entries)
        else:
            self._split(name, rules, entries, fallback, depth)
        if fallback is not None:
            self._leaf(name, rules, fallback, ())
        self.chains[slot] = Chain(self.table, name, tuple(rules))
        return name

    def _cidr(self, network: int, length: int) -> Match:
        return self.match(f"{format_ip(self.family, network)}/{length}") if length > 0 else ()

    def _leaf(self, name: str, rules: list[Rule], entry: Entry, match: Match) -> None:
        if entry[1] >= 0:
            self.leaves[name, len(rules)] = entry[:2]
        rules.append(Rule(match, entry[2]))

    def _linear(self, name: str, rules: list[Rule], entries: list[Entry]) -> None:
        for entry in sorted(entries, key=lambda entry: -entry[1]):
            self._leaf(name, rules, entry, self._cidr(entry[0], entry[1]))

    def _split(self, name: str, rules: list[Rule], entries: list[Entry], fallback: Entry | None, depth: int) -> None:
        bits = BITS[self.family]
        cut = min(_common_length(entries, bits) + WAYS_BITS, bits)
        wide = [entry for entry in entries if entry[1] < cut]
        blocks: dict[int, list[Entry]] = {}
        for entry in entries:
            if entry[1] >= cut:
                blocks.setdefault(entry[0] >> (bits - cut), []).append(entry)
        for number, inside in blocks.items():
            if len(inside) == 1:
                self._linear(name, rules, inside)
                continue
            network = number << (bits - cut)
            inherited = _enclosing(wide, network, bits) or fallback
            rules.append(
                Rule(self._cidr(network, cut), ("-g", self._chain(inside, network, cut, inherited, depth - 1)))
            )
        self._linear(name, rules, wide)


def _common_length(entries: list[Entry], bits: int) -> int:
    """How many leading bits the first addresses of all entries share."""
    differing = entries[0][0] ^ entries[-1][0]
    return min(bits - differing.bit_length(), max(length for _, length, _ in entries))


def _enclosing(wide: list[Entry], network: int, bits: int) -> Entry | None:
    """The longest of these prefixes that holds the block; all are shorter than the block."""
    holding = [entry for entry in wide if entry[0] >> (bits - entry[1]) == network >> (bits - entry[1])]
    return max(holding, key=lambda entry: entry[1], default=None)
