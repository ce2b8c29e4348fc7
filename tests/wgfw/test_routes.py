"""By which interface an address is reached, and whose connections are therefore ended."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from tests.lab.netns import Netns
from tests.wgfw.handmade import NOW, Peer, build
from wgfw.addresses import parse_ip
from wgfw.commands.revocation import ConnectionJudge
from wgfw.evaluate import Evaluator
from wgfw.kernel.conntrack import Connection
from wgfw.kernel.routes import Route, leads_to, lookup
from wgfw.services import Flow

prefixes = st.builds(
    lambda address, length: ipaddress.ip_network((address, length), strict=False),
    st.integers(0, 2**32 - 1) | st.integers(0, 255).map(lambda n: 10 << 24 | n),
    st.integers(0, 32),
)


@given(st.dictionaries(prefixes, st.sampled_from(["wg0", "lan0", "wan0"]), max_size=12), st.integers(0, 2**32 - 1))
def test_the_longest_prefix_wins(routes: dict[ipaddress.IPv4Network, str], address: int) -> None:
    """The interface is that of the longest prefix that holds the address, None if none does."""
    known: list[Route] = [(4, int(net.network_address), net.prefixlen, dev) for net, dev in routes.items()]
    holding = [(net.prefixlen, dev) for net, dev in routes.items() if ipaddress.ip_address(address) in net]
    assert lookup(known)(4, address) == (max(holding)[1] if holding else None)


def test_it_is_the_kernels_own_answer() -> None:
    """What is read from a real namespace is what ``ip route get`` says there, in both families."""
    targets = ("10.8.0.7", "10.50.3.4", "192.168.1.9", "8.8.8.8", "fd00:8::7", "fd00:50::1", "2620:fe::9")
    with Netns("hroutes") as netns:
        for device in ("wg0", "lan0"):
            netns.run("ip", "link", "add", device, "type", "veth", "peer", "name", f"{device}-far")
            netns.run("ip", "link", "set", device, "up")
            netns.run("ip", "link", "set", f"{device}-far", "up")
        for network, device in (
            ("10.8.0.0/24", "wg0"), ("10.50.0.0/16", "wg0"), ("192.168.1.0/24", "lan0"), ("default", "lan0"),
            ("fd00:8::/64", "wg0"), ("fd00:50::/48", "wg0"), ("2000::/3", "lan0"),
        ):  # fmt: skip
            netns.run("ip", "route", "add", network, "dev", device)
        by = leads_to(netns.name)
        for target in targets:
            said = netns.run("ip", "route", "get", target).stdout.split()
            assert by(*parse_ip(target)) == said[said.index("dev") + 1], target


def connection(source: str, destination: str) -> Connection:
    family, value = parse_ip(source)
    return Connection(family, value, parse_ip(destination)[1], Flow(6, 443), None, 40000)


def test_the_lan_is_not_taken_for_a_site_behind_a_peer() -> None:
    """A peer's AllowedIPs cover the LAN and, as an exit, everything: what others open there is none of ours."""
    policy, _ = build(
        {"exit": Peer(ips=["10.8.0.2/32", "192.168.0.0/16", "0.0.0.0/0"])}, networks={}, gateway=["10.8.0.1"]
    )
    routes = lookup(
        [(4, 10 << 24 | 8 << 16, 24, "wg0"), (4, 192 << 24 | 168 << 16 | 256, 24, "lan0"), (4, 0, 0, "wan0")]
    )
    judge = ConnectionJudge(Evaluator(policy, NOW), routes)
    assert not judge.denied(connection("192.168.1.9", "8.8.8.8"))
    assert not judge.denied(connection("8.8.8.8", "192.168.1.9"))
    assert not judge.denied(connection("10.8.0.1", "10.8.0.2"))
    assert judge.denied(connection("10.8.0.2", "8.8.8.8"))
    assert judge.denied(connection("192.168.1.9", "10.8.0.2"))
