"""Packets aimed at the boundaries of a scenario: edges of prefixes and port ranges, published ports, wrong sources."""

import ipaddress
import itertools
import random

from lab import packet as wire
from lab.generate import BACKENDS, PUBLISHED, VIRTUAL, Scenario, edges
from lab.packet import Packet
from lab.tun import ADDRESSES, GATEWAY, ROUTES

from wgfw.services import BUILT_IN

FAMILIES = (4, 6)
ELSEWHERE = {
    4: ("8.8.8.8", "1.1.1.1", "1.1.1.2", "100.64.0.1", "198.51.100.7", "172.31.255.255", "224.0.0.1", "10.43.0.99",
        "192.168.1.255", "10.8.0.255", "240.0.0.1", "169.254.1.1", "9.255.255.255", "11.0.0.0"),
    6: ("2620:fe::fe", "2620:fe:1::", "2001:db8::1", "64:ff9b::808:808", "2002:808:808::1", "ff02::1", "ff02::2",
        "ff0e::1", "fd00:43::99", "2a00::1", "3fff::1", "1fff::1"),
}  # fmt: skip
FIRST_SOURCE_PORT = 20000  # above every port that a policy of the generator names, but for whole ranges
CONTROL = {4: (13,), 6: (*wire.UNTRACKED, wire.REDIRECT)}  # a request for the time; neighbour discovery
INVALID_FLAGS = (0, wire.SYN | wire.RST, wire.FIN | wire.SYN)

CONNECTED = [(str(ipaddress.ip_interface(a).network), dev) for dev in ADDRESSES for a in ADDRESSES[dev]] + [*ROUTES]


