"""Dispatch on an address in logarithmic time: a tree of chains, thirty-two ways a level.

A packet compares with about thirty-two prefixes at most in a chain and goes on to the chain of the block it is in. All
transfers are ``-g``: a packet that matches nothing returns to the caller of the root. The deepest block ends
with the owner of the enclosing prefix, so that the longest prefix wins, as in WireGuard's own table.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from wgfw.addresses import BITS, Prefix, format_ip
from wgfw.compiler.names import derived
from wgfw.ruleset import Chain, Rule

Match = tuple[str, ...]
Target = tuple[str, ...]
Entry = tuple[int, int, Target]  # network, prefix length, target

WAYS_BITS = 5
LINEAR = 32  # a chain with so few prefixes is not split


@dataclass
class Tree:
    """Builds one tree. ``match`` turns a CIDR into a match (``-s``, ``-d`` or ``--ctorigdst``).

    ``depth`` bounds the levels, since nft refuses chains that nest deeper than 16; what does not fit is
    compared one by one.
    """

    table: str
    family: int
    key: tuple[object, ...]
    match: Callable[[str], Match]
    depth: int
    chains: list[Chain] = field(default_factory=list)

    def build(self, entries: Iterable[tuple[Prefix, Target]], default: Target | None) -> str:
        """Adds the chains and returns the root's name. Prefixes must differ from each other."""
        flat = sorted((p.network, p.length, target) for p, target in entries)
        return self._chain(flat, 0, 0, default, self.depth)

    def _chain(self, entries: list[Entry], network: int, length: int, default: Target | None, depth: int) -> str:
        name = derived("T", *self.key, network, length)
        slot = len(self.chains)
        self.chains.append(Chain(self.table, name, ()))
        rules = self._linear(entries) if len(entries) <= LINEAR or depth <= 1 else self._split(entries, default, depth)
        if default is not None:
            rules.append(Rule((), default))
        self.chains[slot] = Chain(self.table, name, tuple(rules))
        return name

    def _cidr(self, network: int, length: int) -> Match:
        return self.match(f"{format_ip(self.family, network)}/{length}") if length else ()

    def _linear(self, entries: list[Entry]) -> list[Rule]:
        longest_first = sorted(entries, key=lambda entry: -entry[1])
        return [Rule(self._cidr(network, length), target) for network, length, target in longest_first]

    def _split(self, entries: list[Entry], default: Target | None, depth: int) -> list[Rule]:
        cut = min(_common_length(entries, BITS[self.family]) + WAYS_BITS, BITS[self.family])
        wide = [entry for entry in entries if entry[1] < cut]
        blocks: dict[int, list[Entry]] = {}
        shift = BITS[self.family] - cut
        for entry in entries:
            if entry[1] >= cut:
                blocks.setdefault(entry[0] >> shift, []).append(entry)
        rules: list[Rule] = []
        for number, inside in blocks.items():
            if len(inside) == 1:
                rules.extend(self._linear(inside))
                continue
            network = number << shift
            inherited = _enclosing(wide, network, cut, BITS[self.family]) or default
            name = self._chain(inside, network, cut, inherited, depth - 1)
            rules.append(Rule(self._cidr(network, cut), ("-g", name)))
        return rules + self._linear(wide)


def _common_length(entries: list[Entry], bits: int) -> int:
    """How many leading bits all entries share, no more than the shortest prefix that the others lie beside."""
    differing = entries[0][0] ^ entries[-1][0]
    return min(bits - differing.bit_length(), max(length for _, length, _ in entries))


def _enclosing(wide: list[Entry], network: int, length: int, bits: int) -> Target | None:
    best: Entry | None = None
    for entry in wide:
        holds = entry[1] <= length and network >> (bits - entry[1]) == entry[0] >> (bits - entry[1])
        if holds and (best is None or entry[1] > best[1]):
            best = entry
    return best[2] if best else None
