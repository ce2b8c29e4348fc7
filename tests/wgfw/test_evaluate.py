"""What the evaluator says about single packets."""

import time
from datetime import timedelta

import pytest
from hypothesis import given, settings

from harden.document.place import Place
from tests.wgfw import naive
from tests.wgfw.handmade import NOW, Holder, Peer, build, flow_point
from tests.wgfw.made_policies import packets, policies
from wgfw.addresses import AddressSet, Prefix, format_ip, parse_ip
from wgfw.evaluate import Evaluator, Packet, Verdict
from wgfw.policy.document import Document
from wgfw.policy.model import Client, Policy
from wgfw.services import Flow

GATEWAY = ["10.8.0.1", "192.168.1.1", "fd00:8::1"]


def flow(text: str) -> Flow:
    point = flow_point(text)
    return Flow(point >> 16, point & 0xFFFF)


def ask(
    policy: Policy, source: str, to: str, service: str, interface: str | None = "wg0", behind: str | None = None
) -> Verdict:
    family, destination = parse_ip(to)
    after = None
    if behind is not None:
        address, _, port = behind.rpartition(" ")
        after = (parse_ip(address)[1], flow(port))
    packet = Packet(family, parse_ip(source)[1], destination, flow(service), interface, after)
    return Evaluator(policy, NOW).judge(packet)


@pytest.fixture
def policy() -> Policy:
    clients = {
        "anca": Peer(
            ips=["10.8.0.2/32", "fd00:8::2/128"],
            profiles=["media"],
            allow=[("gateway", "dns"), ("internet", "any"), ("cluster", "https", NOW + timedelta(hours=1))],
            deny=[("10.32.0.1", "any")],
        ),
        "laptop": Peer(ips=["10.8.0.3/32"], inbound=[("nas", "tcp/80"), ("client:anca", "ssh"), ("gateway", "any")]),
        "old": Peer(ips=["10.8.0.4/32"], allow=[("nas", "smb", NOW)]),
        "site": Peer(ips=["10.50.0.0/16"], allow=[("any", "any")], interface="wg1"),
        "inner": Peer(ips=["10.50.0.8/32"]),
    }
    return build(
        clients,
        profiles={"media": Holder(allow=[("nas", "smb,ping")])},
        networks={"nas": ["192.168.1.10", "fd00:1::10"], "cluster": ["10.32.0.0/12"]},
        gateway=GATEWAY,
    )[0]


def test_an_allow_of_a_profile_decides_and_is_named(policy: Policy) -> None:
    """The deciding entry of an allowed packet is the profile's, with its place."""
    verdict = ask(policy, "10.8.0.2", "192.168.1.10", "tcp/445")
    assert verdict.allowed
    assert verdict.rule is not None
    assert verdict.rule.origin == "media"
    assert str(verdict.rule.place) in verdict.reason


def test_nothing_is_allowed_that_no_entry_covers(policy: Policy) -> None:
    """Another service, another address, another client: denied, with no rule to blame."""
    for source, to, service in (
        ("10.8.0.2", "192.168.1.10", "tcp/22"),
        ("10.8.0.2", "192.168.1.11", "tcp/445"),
        ("10.8.0.3", "192.168.1.10", "tcp/445"),
    ):
        verdict = ask(policy, source, to, service)
        assert not verdict.allowed
        assert verdict.rule is None


def test_a_deny_wins_over_every_allow(policy: Policy) -> None:
    """The cluster is allowed, its first address is not."""
    assert ask(policy, "10.8.0.2", "10.32.0.2", "tcp/443").allowed
    verdict = ask(policy, "10.8.0.2", "10.32.0.1", "tcp/443")
    assert not verdict.allowed
    assert verdict.rule is not None
    assert verdict.rule.place.text == "{to: 10.32.0.1, services: [any]}"


def test_an_entry_is_in_force_before_its_until_and_not_from_it_on(policy: Policy) -> None:
    """The moment itself is already too late."""
    assert ask(policy, "10.8.0.2", "10.32.0.2", "tcp/443").allowed
    assert not ask(policy, "10.8.0.4", "192.168.1.10", "tcp/445").allowed