class Aimer:
    """Draws packets for one scenario; source ports and pairs are used once, so that no packet answers another."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.random = random.Random(f"packets {scenario.seed}")
        self.source = FIRST_SOURCE_PORT
        self.pairs: set[frozenset[str]] = set()
        self.places = {family: self._places(family) for family in FAMILIES}
        self.ports = self._ports()

    def packets(self, count: int, family: int) -> list[tuple[str, Packet]]:
        """That many ``(device, packet)`` of one family."""
        return [self._packet(family) for _ in range(count)]

    def _packet(self, family: int) -> tuple[str, Packet]:
        dice = self.random.random()
        published = [d for d in self.scenario.dnat if d.family == family]
        if dice < 0.5 and self.scenario.lines and (aimed := self._aimed(family)):
            return aimed
        via = self.random.choice(["wg0", "wg0", "wg0", "wg1", "wg1", "lan0", "wan0"])
        src = self._source(via, family)
        if published and dice > 0.8:
            door = self.random.choice(published)
            protocol = wire.TCP if door.protocol == "tcp" else wire.UDP
            port = min(door.port + self.random.choice([0, 0, 0, 0, 1]), 65535)
            return via, Packet(src, door.dst, protocol, port, self._next_source())
        return via, self._opening(src, self._destination(family), family)

    def _aimed(self, family: int) -> tuple[str, Packet] | None:
        """A packet about which some line of the policy has something to say, or just not any more."""
        peer, line = self.random.choice(self.scenario.lines)
        near, far = self._inside(peer.allowed_ips, family), self._inside(self._prefixes(line.target), family)
        if near is None or far is None:
            return None
        src, dst = (far, near) if line.effect == "inbound" else (near, far)
        via = peer.interface if line.effect != "inbound" else self.device_of(src)
        return via, self._of_service(self.random.choice(line.services), src, dst, family)

    def _inside(self, prefixes: list[str], family: int) -> str | None:
        """An edge of one of them, mostly within."""
        fitting = [p for p in prefixes if (":" in p) == (family == 6)]
        return (
            self.random.choice(edges(self.random.choice(fitting))[: self.random.choice([1, 2, 2, 4])])
            if fitting
            else None
        )

    def _prefixes(self, target: str) -> list[str]:
        """The addresses that a target means, or some of them."""
        if target in self.scenario.networks:
            return self.scenario.networks[target]
        if target.startswith("profile:"):
            return [p for peer in self.scenario.profiles[target[8:]] for p in peer.allowed_ips]
        if target.startswith("client:"):
            name = target[7:].rpartition("/")[2]
            return [p for peer in self.scenario.peers if peer.name == name for p in peer.allowed_ips]
        if target == "gateway":
            return [a for addresses in GATEWAY.values() for a in addresses]
        return ["8.8.8.8", "2620:fe::fe", "51.15.0.2"] if target in ("internet", "any") else [target]

    def device_of(self, address: str) -> str:
        """Where packets from this address come from, as routing has it."""
        ip = ipaddress.ip_address(address)
        held = [(ipaddress.ip_network(prefix), dev) for prefix, dev in (*self.scenario.routes, *CONNECTED)]
        fitting = [(net.prefixlen, dev) for net, dev in held if net.version == ip.version and ip in net]
        return max(fitting)[1] if fitting else "wan0"

    def _of_service(self, name: str, src: str, dst: str, family: int) -> Packet:
        """A packet of this service, or of the next port to it."""
        notation = self.random.choice(self.scenario.services.get(name) or BUILT_IN.get(name) or [name])
        kind, _, ports = notation.partition("/")
        if kind not in ("tcp", "udp"):
            return self._opening(src, dst, family)
        ends = [int(part) for part in ports.split("-")]
        port = self.random.choice([ends[0], ends[0], ends[-1], max(ends[0] - 1, 1), min(ends[-1] + 1, 65535)])
        protocol = wire.TCP if kind == "tcp" else wire.UDP
        return Packet(src, dst, protocol, port, self._next_source(), self.random.choice([2, 2, 2, 2, 2, 16]))

    def _source(self, via: str, family: int) -> str:
        """Mostly a client of the device, sometimes another device's client or nobody."""
        mine = [
            address
            for peer in self.scenario.peers
            if (peer.interface == via) == (self.random.random() < 0.9)
            for prefix in peer.allowed_ips
            if (":" in prefix) == (family == 6) and not prefix.endswith("/0")
            for address in edges(prefix)[: self.random.choice([2, 2, 2, 4])]
        ]
        if mine and via.startswith("wg") and self.random.random() < 0.93:
            return self.random.choice(mine)
        return self._usable_source(via, family)

    def _usable_source(self, via: str, family: int) -> str:
        outside = {"lan0": BACKENDS[family], "wan0": ELSEWHERE[family][:2]}.get(via, ())
        if outside and self.random.random() < 0.6:
            return self.random.choice(outside)
        unicast = [a for a in self.places[family] if not a.startswith(("22", "ff", "24", "25", "fe80"))]
        return self.random.choice(unicast)

    def _destination(self, family: int) -> str:
        return self.random.choice(self.places[family])

    def _places(self, family: int) -> list[str]:
        """Each kind of place as likely as any other, whatever the number of addresses in it."""
        peers = [a for peer in self.scenario.peers for p in peer.allowed_ips for a in edges(p)]
        kinds = [
            [a for texts in self.scenario.networks.values() for text in texts for a in edges(text)],
            self.random.sample(peers, min(len(peers), 60)),
            [a for addresses in GATEWAY.values() for a in addresses],
            [*ELSEWHERE[family], *VIRTUAL[family], *PUBLISHED[family], *BACKENDS[family]],
        ]
        of_family = [sorted({a for a in kind if (":" in a) == (family == 6)}) for kind in kinds]
        return [self.random.choice(kind) for kind in of_family for _ in range(60) if kind]

    def _ports(self) -> dict[int, list[int]]:
        out = {wire.TCP: [22, 443, 445, 139, 53, 5900, 5904, 65535, 1], wire.UDP: [53, 443, 5060, 65535, 1]}
        for notation in itertools.chain.from_iterable(self.scenario.services.values()):
            kind, _, text = notation.partition("/")
            if kind in ("tcp", "udp"):
                ends = [int(part) for part in text.split("-")]
                out[wire.TCP if kind == "tcp" else wire.UDP] += [max(ends[0] - 1, 1), *ends, min(ends[-1] + 1, 65535)]
        return out

    def _opening(self, src: str, dst: str, family: int) -> Packet:
        """A packet that opens a connection, or one of the few kinds that open nothing."""
        icmp = wire.ICMPV6 if family == 6 else wire.ICMP
        kinds = (
            ["syn"] * 45 + ["udp"] * 23 + ["echo"] * 14 + ["control"] * 6 + ["other"] * 4 + ["late"] * 4 + ["odd"] * 4
        )
        kind = self.random.choice(kinds)
        if kind == "other" and frozenset((src, dst)) not in self.pairs:
            self.pairs.add(frozenset((src, dst)))
            return Packet(src, dst, self.random.choice([wire.GRE, wire.ESP]))
        made = {
            "syn": lambda: self._ported(src, dst, wire.TCP, wire.SYN),
            "udp": lambda: self._ported(src, dst, wire.UDP, 0),
            "late": lambda: self._ported(src, dst, wire.TCP, wire.ACK),
            "odd": lambda: self._ported(src, dst, wire.TCP, self.random.choice(INVALID_FLAGS)),
            "control": lambda: self._icmp(src, dst, icmp, self.random.choice(CONTROL[family])),
        }
        return made.get(kind, lambda: self._icmp(src, dst, icmp, self._echo(family)))()

    def _echo(self, family: int) -> int:
        return self.random.choice([wire.ECHO_REQUEST] * 6 + [wire.ECHO_REPLY])[family]

    def _ported(self, src: str, dst: str, protocol: int, flags: int) -> Packet:
        ack = self.random.getrandbits(31) if flags & wire.ACK else 0
        return Packet(src, dst, protocol, self.random.choice(self.ports[protocol]), self._next_source(), flags, ack=ack)

    def _icmp(self, src: str, dst: str, protocol: int, kind: int) -> Packet:
        hops = 255 if protocol == wire.ICMPV6 and kind in CONTROL[6] else 64
        return Packet(src, dst, protocol, kind << 8, self._next_source(), 0, hops=hops)

    def _next_source(self) -> int:
        self.source += 1
        return self.source


def opens_nothing(packet: Packet) -> bool:
    """Whether connection tracking calls such a packet, out of the blue, invalid (nf_conntrack_proto_*.c)."""
    if packet.protocol == wire.TCP:
        return packet.flags in INVALID_FLAGS
    return packet.protocol in (wire.ICMP, wire.ICMPV6) and packet.icmp_type in (0, 129, wire.REDIRECT)
