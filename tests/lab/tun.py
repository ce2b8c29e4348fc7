"""A gateway made of TUN devices, all held by the test: it writes what clients send and reads what comes out.

No ARP, no second namespace. The kernel handles a packet to its end within the ``write`` that brings it in
and the devices have no queueing discipline, so what a packet causes is there to be read when ``write``
returns. Nothing waits for time to pass: a sentinel, written last to a device of its own and seen by a
packet socket, which is before any rule, shows in each round that the kernel has got that far.
"""

import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from lab import packet as wire
from lab.netns import Netns
from lab.outcome import Outcome, acknowledged, reset_numbers
from lab.packet import Packet

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_SO_RCVBUFFORCE = 33
_PROTOCOLS = {
    4: (wire.ICMP, wire.TCP, wire.UDP, wire.GRE, wire.ESP),
    6: (wire.ICMPV6, wire.TCP, wire.UDP, wire.GRE, wire.ESP),
}
# More than fits in the kernel's socket buffers must not be in flight at once.
BATCH = 150

ADDRESSES: Mapping[str, Sequence[str]] = {
    "wg0": ("10.8.0.1/24", "fd00:8::1/64"),
    "wg1": ("10.9.0.1/24", "fd00:9::1/64"),
    "lan0": ("192.168.1.1/24", "fd00:1::1/64"),
    "wan0": ("51.15.0.2/24", "2a01:4f8:1::2/64"),
    "snt0": (),
}
ROUTES: Sequence[tuple[str, str]] = (
    ("10.32.0.0/12", "lan0"), ("fd00:32::/32", "lan0"), ("0.0.0.0/0", "wan0"), ("::/0", "wan0"),
)  # fmt: skip
_SENTINEL = Packet("127.0.0.2", "127.0.0.3", wire.UDP, 9)
_ETH_P_ALL = 3
GATEWAY: Mapping[str, tuple[str, ...]] = {
    dev: tuple(a.partition("/")[0] for a in addresses) for dev, addresses in ADDRESSES.items()
}


@dataclass
class _Sent:
    """A packet on its way: what a reset of it would acknowledge, and its fate."""

    packet: Packet
    acknowledged: int
    outcome: Outcome


