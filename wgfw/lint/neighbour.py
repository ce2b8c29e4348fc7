"""Denies that miss a part of what they are aimed at, when an allow opens just that part.

A host has an IPv4 and an IPv6 address, or the gateway several; a service has the same port in TCP and UDP (HTTP/3 is
UDP): who denies only one of them has usually forgotten the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce

from wgfw.addresses import FAMILIES, AddressSet, format_ip
from wgfw.intervals import IntervalSet
from wgfw.lint.finding import Finding, Holder, Kind, Survey
from wgfw.policy.document import Effect
from wgfw.policy.model import Rule
from wgfw.services import BUILT_IN, TCP, UDP, describe, parse_notation

MOST_DENIES = 500
GATEWAY = "gateway"


def neighbours(survey: Survey) -> Iterator[Finding]:
    """One finding for each such deny."""
    search = _Search(survey)
    for holder in survey.holders:
        yield from search.of(holder)


@dataclass(frozen=True, slots=True)
class _Host:
    """One machine with all its addresses, and how a policy names it."""

    name: str
    addresses: AddressSet


@dataclass(frozen=True, slots=True)
class _Sender:
    """The rules of one holder that decide, those of its profiles included."""

    allows: Sequence[Rule]
    denies: Sequence[Rule]
    gateway: AddressSet

    def opens(self, family: int, address: int, services: IntervalSet) -> Rule | None:
        """An allow of some of these services at the address, unless a deny has all of them."""
        for deny in self.denies:
            if services <= deny.services and deny.scope.covers(family, address, self.gateway):
                return None
        for allow in self.allows:
            if services & allow.services and allow.scope.covers(family, address, self.gateway):
                return allow
        return None


class _Search:
    """Knows the hosts and the services that have two sides."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        policy = survey.policy
        hosts = [_Host(f"client:{c.name}", c.addresses) for c in policy.clients if _is_host(c.addresses)]
        hosts += [_Host(n.name, n.addresses) for n in survey.document.networks.values() if _is_host(n.addresses)]
        hosts.append(_Host(GATEWAY, policy.gateway))
        self._hosts: dict[tuple[int, int], _Host] = {}
        for host in hosts:
            for family, low, high in _spans(host.addresses):
                if low == high:
                    self._hosts[family, low] = host
        self._twins = _twins(survey)

    def of(self, holder: Holder) -> Iterator[Finding]:
        """The findings for the denies of one holder."""
        denies = [rule for rule in holder.own if rule.effect is Effect.DENY]
        if not denies or len(denies) > MOST_DENIES:
            return
        both = (*holder.beside, *holder.own)
        sender = _Sender(
            [rule for rule in both if rule.effect is Effect.ALLOW and rule.in_force(self._survey.now)],
            [rule for rule in both if rule.effect is Effect.DENY],
            self._survey.policy.gateway,
        )
        for deny in denies:
            finding = self._missed_address(deny, sender) or self._missed_port(deny, sender)
            if finding is not None:
                yield finding

    def _missed_address(self, deny: Rule, sender: _Sender) -> Finding | None:
        """Another address of the one machine that is denied."""
        host = self._host_of(deny)
        if host is None:
            return None
        for family, low, _ in _spans(host.addresses - deny.scope.addresses):
            allow = sender.opens(family, low, deny.services)
            if allow is not None:
                return _finding(deny, f"{format_ip(family, low)} of {host.name}", allow, host.name)
        return None

    def _host_of(self, deny: Rule) -> _Host | None:
        """The machine, if the deny is about addresses of a single one."""
        found = {
            self._hosts.get((family, low)) if low == high else None
            for family, low, high in _spans(deny.scope.addresses)
        }
        return found.pop() if len(found) == 1 else None

    def _missed_port(self, deny: Rule, sender: _Sender) -> Finding | None:
        """The same port of the other protocol, where a service has both."""
        if len(deny.services.spans) != 1 or deny.services.spans[0] not in self._twins:
            return None
        name, twin = self._twins[deny.services.spans[0]]
        for family, low, _ in _spans(deny.scope.addresses):
            allow = sender.opens(family, low, twin)
            if allow is not None:
                return _finding(deny, ", ".join(describe(twin)), allow, name)
        return None


def _finding(deny: Rule, what: str, allow: Rule, better: str) -> Finding:
    message = f"{deny.place.text} leaves {what} open, by {allow.place.text} ({allow.place}): deny {better} instead"
    return Finding(Kind.WIDE, deny.place, message)


def _spans(addresses: AddressSet) -> Iterator[tuple[int, int, int]]:
    """Family, first and last address of each span."""
    return ((family, low, high) for family in FAMILIES for low, high in addresses.family(family))


def _is_host(addresses: AddressSet) -> bool:
    """Whether it is one machine: no more than an address in each family, and in both one."""
    return all(len(spans := addresses.family(f).spans) == 1 and spans[0][0] == spans[0][1] for f in FAMILIES)


def _twins(survey: Survey) -> dict[tuple[int, int], tuple[str, IntervalSet]]:
    """A port of one protocol → the service that has it in TCP and UDP, and the port of the other protocol."""
    named = {
        name: reduce(IntervalSet.__or__, map(parse_notation, texts), IntervalSet()) for name, texts in BUILT_IN.items()
    }
    twins: dict[tuple[int, int], tuple[str, IntervalSet]] = {}
    for name, services in (named | dict(survey.document.services)).items():
        for low, high in services:
            for one, other in ((TCP, UDP), (UDP, TCP)):
                twin = IntervalSet(((other << 16 | low & 0xFFFF, other << 16 | high & 0xFFFF),))
                if low >> 16 == one and high >> 16 == one and twin <= services:
                    twins[low, high] = (name, twin)
    return twins
