"""IP packets as bytes: just enough of IPv4, IPv6, TCP, UDP, ICMP, ICMPv6 and GRE, with correct checksums.

Every packet carries a token at its very end, so that whatever comes of it (the packet itself on another
device, a refusal that quotes it, a reset that acknowledges it) can be told from that of any other.
"""

import socket
import struct
from dataclasses import dataclass, replace

ICMP, TCP, UDP, GRE, ESP, ICMPV6 = 1, 6, 17, 47, 50, 58
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ECHO_REQUEST, ECHO_REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
# Neighbour discovery (RFC 4861), which connection tracking leaves alone (nf_conntrack_proto_icmpv6.c).
UNTRACKED = (133, 134, 135, 136)
REDIRECT = 137
MAGIC = b"\xf7lab"
TOKEN_SIZE = 8
_WITH_ID = {(ICMP, 0), (ICMP, 8), (ICMP, 13), (ICMP, 14), (ICMPV6, 128), (ICMPV6, 129)}


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet in terms of the fields that rules look at.

    ``detail`` is the destination port of TCP and UDP, ``type << 8 | code`` of ICMP and ICMPv6. ``source`` is
    the source port, or the identifier of an ICMP echo. ``seq`` and ``ack`` are TCP's; ``body`` is what an
    ICMP error quotes, or what stands before the token otherwise, ``tail`` what stands behind it.
    """

    src: str
    dst: str
    protocol: int = TCP
    detail: int = 0
    source: int = 40000
    flags: int = SYN
    seq: int = 0
    ack: int = 0
    body: bytes = b""
    tail: bytes = b""
    hops: int = 64

    @property
    def family(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.src else 4

    @property
    def icmp_type(self) -> int:
        """The type of an ICMP or ICMPv6 packet."""
        return self.detail >> 8

    def __str__(self) -> str:
        if self.protocol in (TCP, UDP):
            kind = f"{'tcp' if self.protocol == TCP else 'udp'} {self.source} -> {self.detail}"
        elif self.protocol in (ICMP, ICMPV6):
            kind = f"icmp type {self.icmp_type} code {self.detail & 255}"
        else:
            kind = f"protocol {self.protocol}"
        return f"{self.src} -> {self.dst} {kind}" + (f" flags {self.flags:#x}" if self.protocol == TCP else "")


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pack_address(text: str) -> bytes:
    """The address in network byte order."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def unpack_address(data: bytes) -> str:
    """The text of 4 or 16 bytes."""
    return socket.inet_ntop(socket.AF_INET6 if len(data) == 16 else socket.AF_INET, data)


def token(number: int) -> bytes:
    """The mark that ends the packet of this number."""
    return MAGIC + struct.pack("!I", number)


def find_token(data: bytes) -> int | None:
    """The number of the packet that these bytes are, or quote."""
    at = data.rfind(MAGIC)
    if at < 0 or len(data) < at + TOKEN_SIZE:
        return None
    return int.from_bytes(data[at + len(MAGIC) : at + TOKEN_SIZE], "big")


def _transport(packet: Packet, payload: bytes) -> bytes:
    """The header and payload of the transport protocol, its checksum still zero."""
    if packet.protocol == TCP:
        fields = (packet.source, packet.detail, packet.seq, packet.ack, 5 << 4, packet.flags, 0xFFFF, 0, 0)
        return struct.pack("!HHIIBBHHH", *fields) + payload
    if packet.protocol == UDP:
        return struct.pack("!HHHH", packet.source, packet.detail, 8 + len(payload), 0) + payload
    if packet.protocol in (ICMP, ICMPV6):
        rest = struct.pack("!I", packet.ack)
        if (packet.protocol, packet.icmp_type) in _WITH_ID:
            rest = struct.pack("!HH", packet.source, 1)
        return struct.pack("!HH", packet.detail, 0) + rest + payload
    if packet.protocol == GRE:
        return struct.pack("!HH", 0, 0x0800) + payload
    return payload


_CHECKSUM_AT = {TCP: 16, UDP: 6, ICMP: 2, ICMPV6: 2}


def _sealed(packet: Packet, segment: bytes) -> bytes:
    """The segment with its checksum, over the pseudo-header where the protocol has one."""
    at = _CHECKSUM_AT.get(packet.protocol)
    if at is None:
        return segment
    pseudo = b""
    if packet.family == 6:
        pseudo = struct.pack("!II", len(segment), packet.protocol)
    elif packet.protocol != ICMP:
        pseudo = struct.pack("!BBH", 0, packet.protocol, len(segment))
    if pseudo:
        pseudo = pack_address(packet.src) + pack_address(packet.dst) + pseudo
    return segment[:at] + struct.pack("!H", checksum(pseudo + segment) or 0xFFFF) + segment[at + 2 :]


