"""Services and times as matches of iptables(8)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from wgfw.intervals import Interval, IntervalSet
from wgfw.ruleset import Match
from wgfw.services import ANY, ICMP, ICMPV6, TCP, UDP, of_family

PROTOCOLS = {TCP: "tcp", UDP: "udp"}
MULTIPORT_SLOTS = 15  # xt_multiport.h: XT_MULTI_PORTS; a range takes two


@lru_cache(maxsize=4096)
def service_matches(services: IntervalSet, family: int) -> tuple[Match, ...]:
    """Matches on the packet's own destination port or ICMP type that together cover exactly these services.

    None at all for services that do not exist in the family.
    """
    if _is_any(services, family):
        return ((),)
    return tuple(match for protocol, spans in _protocols(services, family) for match in _matches(protocol, spans))


@lru_cache(maxsize=4096)
def asked_matches(services: IntervalSet, family: int) -> tuple[tuple[Match, Match], ...]:
    """The same for what the sender asked for before a DNAT: pairs of a match and what to add to ``-m conntrack``."""
    if _is_any(services, family):
        return (((), ()),)
    out: list[tuple[Match, Match]] = []
    for protocol, spans in _protocols(services, family):
        if protocol not in PROTOCOLS or _whole(protocol, spans):
            out.extend((match, ()) for match in _matches(protocol, spans))
            continue
        for low, high in spans:
            out.append((("-p", PROTOCOLS[protocol]), ("--ctorigdstport", _port_range(low, high))))
    return tuple(out)


def until_match(until: datetime | None) -> Match:
    """Up to, and not including, this moment; the kernel's ``--datestop`` includes the second it names.

    The kernel knows whole seconds: a fraction is cut off, and the entry ends that much earlier.
    """
    if until is None:
        return ()
    last = until.astimezone(UTC) - timedelta(seconds=1)
    return ("-m", "time", "--datestop", last.strftime("%Y-%m-%dT%H:%M:%S"))


def _is_any(services: IntervalSet, family: int) -> bool:
    return of_family(ANY, family) <= services


def _whole(protocol: int, spans: tuple[Interval, ...]) -> bool:
    return spans == ((protocol << 16, protocol << 16 | 0xFFFF),)


def _protocols(services: IntervalSet, family: int) -> Iterator[tuple[int, tuple[Interval, ...]]]:
    for protocol in (TCP, UDP, ICMP if family == 4 else ICMPV6):
        part = services & IntervalSet(((protocol << 16, protocol << 16 | 0xFFFF),))
        if part:
            yield protocol, part.spans


def _matches(protocol: int, spans: tuple[Interval, ...]) -> Iterator[Match]:
    if protocol in PROTOCOLS:
        yield from _port_matches(PROTOCOLS[protocol], protocol, spans)
    elif protocol == ICMP:
        yield from _icmp_matches(("-p", "icmp"), ("-m", "icmp", "--icmp-type"), protocol, spans)
    else:
        yield from _icmp_matches(("-p", "ipv6-icmp"), ("-m", "icmp6", "--icmpv6-type"), protocol, spans)


def _port_matches(name: str, protocol: int, spans: tuple[Interval, ...]) -> Iterator[Match]:
    if _whole(protocol, spans):
        yield ("-p", name)
        return
    for batch in _multiport_batches(spans):
        if len(batch) == 1:
            yield ("-p", name, "-m", name, "--dport", batch[0])
        else:
            yield ("-p", name, "-m", "multiport", "--dports", ",".join(batch))


def _multiport_batches(spans: tuple[Interval, ...]) -> Iterator[list[str]]:
    batch: list[str] = []
    free = MULTIPORT_SLOTS
    for low, high in spans:
        slots = 1 if low == high else 2
        if slots > free:
            yield batch
            batch, free = [], MULTIPORT_SLOTS
        batch.append(_port_range(low, high))
        free -= slots
    yield batch


def _port_range(low: int, high: int) -> str:
    first, last = low & 0xFFFF, high & 0xFFFF
    return str(first) if first == last else f"{first}:{last}"


def _icmp_matches(proto: Match, option: Match, protocol: int, spans: tuple[Interval, ...]) -> Iterator[Match]:
    if _whole(protocol, spans):
        yield proto
        return
    for low, high in spans:
        detail = low & 0xFFFF
        while detail <= high & 0xFFFF:
            if detail & 255 == 0 and detail + 255 <= high & 0xFFFF:
                yield (*proto, *option, str(detail >> 8))
                detail += 256
            else:
                yield (*proto, *option, f"{detail >> 8}/{detail & 255}")
                detail += 1
