"""The packet lab tells the truth, judged by rules written by hand."""

from collections.abc import Iterator

import pytest
from lab import packet as wire
from lab.iptables import BACKENDS, Dnat, Iptables
from lab.packet import Packet
from lab.tun import Lab

CLIENT = {4: "10.8.0.5", 6: "fd00:8::5"}
HOST = {4: "192.168.1.20", 6: "fd00:1::20"}
GATEWAY = {4: "192.168.1.1", 6: "fd00:1::1"}
pytestmark = pytest.mark.kernel
families = pytest.mark.parametrize("family", [4, 6])


@pytest.fixture(scope="module", params=BACKENDS)
def tables(request: pytest.FixtureRequest) -> Iterator[tuple[Lab, Iptables]]:
    with Lab() as lab:
        yield lab, Iptables(lab, request.param)


@pytest.fixture(autouse=True)
def clean(tables: tuple[Lab, Iptables]) -> None:
    lab, iptables = tables
    iptables.clear()
    lab.flush_conntrack()


def every_protocol(src: str, dst: str) -> list[tuple[str, Packet]]:
    icmp = wire.ICMPV6 if ":" in src else wire.ICMP
    echo = wire.ECHO_REQUEST[6 if ":" in src else 4] << 8
    kinds = ((wire.TCP, 80), (wire.UDP, 53), (icmp, echo), (wire.GRE, 0))
    return [("wg0", Packet(src, dst, protocol, detail)) for protocol, detail in kinds]


@families
def test_without_rules_packets_are_forwarded_unchanged_and_delivered(tables: tuple[Lab, Iptables], family: int) -> None:
    lab, _ = tables
    packets = every_protocol(CLIENT[family], HOST[family])
    wanted = [("lan0", HOST[family], packet.detail) for _, packet in packets]
    assert [o.arrival for o in lab.send_all(packets)] == wanted
    packets = every_protocol(CLIENT[family], GATEWAY[family])
    wanted = [("gateway", GATEWAY[family], packet.detail) for _, packet in packets]
    assert [o.arrival for o in lab.send_all(packets)] == wanted


@families
@pytest.mark.parametrize("chain", ["FORWARD", "INPUT"])
def test_each_kind_of_refusal_is_told_from_the_others(tables: tuple[Lab, Iptables], family: int, chain: str) -> None:
    lab, iptables = tables
    icmp = "icmp-admin-prohibited" if family == 4 else "icmp6-adm-prohibited"
    target = (HOST if chain == "FORWARD" else GATEWAY)[family]
    packets = every_protocol(CLIENT[family], target)
    iptables.run(family, "-A", chain, "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
    iptables.run(family, "-A", chain, "-j", "REJECT", "--reject-with", icmp)
    assert [o.refusal for o in lab.send_all(packets)] == ["tcp-reset"] + ["icmp-prohibited"] * 3
    iptables.run(family, "-I", chain, "-j", "DROP")
    assert [str(o) for o in lab.send_all(packets)] == ["dropped without an answer"] * 4


@families
def test_the_gateways_own_stack_answers_are_not_refusals(tables: tuple[Lab, Iptables], family: int) -> None:
    lab, _ = tables
    outcomes = lab.send_all(every_protocol(CLIENT[family], GATEWAY[family])[:3])
    assert [len(o.answers) for o in outcomes] == [1, 1, 1]
    assert [o.refusal for o in outcomes] == [None] * 3


@families
def test_dnat_shows_in_what_is_seen_and_the_reply_comes_back(tables: tuple[Lab, Iptables], family: int) -> None:
    lab, iptables = tables
    iptables.dnat([
        Dnat(GATEWAY[family], "tcp", 8080, HOST[family], 80),
        Dnat(GATEWAY[family], "udp", 53, None, 5353),
    ])  # fmt: skip
    asked = Packet(CLIENT[family], GATEWAY[family], detail=8080)
    outcome = lab.send("wg0", asked)
    assert outcome.arrival == ("lan0", HOST[family], 80)
    redirected = lab.send("wg0", Packet(CLIENT[family], GATEWAY[family], wire.UDP, 53))
    assert redirected.arrival == ("gateway", {4: "10.8.0.1", 6: "fd00:8::1"}[family], 5353)
    assert outcome.seen
    back = lab.send("lan0", wire.reply(outcome.seen))
    assert back.arrival == ("wg0", CLIENT[family], asked.source)
    assert back.seen
    assert (back.seen.src, back.seen.source) == (GATEWAY[family], 8080)


@families
@pytest.mark.parametrize("protocol", [wire.TCP, wire.UDP])
def test_replies_and_errors_belong_to_their_connection(
    tables: tuple[Lab, Iptables], family: int, protocol: int
) -> None:
    lab, iptables = tables
    iptables.run(family, "-A", "FORWARD", "-i", "lan0", "-m", "conntrack", "--ctstate", "NEW,INVALID", "-j", "DROP")
    outcome = lab.send("wg0", Packet(CLIENT[family], HOST[family], protocol, 443))
    assert outcome.seen
    errors = [wire.error(outcome.frame, kind, HOST[family]) for kind in wire.ERRORS[family]]
    sent = [("lan0", packet) for packet in (wire.reply(outcome.seen), *errors)]
    assert [o.forwarded for o in lab.send_all(sent)] == ["wg0"] * len(sent)
    stray = [("lan0", Packet(HOST[family], CLIENT[family], protocol, 40000, source=444, flags=wire.SYN | wire.ACK))]
    lab.flush_conntrack()
    assert [o.passed for o in lab.send_all(stray + sent)] == [False] * (1 + len(sent))


def test_a_thousand_packets_each_get_their_own_outcome(tables: tuple[Lab, Iptables]) -> None:
    lab, iptables = tables
    iptables.run(4, "-A", "FORWARD", "-p", "udp", "-m", "multiport", "--dports", "1:500", "-j", "DROP")
    sent = [("wg0", Packet(CLIENT[4], HOST[4], wire.UDP, 1 + n, source=20000 + n)) for n in range(1000)]
    outcomes = lab.send_all(sent)
    assert [o.passed for o in outcomes] == [False] * 500 + [True] * 500