def wrap(packet: Packet, segment: bytes) -> bytes:
    """The segment, as it is, inside an IP header."""
    addresses = pack_address(packet.src) + pack_address(packet.dst)
    if packet.family == 6:
        return struct.pack("!IHBB", 6 << 28, len(segment), packet.protocol, packet.hops) + addresses + segment
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 1, 0, packet.hops, packet.protocol, 0) + addresses
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + segment


def build(packet: Packet, number: int) -> bytes:
    """The whole packet, with the token of ``number``."""
    return wrap(packet, _sealed(packet, _transport(packet, packet.body + token(number) + packet.tail)))


def fragments(frame: bytes, identifier: int) -> list[bytes]:
    """An IPv4 packet in two fragments (RFC 791), the first with eight bytes of payload, where the ports are."""
    out: list[bytes] = []
    for offset, more, part in ((0, 1, frame[20:28]), (1, 0, frame[28:])):
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(part), identifier, more << 13 | offset, 64, frame[9], 0)
        head += frame[12:20]
        out.append(head[:10] + struct.pack("!H", checksum(head)) + head[12:] + part)
    return out


def behind_options(frame: bytes) -> bytes:
    """An IPv6 packet with an empty destination options header (RFC 8200, 4.6) before its transport header."""
    length = struct.unpack_from("!H", frame, 4)[0] + 8
    options = struct.pack("!BBBB4x", frame[6], 0, 1, 4)
    return frame[:4] + struct.pack("!HB", length, 60) + frame[7:40] + options + frame[40:]


def parse_segment(src: str, dst: str, protocol: int, data: bytes, hops: int = 0) -> Packet:
    """A packet from what follows the IP header."""
    packet = Packet(src, dst, protocol, hops=hops, flags=0, source=0)
    if protocol in (TCP, UDP) and len(data) >= 8:
        source, detail = struct.unpack_from("!HH", data)
        packet = replace(packet, source=source, detail=detail)
        if protocol == TCP and len(data) >= 20:
            seq, ack, _, flags = struct.unpack_from("!IIBB", data, 4)
            packet = replace(packet, seq=seq, ack=ack, flags=flags)
    elif protocol in (ICMP, ICMPV6) and len(data) >= 8:
        detail, _, identifier = struct.unpack_from("!HHH", data)
        packet = replace(packet, detail=detail, source=identifier, body=data[8:])
    return packet


def parse(frame: bytes) -> Packet:
    """What an IP packet says; ``body`` is kept for ICMP only."""
    if frame[0] >> 4 == 6:
        src, dst = unpack_address(frame[8:24]), unpack_address(frame[24:40])
        return parse_segment(src, dst, frame[6], frame[40:], frame[7])
    start = (frame[0] & 15) * 4
    return parse_segment(unpack_address(frame[12:16]), unpack_address(frame[16:20]), frame[9], frame[start:], frame[8])


# Names of the ICMP errors that routers send about a packet, as (protocol, detail).
ERRORS = {
    4: {"unreachable": (ICMP, 3 << 8 | 1), "frag-needed": (ICMP, 3 << 8 | 4), "time-exceeded": (ICMP, 11 << 8),
        "parameter-problem": (ICMP, 12 << 8)},
    6: {"unreachable": (ICMPV6, 1 << 8 | 3), "packet-too-big": (ICMPV6, 2 << 8), "time-exceeded": (ICMPV6, 3 << 8),
        "parameter-problem": (ICMPV6, 4 << 8)},
}  # fmt: skip


def reply(seen: Packet) -> Packet:
    """What the far side answers first: SYN-ACK, a datagram back, an echo reply."""
    back = replace(seen, src=seen.dst, dst=seen.src, hops=64, body=b"")
    if seen.protocol == TCP:
        return replace(back, source=seen.detail, detail=seen.source, flags=SYN | ACK, seq=0, ack=seen.seq + 1)
    if seen.protocol == UDP:
        return replace(back, source=seen.detail, detail=seen.source)
    if (seen.protocol, seen.icmp_type) in _WITH_ID:
        return replace(back, detail=(ECHO_REPLY[seen.family] if seen.icmp_type != 13 else 14) << 8)
    return back


def error(frame: bytes, kind: str, reporter: str) -> Packet:
    """The ICMP error of that kind by which ``reporter`` tells the sender of ``frame``, as it saw it, of trouble."""
    family = frame[0] >> 4
    protocol, detail = ERRORS[family][kind]
    rest = 1280 if kind in ("frag-needed", "packet-too-big") else 0
    sender = unpack_address(frame[8:24] if family == 6 else frame[12:16])
    return Packet(reporter, sender, protocol, detail, ack=rest, body=frame)
