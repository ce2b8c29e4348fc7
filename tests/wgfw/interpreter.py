"""An interpreter of the rule sets that the compiler makes, for the first packet of a connection.

It knows just the matches and targets that the compiler uses and fails on any other. It stands in for the kernel
where thousands of random policies are tried; that the kernel reads the rules the same way is shown elsewhere by
real packets.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from wgfw.addresses import AddressSet, Prefix
from wgfw.ruleset import FamilyRules, Rule
from wgfw.services import ICMP, ICMPV6, TCP, UDP, Flow

NUMBERS = {"tcp": TCP, "udp": UDP, "icmp": ICMP, "ipv6-icmp": ICMPV6}


@dataclass
class Skb:
    """The packet as the rules see it. ``asked`` is what the sender wrote, ``destination``/``flow`` what is left of it
    after a DNAT; ``local`` holds what the gateway takes for itself."""

    family: int
    incoming: str
    outgoing: str | None
    source: int
    destination: int
    flow: Flow
    asked: tuple[int, Flow]
    local: AddressSet
    now: datetime
    states: frozenset[str] = frozenset({"NEW"})
    mark: int = 0
    trace: list[str] = field(default_factory=list)


def run(rules: FamilyRules, skb: Skb, skipped: frozenset[str] = frozenset()) -> str:
    """``ACCEPT``, ``DROP``, ``REJECT`` or ``CONTINUE`` (no verdict of ours). A table in ``skipped`` is passed over, as
    if somebody's ACCEPT came before our hook there."""
    chains = {(chain.table, chain.name): chain.rules for chain in rules.chains}
    builtin = "INPUT" if skb.outgoing is None else "FORWARD"
    result = "CONTINUE"
    for table in ("mangle", "filter", "security"):
        for hook in rules.hooks:
            if (hook.table, hook.builtin) != (table, builtin) or table in skipped:
                continue
            verdict = _walk(chains, table, (hook.rule,), skb)
            if verdict in ("DROP", "REJECT"):
                return verdict
            if verdict == "ACCEPT":
                result = verdict
                break
    return result


def _walk(chains: dict[tuple[str, str], tuple[Rule, ...]], table: str, rules: tuple[Rule, ...], skb: Skb) -> str | None:
    for rule in rules:
        if not all(_matches(list(rule.match), skb)):
            continue
        skb.trace.append(f"{table}: {rule.text}")
        option, target, *more = rule.target
        if option == "-g":
            return _walk(chains, table, chains[table, target], skb)
        if target == "RETURN":
            return None
        if target in ("ACCEPT", "DROP", "REJECT"):
            return target
        if target == "MARK":
            value, mask = (int(part, 16) for part in more[1].split("/"))
            skb.mark = skb.mark & ~mask ^ value
            continue
        verdict = _walk(chains, table, chains[table, target], skb)
        if verdict is not None:
            return verdict
    return None


def _matches(tokens: list[str], skb: Skb) -> Iterator[bool]:
    while tokens:
        option = tokens.pop(0)
        negated = option == "!"
        if negated:
            option = tokens.pop(0)
        if option == "-m":
            tokens.pop(0)
            continue
        if option == "--syn":
            yield False
            continue
        yield _match(option, tokens.pop(0), skb) is not negated


def _match(option: str, value: str, skb: Skb) -> bool:  # noqa: C901, PLR0911 - a table of matches
    asked, asked_flow = skb.asked
    if option == "-i":
        return skb.incoming == value
    if option == "-o":
        return skb.outgoing == value
    if option in ("-s", "-d", "--ctorigdst"):
        prefix = Prefix.parse(value)
        address = {"-s": skb.source, "-d": skb.destination, "--ctorigdst": asked}[option]
        assert str(ipaddress.ip_network(value)) == value, f"{value} has host bits"
        return prefix.family == skb.family and prefix.network <= address <= prefix.last
    if option == "-p":
        return skb.flow.protocol == NUMBERS[value]
    if option in ("--dport", "--dports", "--ctorigdstport"):
        detail = asked_flow.detail if option == "--ctorigdstport" else skb.flow.detail
        slots = sum(2 if ":" in part else 1 for part in value.split(","))
        assert slots <= 15, f"{value} does not fit multiport"
        return any(_in_range(part, detail) for part in value.split(","))
    if option in ("--icmp-type", "--icmpv6-type"):
        kind, _, code = value.partition("/")
        return skb.flow.detail >> 8 == int(kind) and (not code or skb.flow.detail & 255 == int(code))
    if option == "--ctstate":
        return bool(skb.states & set(value.split(",")))
    if option == "--ctdir":
        return value == "ORIGINAL"
    if option == "--dst-type":
        return skb.local.holds(skb.family, skb.destination)
    if option == "--mark":
        wanted, _, mask = value.partition("/")
        return skb.mark & int(mask or "0xffffffff", 16) == int(wanted, 16)
    if option == "--datestop":
        stop = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        return skb.now.replace(microsecond=0) <= stop
    raise AssertionError(f"the interpreter does not know {option}")


def _in_range(text: str, port: int) -> bool:
    first, _, last = text.partition(":")
    return int(first) <= port <= int(last or first)
