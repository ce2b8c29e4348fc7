"""Random small policies and packets that fall on their boundaries, as hypothesis strategies."""

from datetime import timedelta

from hypothesis import strategies as st

from tests.wgfw.handmade import NOW, Holder, Peer, build, flow_point
from wgfw.addresses import BITS, parse_ip
from wgfw.evaluate import Packet
from wgfw.policy.document import Document
from wgfw.policy.model import Policy
from wgfw.services import Flow

NETWORKS = {"nas": ["192.168.1.10", "fd00:1::10"], "lan": ["192.168.1.0/24", "fd00:1::/64"], "vpn": ["10.8.0.0/24"]}
GATEWAY = ["10.8.0.1", "192.168.1.1", "8.8.8.8", "fd00:1::1"]
TARGETS = [
    "nas", "lan", "vpn", "any", "internet", "gateway", "client:a", "client:b", "client:site", "profile:p",
    "profile:q", "10.8.0.2", "10.8.0.1", "192.168.1.8/30", "fd00:8::/64", "2000::/3", "10.50.0.7",
]  # fmt: skip
SERVICES = ["any", "ssh", "smb", "dns", "ping", "icmp/any", "tcp/1-65535", "udp/5000-5100", "ssh,ping"]
ADDRESSES = [
    "10.8.0.0", "10.8.0.1", "10.8.0.2", "10.8.0.3", "10.8.0.4", "10.8.0.255", "10.8.1.0", "192.168.1.1",
    "192.168.1.10", "192.168.1.8", "192.168.1.7", "8.8.8.8", "8.8.8.9", "0.0.0.0", "255.255.255.255", "10.50.0.7",
    "10.50.0.8", "10.50.1.1", "fd00:1::1", "fd00:1::10", "fd00:8::2", "fd00:8::3", "2000::", "2620::1", "::", "ff02::1",
]  # fmt: skip
POINTS = ["tcp/22", "tcp/445", "tcp/139", "udp/53", "udp/5000", "udp/5100", "tcp/1", "tcp/65535"]

rows = st.tuples(st.sampled_from(TARGETS), st.sampled_from(SERVICES))
timed = st.tuples(
    st.sampled_from(TARGETS),
    st.sampled_from(SERVICES),
    st.sampled_from([NOW, NOW - timedelta(days=1), NOW + timedelta(seconds=1), NOW + timedelta(days=9)]),
)
temporary = st.lists(rows | timed, max_size=3)
holders = st.builds(Holder, allow=temporary, deny=st.lists(rows, max_size=2), inbound=temporary)


def peers(ips: list[str], interface: str = "wg0") -> st.SearchStrategy[Peer]:
    """Clients with these addresses and any rules."""
    return st.builds(
        Peer,
        allow=temporary,
        deny=st.lists(rows, max_size=2),
        inbound=temporary,
        ips=st.just(ips),
        profiles=st.lists(st.sampled_from(["p", "q"]), unique=True, max_size=2),
        interface=st.just(interface),
    )


@st.composite
def policies(draw: st.DrawFn) -> tuple[Policy, Document]:
    """Five clients on two interfaces: one of each family, one with both, a site with a subnet, one within it."""
    clients = {
        "a": draw(peers(["10.8.0.2/32", "fd00:8::2/128"])),
        "b": draw(peers(["10.8.0.3/32"])),
        "six": draw(peers(["fd00:8::3/128"], "wg1")),
        "site": draw(peers(["10.8.0.4/32", "10.50.0.0/16"])),
        "inner": draw(peers(["10.50.0.8/32"], "wg1")),
    }
    profiles = {"p": draw(holders), "q": draw(holders)}
    gateway = draw(st.lists(st.sampled_from(GATEWAY), unique=True))
    return build(clients, profiles=profiles, networks=NETWORKS, gateway=gateway)


@st.composite
def flows(draw: st.DrawFn, family: int) -> Flow:
    """A flow that the family can carry, on a boundary of some service."""
    if draw(st.booleans()):
        point = flow_point(draw(st.sampled_from(POINTS)))
        return Flow(point >> 16, point & 0xFFFF)
    icmp = {4: [(1, 8 << 8), (1, 8 << 8 | 255), (1, 0)], 6: [(58, 128 << 8), (58, 129 << 8)]}[family]
    return Flow(*draw(st.sampled_from([*icmp, (47, 0), (6, 0), (0, 0), (255, 0)])))


@st.composite
def packets(draw: st.DrawFn) -> Packet:
    """A packet between two addresses that some policy speaks of, or their neighbours; sometimes behind a DNAT."""

    def address(family: int) -> int:
        known = [value for f, value in map(parse_ip, ADDRESSES) if f == family]
        step = draw(st.sampled_from([0, 0, 0, -1, 1]))
        return min(max(draw(st.sampled_from(known)) + step, 0), (1 << BITS[family]) - 1)

    family = draw(st.sampled_from([4, 4, 6]))
    behind = (address(family), draw(flows(family))) if draw(st.integers(0, 3)) == 0 else None
    interface = draw(st.sampled_from(["wg0", "wg0", "wg1", None]))
    return Packet(family, address(family), address(family), draw(flows(family)), interface, behind)


# One address of each client, with its interface; and addresses that are no client's in any of these policies.
SENDERS = {
    "10.8.0.2": "wg0", "10.8.0.3": "wg0", "10.8.0.4": "wg0", "10.50.0.7": "wg0", "10.50.0.9": "wg0",
    "10.50.0.8": "wg1", "fd00:8::2": "wg0", "fd00:8::3": "wg1",
}  # fmt: skip
OUTSIDERS = ["10.8.0.5", "192.168.1.10", "192.168.1.8", "8.8.8.9", "10.51.0.0", "fd00:1::10", "2620::1"]


@st.composite
def client_packets(draw: st.DrawFn) -> Packet:
    """A packet that a client sends, or one that comes to a client from outside; no DNAT."""
    if draw(st.integers(0, 2)):
        source = draw(st.sampled_from(sorted(SENDERS)))
        family, start = parse_ip(source)
        ends = [value for f, value in map(parse_ip, [*ADDRESSES, *OUTSIDERS]) if f == family]
        interface: str | None = SENDERS[source]
    else:
        family, start = parse_ip(draw(st.sampled_from(OUTSIDERS)))
        ends = [value for f, value in map(parse_ip, SENDERS) if f == family]
        interface = None
    return Packet(family, start, draw(st.sampled_from(ends)), draw(flows(family)), interface)