def test_a_source_that_is_nobodys_or_comes_by_another_interface_is_denied(policy: Policy) -> None:
    """The site's address is its own only on wg1; a more specific prefix belongs to another client."""
    assert ask(policy, "10.50.0.7", "192.168.1.10", "tcp/22", "wg1").allowed
    for source, interface in (("10.50.0.7", "wg0"), ("10.50.0.8", "wg1"), ("10.99.0.1", "wg0")):
        verdict = ask(policy, source, "192.168.1.10", "tcp/445", interface)
        assert not verdict.allowed
        assert verdict.sender is None


def test_internet_is_neither_private_space_nor_the_gateway(policy: Policy) -> None:
    """Public addresses only."""
    assert ask(policy, "10.8.0.2", "1.1.1.1", "udp/443").allowed
    assert not ask(policy, "10.8.0.2", "172.16.0.1", "udp/443").allowed
    assert not ask(policy, "10.8.0.2", "192.168.1.1", "udp/443").allowed


def test_gateway_is_each_of_its_own_addresses_and_nothing_else(policy: Policy) -> None:
    """DNS on the gateway, on whichever interface the address is."""
    for address in ("10.8.0.1", "192.168.1.1"):
        assert ask(policy, "10.8.0.2", address, "udp/53").allowed
    assert ask(policy, "fd00:8::2", "fd00:8::1", "udp/53").allowed
    assert not ask(policy, "10.8.0.2", "192.168.1.2", "udp/53").allowed


def test_the_receivers_inbound_opens_what_the_sender_has_no_allow_for(policy: Policy) -> None:
    """Client to client, and from outside; from both only what the inbound names."""
    verdict = ask(policy, "10.8.0.2", "10.8.0.3", "tcp/22")
    assert verdict.allowed
    assert verdict.receiver is not None
    assert verdict.receiver.name == "laptop"
    assert ask(policy, "192.168.1.10", "10.8.0.3", "tcp/80", None).allowed
    assert not ask(policy, "192.168.1.11", "10.8.0.3", "tcp/80", None).allowed
    assert not ask(policy, "192.168.1.10", "10.8.0.2", "tcp/80", None).allowed


def test_what_concerns_no_client_is_not_ours_to_decide(policy: Policy) -> None:
    """LAN to LAN, and LAN to the gateway: told apart from a denial."""
    for to in ("192.168.1.11", "10.8.0.1"):
        verdict = ask(policy, "192.168.1.10", to, "tcp/22", None)
        assert not verdict.governed
    assert ask(policy, "192.168.1.10", "10.8.0.2", "tcp/22", None).governed


def test_with_a_dnat_the_allow_must_cover_what_was_asked_for(policy: Policy) -> None:
    """An allow of the backend does not open the published port; an allow of the gateway's port does."""
    assert not ask(policy, "10.8.0.2", "10.8.0.1", "tcp/8445", behind="192.168.1.10 tcp/445").allowed
    assert ask(policy, "10.8.0.2", "10.8.0.1", "udp/53", behind="10.0.0.53 udp/5353").allowed


def test_with_a_dnat_a_deny_wins_on_either_side_of_it(policy: Policy) -> None:
    """The address behind is denied although the gateway's port is allowed."""
    verdict = ask(policy, "10.8.0.2", "10.8.0.1", "udp/53", behind="10.32.0.1 udp/53")
    assert not verdict.allowed
    assert verdict.rule is not None


def test_with_a_dnat_an_inbound_speaks_of_the_clients_own_port(policy: Policy) -> None:
    """gateway:8080 to laptop:80 is laptop's port 80."""
    assert ask(policy, "192.168.1.10", "192.168.1.1", "tcp/8080", None, "10.8.0.3 tcp/80").allowed
    assert not ask(policy, "192.168.1.10", "192.168.1.1", "tcp/80", None, "10.8.0.3 tcp/8080").allowed


