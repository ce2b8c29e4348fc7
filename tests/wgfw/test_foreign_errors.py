"""Nobody in the VPN ends or slows down other people's connections with ICMP errors that he makes up."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import packet as wire
from lab.estate import PEERS, Gateway, opening, pick
from lab.iptables import BACKENDS, Iptables
from lab.tun import GATEWAY, Lab

from wgfw.addresses import AddressSet
from wgfw.compiler.sets import FEW, few_around

ANCA, LAPTOP, OFFICE = ("10.8.0.2", "fd00:8::2"), ("10.8.0.3", "fd00:8::3"), ("172.20.9.9", "fd00:20::99")
NAS, WORLD = ("192.168.1.10", "fd00:1::10"), ("8.8.8.8", "2620:fe::fe")
ROUTER = ("172.20.0.1", "fd00:20::1")  # in the office
POLICY = "clients: {laptop: {allow: [{to: nas, services: [ssh]}]}, office: {inbound: [{from: nas, services: [ssh]}]}}\n"
both = pytest.mark.parametrize("family", [4, 6])


@pytest.fixture(scope="module", params=BACKENDS)
def iptables(request: pytest.FixtureRequest) -> Iterator[Iptables]:
    with Lab() as lab:
        lab.route((ip, dev) for dev, peers in PEERS.items() for ips in peers.values() for ip in ips.split(", "))
        yield Iptables(lab, request.param)


@pytest.fixture
def gateway(iptables: Iptables, tmp_path: Path) -> Iterator[Gateway]:
    made = Gateway(iptables.lab, iptables, tmp_path)
    made.govern(POLICY)
    yield made
    iptables.clear()


@both
def test_an_error_about_somebody_elses_connection_is_refused(gateway: Gateway, family: int) -> None:
    """The LAN's connections through the gateway are none of the VPN's."""
    opened = gateway.lab.send("lan0", opening(pick(NAS, family), pick(WORLD, family), "tcp/443"))
    assert opened.forwarded == "wan0"
    for kind in wire.ERRORS[family]:
        for liar in (ANCA, LAPTOP):
            assert not gateway.lab.send("wg0", wire.error(opened.frame, kind, pick(liar, family))).passed
        assert gateway.lab.send("wan0", wire.error(opened.frame, kind, pick(GATEWAY["wan0"], family)[:-1] + "9")).passed


@both
def test_an_error_about_ones_own_connection_passes_from_whatever_router(gateway: Gateway, family: int) -> None:
    """As the receiver behind a site, and as the one who opened the connection."""
    inward = gateway.lab.send("lan0", opening(pick(NAS, family), pick(OFFICE, family), "tcp/22"))
    assert inward.forwarded == "wg0"
    outward = gateway.lab.send("wg0", opening(pick(LAPTOP, family), pick(NAS, family), "tcp/22"))
    answered = gateway.lab.send("lan0", wire.reply(outward.seen)) if outward.seen else outward
    assert answered.forwarded == "wg0"
    for kind in wire.ERRORS[family]:
        assert gateway.lab.send("wg0", wire.error(inward.frame, kind, pick(ROUTER, family))).forwarded == "lan0", kind
        about_reply = wire.error(answered.frame, kind, pick(LAPTOP, family))
        assert gateway.lab.send("wg0", about_reply).forwarded == "lan0", kind


@both
def test_scattered_addresses_are_held_by_few_prefixes(family: int) -> None:
    texts = [f"10.{n}.{n * 7 % 256}.1" if family == 4 else f"fd00:{n:x}::1" for n in range(0, 200, 3)]
    scattered = AddressSet.parse(*texts)
    around = few_around(scattered, family)
    assert scattered <= AddressSet.of(around)
    assert 0 < len(around) <= FEW
    assert [str(p) for p in few_around(AddressSet.parse("10.8.0.0/24"), 4)] == ["10.8.0.0/24"]
