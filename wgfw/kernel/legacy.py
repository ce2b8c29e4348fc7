"""A second look at legacy tables, in process: what the kernel holds as structures, by python-iptables.

`iptables-legacy-save` tells drift as long as it is known what it printed after our last write. Where that is not known
(the state was lost, iptables was upgraded) a chain of ours whose marker and length are right may have been altered all
the same. Then each rule is read through libiptc and compared match by match with what we want. The library is
optional: it needs a C compiler to install, knows no nft, and takes 300 µs a rule (docs/adr/0003-python-iptables.md).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from wgfw.addresses import Prefix
from wgfw.kernel.namespace import inside
from wgfw.kernel.reading import Place
from wgfw.ruleset import CHAIN_PREFIX, FamilyRules, Rule

MOST_RULES = 5000  # more would take seconds
Options = frozenset[tuple[str, tuple[str, ...]]]
_PROTOCOLS = {"ipv6-icmp": "icmpv6", "ip": ""}
_SYN = ("tcp-flags", ("FIN,SYN,RST,ACK", "SYN"))
_LISTS = ("ctstate", "dports", "dst-type")  # sets, which the kernel prints in an order of its own


@dataclass(frozen=True, slots=True)
class Structure:
    """A rule as the kernel stores it: what it looks at, and where it leads (``goto`` for ``-g``)."""

    packet: Options
    matches: tuple[tuple[str, Options], ...]
    target: tuple[str, Options]
    goto: bool


def altered(rules: FamilyRules, places: Iterable[Place], netns: str | None) -> frozenset[Place] | None:
    """Those of ``places`` whose rules are not the wanted ones; None where it cannot be told.

    That is where python-iptables is not installed, or where there are more than MOST_RULES to look at.
    ``places`` are chains of ``rules`` that are there, in tables that are there: asking for another would make it.
    """
    if sum(len(chain.rules) for chain in rules.chains) > MOST_RULES:
        return None
    try:
        import iptc  # noqa: PLC0415  optional, and a quarter of a second
    except (ImportError, OSError):  # OSError: its C library is not there any more
        return None
    chains = {(chain.table, chain.name): chain for chain in rules.chains}
    table_type = iptc.Table if rules.family == 4 else iptc.Table6
    found = set()
    with inside(netns):
        for table in dict.fromkeys(table for table, _ in places):
            opened = table_type(table)
            opened.refresh()  # one made before may be of another namespace
            for place in places:
                if place[0] != table:
                    continue
                held = iptc.Chain(opened, place[1]).rules[1:]  # the first is the marker
                wanted = chains[place].rules
                if len(held) != len(wanted) or not all(map(_same, held, wanted)):
                    found.add(place)
            opened.close()
    return frozenset(found)


def wanted_structure(rule: Rule) -> Structure:
    """What the kernel should make of a rule of ours."""
    packet: dict[str, tuple[str, ...]] = {}
    matches: list[tuple[str, dict[str, tuple[str, ...]]]] = []
    options = packet
    inverted: tuple[str, ...] = ()
    words = iter((*rule.match, *rule.target))
    target, parameters, goto = "", dict[str, tuple[str, ...]](), False
    for word in words:
        if word == "!":
            inverted = ("!",)
        elif word == "-m":
            options = {}
            matches.append((next(words), options))
        elif word in ("-j", "-g"):
            target, goto = next(words), word == "-g"
            options = parameters
        elif word == "--syn":
            options[_SYN[0]] = (*inverted, *_SYN[1])
            inverted = ()
        else:
            holder = options if word.startswith("--") else packet
            holder[word.lstrip("-")] = (*inverted, next(words))
            inverted = ()
    return Structure(
        _options(packet), tuple((name, _options(o)) for name, o in matches), (target, _options(parameters)), goto
    )


def _same(held: Any, wanted: Rule) -> bool:
    import iptc  # noqa: PLC0415  as in `altered`, which has imported it by now

    try:
        return held_structure(held) == wanted_structure(wanted)
    except (iptc.IPTCError, iptc.XTablesError, AttributeError):
        return False  # it cannot be told what it is, so it is not ours


def held_structure(rule: Any) -> Structure:
    """An ``iptc.Rule`` as a value."""
    ways = {"s": rule.src, "d": rule.dst, "i": rule.in_interface, "o": rule.out_interface, "p": rule.protocol}
    packet = {name: ("!", value[1:]) if value.startswith("!") else (value,) for name, value in ways.items() if value}
    target = rule.target
    # a jump to a chain has no parameters, and asking for them fails
    parameters = {} if target is None or target.name.startswith(CHAIN_PREFIX) else target.get_all_parameters()
    return Structure(
        _options(packet),
        tuple((match.name, _options(match.get_all_parameters())) for match in rule.matches),
        ("" if target is None else target.name, _options(parameters)),
        target is not None and bool(target.goto),
    )


def _options(options: Any) -> Options:
    return frozenset((name, values) for name, raw in options.items() if (values := _values(name, raw)))


def _values(name: str, raw: Any) -> tuple[str, ...]:
    values = (raw,) if isinstance(raw, str) else tuple(raw)
    if name in ("s", "d", "ctorigdst", "ctorigsrc", "ctreplsrc"):
        *inverted, address = values
        prefix = Prefix.parse(address)
        return () if prefix.length == 0 else (*inverted, str(prefix))
    if name == "p":
        named = tuple(_PROTOCOLS.get(value, value) for value in values)
        return () if named[-1] == "" else named
    if name in _LISTS:
        return tuple(",".join(sorted(value.split(","))) for value in values)
    return values
