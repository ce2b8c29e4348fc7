"""What has opened other people's gateways does not open this one: each known way round, with real packets."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from lab import packet as wire
from lab.estate import PEERS, Gateway, opening, pick
from lab.iptables import BACKENDS, Dnat, Iptables
from lab.outcome import ICMP_PROHIBITED, TCP_RESET
from lab.tun import GATEWAY, Lab

ANCA, LAPTOP, GUEST = ("10.8.0.2", "fd00:8::2"), ("10.8.0.3", "fd00:8::3"), ("10.9.0.2", "fd00:9::2")
NAS, WORLD = ("192.168.1.10", "fd00:1::10"), ("8.8.8.8", "2620:fe::fe")
OWN = [address for addresses in GATEWAY.values() for address in addresses]
FAMILIES = (4, 6)
both = pytest.mark.parametrize("family", FAMILIES)


@pytest.fixture(scope="module", params=BACKENDS)
def iptables(request: pytest.FixtureRequest) -> Iterator[Iptables]:
    with Lab() as lab:
        lab.route((ip, dev) for dev, peers in PEERS.items() for ips in peers.values() for ip in ips.split(", "))
        yield Iptables(lab, request.param)


@pytest.fixture
def gateway(iptables: Iptables, tmp_path: Path) -> Iterator[Gateway]:
    yield Gateway(iptables.lab, iptables, tmp_path)
    for backend in BACKENDS:
        Iptables(iptables.lab, backend).clear()


ALLOWED = "clients: {anca: {allow: [{to: nas, services: [ssh, ping]}]}}\n"


@both
def test_refusals_are_quick_and_polite(gateway: Gateway, family: int) -> None:
    """TCP is reset, the rest is told that it is prohibited, through the gateway and to it."""
    gateway.govern(ALLOWED)
    for dst in (pick(NAS, family), pick(GATEWAY["lan0"], family)):
        answers = [gateway.send("wg0", pick(ANCA, family), dst, s).refusal for s in ("tcp/80", "udp/53", "gre")]
        assert answers == [TCP_RESET, ICMP_PROHIBITED, ICMP_PROHIBITED]
    assert gateway.send("wg0", pick(ANCA, family), pick(NAS, family), "tcp/22").forwarded == "lan0"


def test_none_of_the_gateways_addresses_is_open_unless_it_is_meant(gateway: Gateway) -> None:
    """FORWARD is not INPUT: the LAN address counts too, and one that the gateway got only now."""
    gateway.govern("clients: {anca: {allow: [{to: gateway, services: [dns]}]}}\n")
    gateway.lab.address("192.168.77.1/24", "lan0")
    gateway.lab.address("fd00:77::1/64", "lan0")
    for address in [*OWN, "192.168.77.1", "fd00:77::1"]:
        family = 6 if ":" in address else 4
        assert gateway.refused("wg0", pick(ANCA, family), address) == ["udp/53"], address
        assert gateway.refused("wg0", pick(LAPTOP, family), address) == [], address
    gateway.lab.address("192.168.77.1/24", "lan0", "del")
    gateway.lab.address("fd00:77::1/64", "lan0", "del")


@both
def test_internet_and_the_gateways_public_address_are_two_things(gateway: Gateway, family: int) -> None:
    gateway.govern("clients: {anca: {allow: [{to: internet, services: [any]}]}}\n")
    assert gateway.refused("wg0", pick(ANCA, family), pick(GATEWAY["wan0"], family)) == []
    assert gateway.send("wg0", pick(ANCA, family), pick(WORLD, family), "tcp/22").forwarded == "wan0"


@both
def test_each_of_several_denies_wins(gateway: Gateway, family: int) -> None:
    """Also where two of them end in one and the same set of many addresses."""
    denies = "{to: internet, services: [ssh]}, {to: internet, services: [dns, http, ping]}"
    gateway.govern(f"clients: {{anca: {{allow: [{{to: any, services: [any]}}], deny: [{denies}]}}}}\n")
    assert gateway.refused("wg0", pick(ANCA, family), pick(WORLD, family)) == ["gre"]


SOMEBODY = {
    "filter accept": ("-t", "filter", "-j", "ACCEPT"),
    "mangle accept": ("-t", "mangle", "-j", "ACCEPT"),
    "every mark": ("-t", "mangle", "-j", "MARK", "--set-mark", "0xffffffff"),
}


@both
@pytest.mark.parametrize("rule", SOMEBODY)
def test_somebody_elses_rule_before_ours_opens_nothing(gateway: Gateway, family: int, rule: str) -> None:
    """Docker, Calico or a person puts it first in FORWARD and INPUT after us."""
    gateway.govern(ALLOWED)
    for chain in ("FORWARD", "INPUT"):
        gateway.iptables.run(family, "-I", chain, *SOMEBODY[rule])
    for dst in (pick(NAS, family), pick(GATEWAY["lan0"], family), pick(WORLD, family)):
        assert gateway.refused("wg0", pick(LAPTOP, family), dst) == []
    assert gateway.refused("lan0", pick(NAS, family), pick(ANCA, family)) == []
    if rule == "filter accept":
        assert gateway.send("wg0", pick(ANCA, family), pick(NAS, family), "tcp/22").forwarded == "lan0"


@both
@pytest.mark.parametrize("target", ["MARK --set-mark 0xffffffff", "CT --notrack"])
def test_marks_and_untracked_packets_from_before_open_nothing(gateway: Gateway, family: int, target: str) -> None:
    gateway.govern(ALLOWED)
    gateway.iptables.run(family, "-t", "raw", "-I", "PREROUTING", "-j", *target.split())
    for dst in (pick(NAS, family), pick(GATEWAY["lan0"], family)):
        assert gateway.refused("wg0", pick(LAPTOP, family), dst) == []
    assert gateway.refused("lan0", pick(NAS, family), pick(ANCA, family)) == []


@both
def test_the_other_backends_rules_open_nothing_and_a_drop_of_theirs_counts(gateway: Gateway, family: int) -> None:
    """Legacy and nft rules are both evaluated, and any drop wins."""
    gateway.govern(ALLOWED)
    other = Iptables(gateway.lab, next(b for b in BACKENDS if b != gateway.iptables.backend))
    for table in ("mangle", "filter", "security"):
        for chain in ("FORWARD", "INPUT"):
            other.run(family, "-t", table, "-I", chain, "-j", "ACCEPT")
    for dst in (pick(NAS, family), pick(GATEWAY["lan0"], family)):
        assert gateway.refused("wg0", pick(LAPTOP, family), dst) == []
    assert gateway.send("wg0", pick(ANCA, family), pick(NAS, family), "tcp/22").passed
    other.run(family, "-I", "FORWARD", "-j", "DROP")
    assert not gateway.send("wg0", pick(ANCA, family), pick(NAS, family), "tcp/22").passed


@both
@pytest.mark.parametrize(("verdict", "passes"), [("accept", True), ("return", False)])
def test_the_hosts_own_later_rules_apply_to_what_returns(
    gateway: Gateway, family: int, verdict: str, passes: bool
) -> None:
    gateway.govern(ALLOWED + f"defaults: {{on_allow: {verdict}}}\n")
    gateway.iptables.run(family, "-A", "FORWARD", "-j", "DROP")
    assert gateway.send("wg0", pick(ANCA, family), pick(NAS, family), "tcp/22").passed is passes


@both
@pytest.mark.parametrize(
    ("allow", "deny", "passes"),
    [
        ("{to: gateway, services: [tcp/8080]}", "", True),
        ("{to: nas, services: [http]}", "", False),
        ("{to: gateway, services: [http]}", "", False),
        ("{to: gateway, services: [any]}", "{to: nas, services: [http]}", False),
        ("{to: gateway, services: [any]}", "{to: gateway, services: [tcp/8080]}", False),
        ("{to: gateway, services: [any]}", "{to: nas, services: [tcp/8080]}", True),
        ("{to: any, services: [any]}", "", True),
        ("{to: internet, services: [any]}", "", False),
    ],
)
def test_a_published_port_is_judged_as_the_client_asked_for_it(
    gateway: Gateway, family: int, allow: str, deny: str, passes: bool
) -> None:
    """An allow must cover what was asked; a deny wins when it covers that or what is behind it."""
    gateway.govern(f"clients: {{anca: {{allow: [{allow}], deny: [{deny}]}}}}\n")
    door = pick(GATEWAY["wan0"], family)
    gateway.iptables.dnat([Dnat(door, "tcp", 8080, pick(NAS, family), 80)])
    outcome = gateway.send("wg0", pick(ANCA, family), door, "tcp/8080")
    assert outcome.arrival == (("lan0", pick(NAS, family), 80) if passes else None)
    assert outcome.refusal == (None if passes else TCP_RESET)


@both
def test_a_virtual_address_and_a_redirect_are_judged_as_asked(gateway: Gateway, family: int) -> None:
    gateway.govern(
        "clients: {anca: {allow: [{to: cluster, services: [https]}]}, laptop: {allow: [{to: nas, services: [any]}]}}\n"
    )
    service, trap = (("10.43.0.10", "10.43.0.11"), ("fd00:43::10", "fd00:43::11"))[family == 6]
    gateway.iptables.dnat([
        Dnat(service, "tcp", 443, pick(NAS, family), 8443),
        Dnat(trap, "tcp", 443, None, 22),
        Dnat(pick(NAS, family), "tcp", 5000, pick(LAPTOP, family), 22),
    ])  # fmt: skip
    assert gateway.send("wg0", pick(ANCA, family), service, "tcp/443").arrival == ("lan0", pick(NAS, family), 8443)
    assert gateway.send("wg0", pick(ANCA, family), trap, "tcp/443").delivered
    assert not gateway.send("wg0", pick(ANCA, family), pick(NAS, family), "tcp/8443").passed
    assert not gateway.send("wg0", pick(LAPTOP, family), service, "tcp/443").passed
    assert gateway.send("wg0", pick(LAPTOP, family), pick(NAS, family), "tcp/5000").forwarded == "wg0"


@both
def test_a_port_published_for_a_client_needs_its_inbound_for_its_own_port(gateway: Gateway, family: int) -> None:
    gateway.govern("clients: {laptop: {inbound: [{from: internet, services: [ssh]}]}, anca: {}}\n")
    door = pick(GATEWAY["wan0"], family)
    gateway.iptables.dnat([Dnat(door, "tcp", port, pick(LAPTOP, family), to) for port, to in ((2222, 22), (22, 80))])
    assert gateway.send("wan0", pick(WORLD, family), door, "tcp/2222").arrival == ("wg0", pick(LAPTOP, family), 22)
    assert gateway.send("wan0", pick(WORLD, family), door, "tcp/22").refusal == TCP_RESET
    assert gateway.send("lan0", pick(NAS, family), pick(LAPTOP, family), "tcp/22").refusal == TCP_RESET


OPEN = "clients: {laptop: {inbound: [{from: any, services: [any]}]}, anca: {}, guest: {}}\n"


@both
@pytest.mark.parametrize(
    "source", [("10.8.0.99", "fd00:8::99"), GUEST, NAS, ("172.20.5.9", "fd00:20::9"), ("10.8.0.1", "fd00:8::1")]
)
def test_a_source_that_is_no_client_of_its_interface_gets_nowhere(
    gateway: Gateway, family: int, source: tuple[str, str]
) -> None:
    """Not even to a client that takes anything from anyone, and it is not told so."""
    gateway.govern(OPEN)
    for dst in (pick(LAPTOP, family), pick(NAS, family), pick(GATEWAY["wg0"], family)):
        outcome = gateway.send("wg0", pick(source, family), dst, "tcp/22")
        assert (outcome.passed, outcome.refusal) == (False, None)
    assert gateway.send("wg0", pick(ANCA, family), pick(LAPTOP, family), "tcp/22").forwarded == "wg0"
    assert gateway.send("wg1", pick(GUEST, family), pick(LAPTOP, family), "tcp/22").forwarded == "wg0"


@both
def test_invalid_packets_are_dropped_even_where_everything_is_allowed(gateway: Gateway, family: int) -> None:
    gateway.govern(OPEN.replace("anca: {}", "anca: {allow: [{to: any, services: [any]}]}"))
    for via, src in (("wg0", ANCA), ("wg1", GUEST), ("lan0", NAS)):
        odd = opening(pick(src, family), pick(LAPTOP, family), "tcp/22")
        outcomes = gateway.lab.send_all([(via, replace(odd, flags=flags)) for flags in (0, wire.SYN | wire.RST)])
        assert [str(o) for o in outcomes] == ["dropped without an answer"] * 2


@both
def test_an_address_belongs_to_the_longest_prefix(gateway: Gateway, family: int) -> None:
    """`desk` is within `office`, and `printer` too, on another interface: neither has what `office` has."""
    gateway.govern("clients: {office: {allow: [{to: nas, services: [any]}]}, desk: {}, printer: {}}\n")
    office, desk, printer = (
        ("172.20.5.8", "172.20.5.7", "172.20.5.9") if family == 4 else ("fd00:20::8", "fd00:20::7", "fd00:20::9")
    )
    assert gateway.send("wg0", office, pick(NAS, family), "tcp/22").passed
    assert gateway.send("wg0", desk, pick(NAS, family), "tcp/22").refusal == TCP_RESET
    assert str(gateway.send("wg0", printer, pick(NAS, family), "tcp/22")) == "dropped without an answer"
    assert gateway.send("wg1", printer, pick(NAS, family), "tcp/22").refusal == TCP_RESET
    assert str(gateway.send("wg1", office, pick(NAS, family), "tcp/22")) == "dropped without an answer"


@both
@pytest.mark.parametrize("policy", ["", "clients: {}\n", "clients: {anca: {}}\n", "profiles: {quarantine: {}}\n"])
def test_an_empty_policy_denies_everything(gateway: Gateway, family: int, policy: str) -> None:
    gateway.govern(policy)
    for via, src in (("wg0", ANCA), ("wg1", GUEST)):
        for dst in (NAS, WORLD, LAPTOP, GATEWAY["lan0"], GATEWAY["wg0"]):
            assert gateway.refused(via, pick(src, family), (dst[0], dst[1])[family == 6]) == []
    for via, src in (("lan0", NAS), ("wan0", WORLD)):
        assert gateway.refused(via, pick(src, family), pick(ANCA, family)) == []
    assert gateway.refused("wan0", pick(WORLD, family), pick(NAS, family)) == [
        "tcp/22",
        "tcp/80",
        "udp/53",
        "ping",
        "gre",
    ]


def test_fragments_and_extension_headers_hide_nothing(gateway: Gateway) -> None:
    """The second fragment has no ports, and IPv6 can put options before them."""
    gateway.govern("clients: {anca: {allow: [{to: nas, services: [tcp/8000]}]}}\n")
    for port, passes in ((8000, True), (8001, False)):
        packet = opening(ANCA[0], NAS[0], f"tcp/{port}", port)
        whole = wire.build(packet, gateway.lab.next_number())
        assert gateway.lab.send_frames("wg0", wire.fragments(whole, port), packet).passed is passes
        packet = opening(ANCA[1], NAS[1], f"tcp/{port}", port)
        frame = wire.behind_options(wire.build(packet, gateway.lab.next_number()))
        assert gateway.lab.send_frames("wg0", [frame], replace(packet, protocol=60)).passed is passes


@both
def test_other_peoples_rules_stay_as_they_were(gateway: Gateway, family: int) -> None:
    """Ours stand beside theirs: no rule, chain or policy of others is changed in any table."""
    gateway.iptables.clear()
    gateway.iptables.run(family, "-P", "FORWARD", "DROP")
    gateway.iptables.run(family, "-N", "THEIRS")
    for rule in (
        "-A THEIRS -p tcp --dport 1:99 -m comment --comment harden -j RETURN",
        "-A FORWARD -j THEIRS",
        "-t mangle -A INPUT -j MARK --set-mark 1",
        "-t nat -A POSTROUTING -o wan0 -j MASQUERADE",
        "-t security -A FORWARD -i lan0 -j ACCEPT",
        "-t raw -A PREROUTING -i lan0 -p udp -j ACCEPT",
    ):
        gateway.iptables.run(family, *rule.split())
    before = gateway.iptables.save(family)
    gateway.add(ALLOWED)
    after = gateway.iptables.save(family)
    assert after != before
    assert [line for line in after.splitlines() if "HARDEN-WG-" not in line] == before.splitlines()
