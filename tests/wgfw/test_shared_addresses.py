"""What a gateway shares with its networks is the gateway, for the rules and for those who explain them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.estate import PEERS, Gateway
from lab.iptables import BACKENDS, Iptables
from lab.tun import GATEWAY, Lab

from wgfw.addresses import AddressSet
from wgfw.peers.links import Address, local_addresses, shared_prefix

ANCA = {4: "10.8.0.2", 6: "fd00:8::2"}
SHARED = {4: ("51.15.0.255", "192.168.1.255"), 6: ("2a01:4f8:1::", "fd00:1::")}
both = pytest.mark.parametrize("family", [4, 6])


@pytest.fixture(scope="module", params=BACKENDS)
def iptables(request: pytest.FixtureRequest) -> Iterator[Iptables]:
    with Lab() as lab:
        lab.route((ip, dev) for dev, peers in PEERS.items() for ips in peers.values() for ip in ips.split(", "))
        yield Iptables(lab, request.param)


@pytest.fixture
def gateway(iptables: Iptables, tmp_path: Path) -> Iterator[Gateway]:
    yield Gateway(iptables.lab, iptables, tmp_path)
    iptables.clear()


@both
def test_internet_is_not_the_broadcast_or_anycast_address_of_the_gateways_public_network(
    gateway: Gateway, family: int
) -> None:
    """The kernel would deliver such a packet to the gateway's own services."""
    gateway.govern("clients: {anca: {allow: [{to: internet, services: [any]}]}}\n")
    for address in SHARED[family]:
        assert gateway.refused("wg0", ANCA[family], address) == [], address


@both
def test_a_deny_of_the_gateway_covers_what_it_shares_with_its_networks(gateway: Gateway, family: int) -> None:
    rules = "allow: [{to: any, services: [any]}], deny: [{to: gateway, services: [dns, ssh, http]}]"
    gateway.govern(f"clients: {{anca: {{{rules}}}}}\n")
    for address in SHARED[family]:
        assert gateway.refused("wg0", ANCA[family], address) == ["ping", "gre"], address


def test_the_gateways_own_addresses_are_told_with_those_it_shares(iptables: Iptables) -> None:
    assert AddressSet.parse(*SHARED[4], *SHARED[6], *GATEWAY["wan0"]) <= local_addresses(iptables.lab.netns.name)


@pytest.mark.parametrize(
    ("family", "value", "length", "shared"),
    [
        (4, 0xC0A80105, 24, "192.168.1.255"),
        (4, 0xC0A80105, 30, "192.168.1.7"),
        (4, 0xC0A80105, 31, None),
        (4, 0xC0A80105, 32, None),
        (6, 0xFD << 120 | 9, 64, "fd00::"),
        (6, 0xFD << 120 | 9, 127, None),
        (6, 0xFE80 << 112 | 9, 64, None),
    ],
)
def test_networks_of_one_or_two_and_those_of_a_link_share_nothing(
    family: int, value: int, length: int, shared: str | None
) -> None:
    found = shared_prefix(Address(2, family, value, length))
    assert (found.bare if found else None) == shared


def test_a_right_to_the_gateway_is_none_to_the_first_address_of_a_network_behind_it(gateway: Gateway) -> None:
    """Which the kernel calls anycast as well, though it may be another router's."""
    gateway.govern("clients: {anca: {allow: [{to: gateway, services: [any]}]}}\n")
    assert gateway.refused("wg0", ANCA[6], "fd00:32::") == []
    gateway.govern("clients: {anca: {allow: [{to: any, services: [any]}], deny: [{to: internet, services: [any]}]}}\n")
    gateway.lab.route([("2620:fe::/48", "lan0")])
    assert gateway.refused("wg0", ANCA[6], "2620:fe::") == []
    gateway.lab.route((ip, dev) for dev, peers in PEERS.items() for ips in peers.values() for ip in ips.split(", "))