def test_what_arrives_under_the_gateways_address_is_not_the_gateway() -> None:
    """An inbound from `gateway` opens nothing to it: not from outside, behind a DNAT, nor from a client that may use
    the address."""
    clients = {"exit": Peer(ips=["0.0.0.0/0"]), "site": Peer(ips=["10.8.0.4"], inbound=[("gateway", "any")])}
    policy, _ = build(clients, gateway=["10.8.0.1"])
    assert not ask(policy, "10.8.0.1", "10.8.0.4", "udp/53", None).allowed
    assert not ask(policy, "10.8.0.1", "10.8.0.0", "udp/53", None, "10.8.0.4 udp/53").allowed
    assert not ask(policy, "10.8.0.1", "10.8.0.4", "udp/53", "wg0").allowed


def test_an_inbound_does_not_open_the_gateway_to_whose_prefix_holds_its_address() -> None:
    """A peer that takes all addresses still is not the gateway."""
    policy = build(
        {"exit": Peer(ips=["0.0.0.0/0"], inbound=[("any", "any")]), "a": Peer(ips=["10.8.0.2"])}, gateway=["10.8.0.1"]
    )[0]
    assert ask(policy, "10.8.0.2", "10.9.0.1", "tcp/22").allowed
    assert not ask(policy, "10.8.0.2", "10.8.0.1", "tcp/22").allowed


def test_ping_means_each_familys_own(policy: Policy) -> None:
    """ICMPv6 inside IPv4 is not ping."""
    assert ask(policy, "10.8.0.2", "192.168.1.10", "ping").allowed
    family, nas = parse_ip("fd00:1::10")
    echo = Packet(family, parse_ip("fd00:8::2")[1], nas, Flow(58, 128 << 8), "wg0")
    assert Evaluator(policy, NOW).judge(echo).allowed
    odd = Packet(4, parse_ip("10.8.0.2")[1], parse_ip("192.168.1.10")[1], Flow(58, 128 << 8), "wg0")
    assert not Evaluator(policy, NOW).judge(odd).allowed


@settings(max_examples=300, deadline=None)
@given(policies(), packets())
def test_it_agrees_with_a_plain_reading_of_the_semantics(made: tuple[Policy, Document], packet: Packet) -> None:
    """Two evaluators, written differently, give one verdict."""
    policy, _ = made
    assert Evaluator(policy, NOW).judge(packet).allowed == naive.allowed(policy, packet, NOW)


@settings(max_examples=200, deadline=None)
@given(policies(), packets())
def test_the_deciding_rule_covers_the_packet(made: tuple[Policy, Document], packet: Packet) -> None:
    """Whatever rule is named, it would not decide were the packet another's."""
    verdict = Evaluator(made[0], NOW).judge(packet)
    if verdict.rule is None:
        assert not verdict.allowed
    else:
        assert verdict.allowed == (verdict.rule.effect.value != "deny")
        points = {packet.flow.point, (packet.behind or (0, packet.flow))[1].point}
        assert any(point in verdict.rule.services for point in points)


def test_ten_thousand_clients_take_a_moment() -> None:
    """Building and asking are fast enough to do at every command."""
    clients = tuple(
        Client(
            f"c{n}", "wg0", "", (Prefix(4, (10 << 24) + n, 32), Prefix(6, (0xFD << 120) + n, 128)), AddressSet(), (),
            (), None, Place("wg0.conf", n),
        )
        for n in range(10_000)
    )  # fmt: skip
    policy = Policy("p", ("wg0",), clients, {}, AddressSet(), "accept", 0, (), ())
    start = time.process_time()
    evaluator = Evaluator(policy, NOW)
    spent = time.process_time() - start
    assert all(evaluator.owner(4, (10 << 24) + n) is clients[n] for n in range(10_000))
    assert evaluator.owner(4, (10 << 24) + 10_000) is None
    assert evaluator.owner(4, (10 << 24) - 1) is None
    assert spent < 1, format_ip(4, 10 << 24)
