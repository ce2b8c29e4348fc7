"""Rules that send a packet on when an address is in a set: spelled out when small, through a shared tree when not."""

from collections.abc import Callable
from dataclasses import dataclass, field

from wgfw.addresses import EVERYWHERE, AddressSet, Prefix, prefixes_of
from wgfw.compiler.names import derived
from wgfw.compiler.tree import Dispatch, shape
from wgfw.intervals import IntervalSet
from wgfw.ruleset import Chain, Match, Rule, Target

Services = list[tuple[Match, Match]]

SPELLED_OUT = 8  # rules; more than that and a tree is both shorter and faster
EXCLUDED = 24  # a set whose complement has no more prefixes is written as "all but these"
DEPTH = 4
FEW = 8


def source(cidr: str) -> Match:
    """Matches where the packet comes from."""
    return ("-s", cidr)


def destination(cidr: str) -> Match:
    """Matches where the packet goes now, after any DNAT."""
    return ("-d", cidr)


def asked(cidr: str) -> Match:
    """Matches what the sender asked for, before any DNAT."""
    return ("-m", "conntrack", "--ctorigdst", cidr)


def few_around(addresses: AddressSet, family: int) -> list[Prefix]:
    """At most FEW prefixes of the family that hold these addresses, and others where they lie scattered."""
    prefixes = addresses.prefixes(family)
    while len(prefixes) > FEW:
        longest = max(p.length for p in prefixes)
        wider = (p.around(max(longest - 4, 0)) if p.length == longest else p for p in prefixes)
        prefixes = AddressSet.of(wider).prefixes(family)
    return prefixes


@dataclass
class AddressSets:
    """The trees over address sets in one family's ``mangle`` table, each built once."""

    family: int
    chains: list[Chain] = field(default_factory=list)
    _roots: dict[tuple[str, IntervalSet, Target], str] = field(default_factory=dict)

    def rules(
        self,
        addresses: AddressSet,
        how: Callable[[str], Match],
        services: Services,
        target: Target,
        flag: Match,
    ) -> list[Rule]:
        """Rules that send packets of these services and addresses to ``target``, which leaves what ``flag`` matches.

        ``services`` are pairs of a match that stands first and one that goes with the address (the port that
        was asked for belongs to ``-m conntrack`` as the address does).
        """
        part = addresses.family(self.family)
        if not part:
            return []
        prefixes = addresses.prefixes(self.family)
        if len(prefixes) * len(services) <= SPELLED_OUT or len(prefixes) == 1:
            return [
                Rule(first + how(str(p)) + second, target)
                for first, second in services
                for p in prefixes
            ]  # fmt: skip
        root = self._root(part, prefixes, how, target)
        rules = [
            Rule(first + (("-m", "conntrack", *second) if second else ()), ("-j", root)) for first, second in services
        ]
        return [*rules, Rule(flag, ("-j", "RETURN"))]

    def _root(self, part: IntervalSet, prefixes: list[Prefix], how: Callable[[str], Match], target: Target) -> str:
        key = (how.__name__, part, target)
        if key not in self._roots:
            name = derived("S", how.__name__, part.spans, target)
            others = prefixes_of(self.family, EVERYWHERE.family(self.family) - part)
            if len(others) <= min(EXCLUDED, len(prefixes)):
                rules = [Rule(how(str(p)), ("-j", "RETURN")) for p in others]
                self.chains.append(Chain("mangle", name, (*rules, Rule((), target))))
                self._roots[key] = name
            else:
                dispatch = Dispatch("mangle", ("S", name), how, lambda _: target)
                block = shape(self.family, [(p.network, p.length, 0) for p in prefixes], DEPTH)
                self.chains.extend(dispatch.chains(block))
                self._roots[key] = dispatch.name(block)
        return self._roots[key]
