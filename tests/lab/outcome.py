"""What became of a packet."""

from dataclasses import dataclass, field

from lab.packet import ACK, FIN, ICMP, ICMPV6, REDIRECT, RST, SYN, TCP, Packet

TCP_RESET, ICMP_PROHIBITED = "tcp-reset", "icmp-prohibited"
# RFC 1812: communication administratively prohibited; RFC 4443: the same, code 1.
_REDIRECT = (ICMPV6, REDIRECT << 8)  # IPv6 hosts that are neighbours are told so before FORWARD is asked (ip6_output.c)
_PROHIBITED = {(ICMP, 3 << 8 | 13), (ICMPV6, 1 << 8 | 1)}


@dataclass
class Outcome:
    """One sent packet's fate.

    ``forwarded`` is the device it left by, ``delivered`` whether INPUT let it through; ``seen`` the packet as
    it arrived there, after any DNAT, and ``frame`` its bytes (forwarded ones only). ``answers`` are the
    packets that the gateway itself sent because of it, with the device each left by.
    """

    forwarded: str | None = None
    delivered: bool = False
    seen: Packet | None = None
    frame: bytes = b""
    answers: list[tuple[str, Packet]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether it got anywhere at all."""
        return self.delivered or self.forwarded is not None

    @property
    def arrival(self) -> tuple[str, str, int] | None:
        """Where it got: the device or ``gateway``, the address and the port (or ICMP detail); None for nowhere."""
        return (self.forwarded or "gateway", self.seen.dst, self.seen.detail) if self.seen else None

    @property
    def refusal(self) -> str | None:
        """How the sender was told no; None for silence, and for what the gateway's own stack answers."""
        if self.passed:
            return None
        kinds = {_refusal(answer) for _, answer in self.answers if (answer.protocol, answer.detail) != _REDIRECT}
        assert len(kinds) <= 1, f"several answers to one packet: {self.answers}"
        return kinds.pop() if kinds else None

    def __str__(self) -> str:
        if self.forwarded:
            return f"forwarded by {self.forwarded} as {self.seen}"
        if self.delivered:
            return f"delivered to the gateway as {self.seen}"
        return f"refused: {self.refusal}" if self.refusal else "dropped without an answer"


def _refusal(answer: Packet) -> str:
    if answer.protocol == TCP and answer.flags & RST:
        return TCP_RESET
    return ICMP_PROHIBITED if (answer.protocol, answer.detail) in _PROHIBITED else f"other answer: {answer}"


def reset_numbers(reset: Packet) -> tuple[int, ...]:
    """The sequence numbers that a packet may have had which met this reset (RFC 9293, 3.10.7.1)."""
    return (reset.seq,) if not reset.flags & ACK else (reset.ack, reset.seq)


def acknowledged(packet: Packet, size: int) -> int:
    """What a reset in answer to this segment acknowledges."""
    return (packet.seq + size + bool(packet.flags & SYN) + bool(packet.flags & FIN)) & 0xFFFFFFFF