class Lab:
    """A namespace with wg0, wg1, lan0 and wan0 as TUN devices, addresses and routes as in this module."""

    def __init__(self) -> None:
        self.netns = Netns()
        self._number = 0
        self._pending: dict[int, _Sent] = {}
        self._by_sequence: dict[tuple[int, int, int], _Sent] = {}
        self._tuns: dict[int, str] = {}
        self._raws: dict[int, tuple[socket.socket, int, int]] = {}
        self._watch: socket.socket | None = None
        self._added: list[tuple[str, str]] = []
        try:
            self.netns.call(self._open)
            self._ip(
                [f"link set {dev} txqueuelen 5000 up" for dev in ADDRESSES]
                + [f"addr add {a} dev {dev}" for dev, addresses in ADDRESSES.items() for a in addresses]
                + [f"route add {prefix} dev {dev}" for prefix, dev in ROUTES]
            )
            self._await_addresses(a for addresses in ADDRESSES.values() for a in addresses)
            for dev in ADDRESSES:
                self.netns.run("tc", "qdisc", "replace", "dev", dev, "root", "noqueue")
            self._watch = self.netns.call(_watch)
        except BaseException:
            self.close()
            raise
        self._descriptors = {dev: descriptor for descriptor, dev in self._tuns.items()}

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the devices and the namespace."""
        for descriptor in self._tuns:
            os.close(descriptor)
        for raw in [raw for raw, _, _ in self._raws.values()]:
            raw.close()
        self._tuns.clear()
        self._raws.clear()
        if self._watch:
            self._watch.close()
        self.netns.close()

    def _open(self) -> None:
        for dev in ADDRESSES:
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            self._tuns[descriptor] = dev
            fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", dev.encode(), _IFF_TUN | _IFF_NO_PI))
        for family, protocols in _PROTOCOLS.items():
            for protocol in protocols:
                domain = socket.AF_INET6 if family == 6 else socket.AF_INET
                raw = socket.socket(domain, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
                self._raws[raw.fileno()] = raw, family, protocol
                raw.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 22)
                if family == 6:
                    raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)

    def _ip(self, commands: Iterable[str]) -> None:
        self.netns.run("ip", "-batch", "-", text="\n".join(commands) + "\n")

    def route(self, routes: Iterable[tuple[str, str]]) -> None:
        """Route these prefixes to these devices, in place of what the last call routed."""
        wanted = list(dict.fromkeys(routes))
        commands = [f"route del {prefix} dev {dev}" for prefix, dev in self._added]
        self._added = wanted
        self._ip(commands + [f"route replace {prefix} dev {dev}" for prefix, dev in wanted])

    def address(self, cidr: str, dev: str, action: str = "add") -> None:
        """Give an address to a device (``add``) or take it away (``del``)."""
        self._ip([f"addr {action} {cidr} dev {dev}"])
        if action == "add":
            self._await_addresses([cidr])

    def _await_addresses(self, cidrs: Iterable[str]) -> None:
        """Until packets to them are the gateway's own.

        The kernel makes an IPv6 address' local route in a work queue, after `ip` has ended, though there is no
        duplicate address detection here (addrconf_dad_work in net/ipv6/addrconf.c).
        """
        wanted = {f"local {cidr.partition('/')[0]} " for cidr in cidrs if ":" in cidr}
        deadline = time.monotonic() + 10
        while wanted:
            local = self.netns.run("ip", "-6", "route", "show", "table", "local").stdout
            wanted = {words for words in wanted if words not in local}
            assert time.monotonic() < deadline, f"no route to the gateway's own {wanted}"

    def flush_conntrack(self) -> None:
        """Forget every connection."""
        self.netns.call(_flush_conntrack)

    def send(self, via: str, packet: Packet) -> Outcome:
        """Let the packet come in by a device; what became of it."""
        return self.send_all([(via, packet)])[0]

    def send_all(self, packets: Iterable[tuple[str, Packet]]) -> list[Outcome]:
        """The fates of packets that come in one after the other."""
        todo = list(packets)
        outcomes: list[Outcome] = []
        for start in range(0, len(todo), BATCH):
            sent = [self._write(via, packet) for via, packet in todo[start : start + BATCH]]
            self._settle()
            outcomes += [one.outcome for one in sent]
        return outcomes

    def send_frames(self, via: str, frames: Sequence[bytes], packet: Packet) -> Outcome:
        """Let ready-made frames come in (fragments, say) that make up ``packet``, whose token is in them."""
        number = wire.find_token(frames[-1])
        assert number is not None, "the last frame must end in a token"
        sent = self._expect(number, packet)
        for frame in frames:
            os.write(self._descriptors[via], frame)
        self._settle()
        return sent.outcome

    def send_own(self, src: str, dst: str, port: int) -> Outcome:
        """Let the gateway itself send a datagram, from one of its addresses; what became of it."""
        number = self.next_number()
        sent = self._expect(number, Packet(src, dst, wire.UDP, port))
        domain = socket.AF_INET6 if ":" in dst else socket.AF_INET
        with self.netns.call(lambda: socket.socket(domain, socket.SOCK_DGRAM)) as sender:
            sender.bind((src, 0))
            sender.sendto(wire.token(number), (dst, port))
            self._settle()
        return sent.outcome

    def next_number(self) -> int:
        """A number that no packet has had yet."""
        self._number += 1
        return self._number

    def _write(self, via: str, packet: Packet) -> _Sent:
        number = self.next_number()
        if packet.protocol == wire.TCP and not packet.seq:
            packet = replace(packet, seq=0x10000000 + number * 64)
        sent = self._expect(number, packet)
        os.write(self._descriptors[via], wire.build(packet, number))
        return sent

    def _expect(self, number: int, packet: Packet) -> _Sent:
        acked = acknowledged(packet, len(packet.body) + wire.TOKEN_SIZE + len(packet.tail))
        sent = self._pending[number] = _Sent(packet, acked, Outcome())
        if packet.protocol == wire.TCP:
            answered = (acked, packet.ack) if packet.flags & wire.ACK else (acked,)
            self._by_sequence.update({(packet.family, packet.source, n): sent for n in answered})
        return sent

    def _settle(self) -> None:
        """Collect everything that the packets written so far have caused."""
        assert self._watch, "the lab is closed"
        number = self.next_number()
        os.write(self._descriptors["snt0"], wire.build(_SENTINEL, number))
        deadline = time.monotonic() + 10
        while wire.find_token(self._watch.recv(65535)) != number:
            assert time.monotonic() < deadline, "the lab's own sentinel did not come through"
        self._drain()
        self._pending.clear()
        self._by_sequence.clear()

    def _drain(self) -> None:
        for descriptor, dev in self._tuns.items():
            while (frame := _read(descriptor)) is not None:
                self._came_out(dev, frame)
        for raw, family, protocol in self._raws.values():
            while (packet := _receive(raw, family, protocol)) is not None:
                self._came_in(*packet)

    def _came_out(self, dev: str, frame: bytes) -> None:
        packet = wire.parse(frame)
        number = wire.find_token(frame)
        sent = self._of_reset(packet) if number is None else self._pending.get(number)
        if sent is None:
            return
        if number is not None and _same_kind(packet, sent.packet):
            sent.outcome.forwarded, sent.outcome.seen, sent.outcome.frame = dev, packet, frame
        else:
            sent.outcome.answers.append((dev, packet))

    def _of_reset(self, packet: Packet) -> _Sent | None:
        if packet.protocol != wire.TCP or not packet.flags & wire.RST:
            return None
        keys = ((packet.family, packet.detail, n) for n in reset_numbers(packet))
        return next((self._by_sequence[key] for key in keys if key in self._by_sequence), None)

    def _came_in(self, packet: Packet, data: bytes) -> None:
        sent = self._pending.get(wire.find_token(data) or 0)
        if sent and _same_kind(packet, sent.packet):
            sent.outcome.delivered, sent.outcome.seen = True, packet


def _same_kind(one: Packet, other: Packet) -> bool:
    """Whether one may be the other, forwarded; NAT may have changed addresses and ports.

    A redirect may also be the gateway's own, about a redirect.
    """
    if one.protocol != other.protocol:
        return False
    if one.protocol == wire.ICMPV6 and one.icmp_type == wire.REDIRECT:
        return (one.src, one.icmp_type) == (other.src, other.icmp_type)
    return one.protocol not in (wire.ICMP, wire.ICMPV6) or one.icmp_type == other.icmp_type


def _watch() -> socket.socket:
    """A packet socket that sees the sentinels come in."""
    watch = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    watch.settimeout(10)
    watch.bind(("snt0", _ETH_P_ALL))
    return watch


def _read(descriptor: int) -> bytes | None:
    try:
        return os.read(descriptor, 65535)
    except BlockingIOError:
        return None


def _receive(raw: socket.socket, family: int, protocol: int) -> tuple[Packet, bytes] | None:
    """The next packet that INPUT let through, with its bytes."""
    try:
        data, control, _, sender = raw.recvmsg(65535, 256)
    except BlockingIOError:
        return None
    if family == 4:
        return wire.parse(data), data
    dst = next(value[:16] for level, kind, value in control if kind == socket.IPV6_PKTINFO)
    return wire.parse_segment(sender[0].partition("%")[0], wire.unpack_address(dst), protocol, data), data


def _flush_conntrack() -> None:
    """Delete all entries: ctnetlink's IPCTNL_MSG_CT_DELETE without a tuple (nfnetlink_conntrack.h)."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12) as netlink:
        netlink.send(struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 0x5, 1, 0, socket.AF_UNSPEC, 0, 0))
        error = struct.unpack_from("=i", netlink.recv(4096), 16)[0]
        assert error == 0, f"conntrack would not be flushed: {os.strerror(-error)}"
