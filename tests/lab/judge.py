"""What the policy wants of a packet, in terms of what the lab can see."""

import ipaddress
from dataclasses import dataclass
from datetime import datetime

from lab import packet as wire
from lab.aim import opens_nothing
from lab.outcome import ICMP_PROHIBITED, TCP_RESET, Outcome
from lab.packet import Packet

from wgfw.addresses import AddressSet, parse_ip
from wgfw.evaluate import Evaluator, Verdict
from wgfw.evaluate import Packet as Question
from wgfw.policy.model import Policy
from wgfw.services import Flow


@dataclass(frozen=True)
class Wanted:
    """``passes`` or not, and how it is refused if not; ``refusal`` ``any`` where the kernel's own rules for answers
    decide. ``why`` is for messages."""

    passes: bool
    refusal: str | None
    why: str


@dataclass(frozen=True)
class Judge:
    """The evaluator with eyes on the devices.

    ``gateway`` has every address that is the gateway's own; ``anycast`` the IPv6 addresses that the kernel
    sends no ICMP to, because they are a route's first one (icmpv6_route_lookup in net/ipv6/icmp.c).
    """

    policy: Policy
    now: datetime
    gateway: AddressSet
    anycast: frozenset[str]

    def wanted(self, via: str, packet: Packet, free: Outcome) -> Wanted | None:
        """What shall become of a packet that, without any rules, became ``free``.

        None for a packet that gets nowhere even then, or whose way is not the one its addresses say, so that
        the policy has no meaning for it, or for one to an anycast address, which may or may not be the gateway's.
        """
        if free.seen is None or packet.dst in self.anycast:
            return None
        verdict, managed = self.verdict(via, packet, free.seen), self.policy.interfaces
        astray = verdict.receiver is not None and free.forwarded != verdict.receiver.interface
        if astray or (via not in managed and self._own(packet.src)):
            return None
        if not {via, free.forwarded} & set(managed):
            return Wanted(True, None, "neither from nor to a managed interface")
        if opens_nothing(packet):
            return Wanted(False, None, "invalid")
        silent = verdict.allowed or (via in managed and verdict.sender is None)
        return Wanted(verdict.allowed, None if silent else self._refusal(packet, free), verdict.reason)

    def verdict(self, via: str, packet: Packet, seen: Packet) -> Verdict:
        """The evaluator's word on a packet that arrives as ``seen``."""
        family, source = parse_ip(packet.src)
        arrived = parse_ip(seen.dst)[1], Flow(seen.protocol, seen.detail)
        return Evaluator(self.policy, self.now).judge(
            Question(
                family,
                source,
                parse_ip(packet.dst)[1],
                Flow(packet.protocol, packet.detail),
                via if via in self.policy.interfaces else None,
                None if (seen.dst, seen.detail) == (packet.dst, packet.detail) else arrived,
            )
        )

    def _own(self, address: str) -> bool:
        return self.gateway.holds(*parse_ip(address))

    def _refusal(self, packet: Packet, free: Outcome) -> str | None:
        assert free.seen
        if _unanswerable(packet):
            return None
        if self._own(packet.src) or packet.src in self.anycast or (free.delivered and not self._own(free.seen.dst)):
            return "any"  # the answer would go to the gateway itself, or concerns a broadcast or anycast address
        if packet.protocol != wire.TCP:
            return ICMP_PROHIBITED
        flags = packet.flags & (wire.SYN | wire.ACK | wire.RST | wire.FIN)
        return TCP_RESET if flags == wire.SYN else None


def _unanswerable(packet: Packet) -> bool:
    """Whether it is sent to many, or a redirect: nobody may answer those with an error (RFC 4443, 2.4 e)."""
    redirect = packet.protocol == wire.ICMPV6 and packet.icmp_type == wire.REDIRECT
    return redirect or ipaddress.ip_address(packet.dst).is_multicast
