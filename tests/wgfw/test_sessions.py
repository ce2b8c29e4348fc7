"""What is open stays open for as long as the policy says, and opens nothing else."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from lab import packet as wire
from lab.enforce import install, policy_of
from lab.generate import key
from lab.iptables import BACKENDS, Iptables
from lab.outcome import ICMP_PROHIBITED, TCP_RESET, Outcome
from lab.packet import Packet
from lab.tun import GATEWAY, Lab

PEERS = f"""\
[Interface]
Address = 10.8.0.1/24, fd00:8::1/64
[Peer]
# friendly_name = anca
PublicKey = {key("anca")}
AllowedIPs = 10.8.0.2/32, fd00:8::2/128
"""
HEAD = "version: 1\ninterface: wg0\npeers: wg0.conf\nnetworks: {nas: [192.168.1.10, 'fd00:1::10']}\n"
ANCA, NAS = {4: "10.8.0.2", 6: "fd00:8::2"}, {4: "192.168.1.10", 6: "fd00:1::10"}
both = pytest.mark.parametrize("family", [4, 6])


@dataclass
class Gateway:
    """The lab under one backend with one client, whose allow list the tests change."""

    iptables: Iptables
    folder: Path

    def __post_init__(self) -> None:
        self.lab = self.iptables.lab

    def allow(self, entry: str, forget: bool = True) -> None:
        """Rules that allow anca what the entry says; connections live on unless they shall be forgotten."""
        text = f"{HEAD}clients: {{anca: {{allow: [{entry}]}}}}\n"
        policy = policy_of({"policy.yaml": text, "wg0.conf": PEERS}, self.folder)
        self.iptables.clear()
        install(self.iptables, policy, forget)

    def open(self, family: int, port: int) -> "Session":
        """A TCP connection from anca to the NAS, its handshake done."""
        session = Session(self.lab, Packet(ANCA[family], NAS[family], wire.TCP, port, 41000 + port, seq=1000))
        assert session.client(wire.SYN).forwarded == "lan0"
        assert session.server(wire.SYN | wire.ACK).forwarded == "wg0"
        assert session.client(wire.ACK).forwarded == "lan0"
        return session


class Session:
    """Both ends of a TCP connection, which keep count of each other's bytes."""

    def __init__(self, lab: Lab, first: Packet) -> None:
        self.lab = lab
        self.there = first
        self.back = replace(wire.reply(first), seq=5000)

    def client(self, flags: int = wire.ACK, body: bytes = b"", tail: bytes = b"") -> Outcome:
        """The client sends a segment."""
        return self._send("wg0", "there", "back", flags, body, tail)

    def server(self, flags: int = wire.ACK, body: bytes = b"", tail: bytes = b"") -> Outcome:
        """The server sends a segment."""
        return self._send("lan0", "back", "there", flags, body, tail)

    def _send(self, via: str, mine: str, other: str, flags: int, body: bytes, tail: bytes) -> Outcome:
        ours: Packet = getattr(self, mine)
        theirs: Packet = getattr(self, other)
        ack = theirs.seq if flags & wire.ACK else 0
        outcome = self.lab.send(via, replace(ours, flags=flags, ack=ack, body=body, tail=tail))
        length = len(body) + wire.TOKEN_SIZE + len(tail) + bool(flags & wire.SYN)
        setattr(self, mine, replace(ours, seq=ours.seq + length))
        return outcome


@pytest.fixture(scope="module", params=BACKENDS)
def iptables(request: pytest.FixtureRequest) -> Iterator[Iptables]:
    with Lab() as lab:
        yield Iptables(lab, request.param)


@pytest.fixture
def gateway(iptables: Iptables, tmp_path: Path) -> Gateway:
    return Gateway(iptables, tmp_path)


@both
def test_a_right_that_is_taken_away_ends_what_was_open(gateway: Gateway, family: int) -> None:
    """Each packet of the one who opened the connection is judged again, its conntrack entry notwithstanding."""
    gateway.allow("{to: nas, services: [ssh, dns]}")
    session = gateway.open(family, 22)
    datagram = Packet(ANCA[family], NAS[family], wire.UDP, 53, source=42000)
    assert gateway.lab.send("wg0", datagram).passed
    gateway.allow("{to: nas, services: [http]}", forget=False)
    assert session.client(wire.ACK | wire.PSH).refusal == TCP_RESET
    assert gateway.lab.send("wg0", datagram).refusal == ICMP_PROHIBITED


@both
def test_what_is_still_allowed_lives_through_a_change_of_rules(gateway: Gateway, family: int) -> None:
    gateway.allow("{to: nas, services: [ssh]}")
    session = gateway.open(family, 22)
    gateway.allow("{to: nas, services: [ssh, http]}", forget=False)
    assert session.client(wire.ACK | wire.PSH).forwarded == "lan0"
    assert session.server(wire.ACK | wire.PSH).forwarded == "wg0"


def test_a_right_ends_at_its_until_and_ends_what_is_open(gateway: Gateway) -> None:
    for seconds in (3, 10, 40):  # a slow machine gets more time to open what shall end
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=seconds)
        gateway.allow(f"{{to: nas, services: [ssh], until: '{until:%Y-%m-%dT%H:%M:%SZ}'}}")
        first = [gateway.lab.send("wg0", Packet(ANCA[family], NAS[family], wire.TCP, 22)) for family in (4, 6)]
        if datetime.now(UTC) < until:
            break
    assert [outcome.forwarded for outcome in first] == ["lan0", "lan0"]
    gateway.lab.send_all([("lan0", wire.reply(outcome.seen)) for outcome in first if outcome.seen])
    time.sleep((until - datetime.now(UTC)).total_seconds() + 0.05)
    late = [Packet(ANCA[family], NAS[family], wire.TCP, 22, flags=wire.ACK) for family in (4, 6)]
    late = [replace(packet, seq=o.seen.seq + 9, ack=1) for packet, o in zip(late, first, strict=True) if o.seen]
    assert [outcome.refusal for outcome in gateway.lab.send_all(("wg0", packet) for packet in late)] == [TCP_RESET] * 2
    assert gateway.lab.send("wg0", Packet(ANCA[4], NAS[4], wire.TCP, 22, source=43000)).refusal == TCP_RESET


@both
def test_a_segment_that_opens_nothing_is_dropped_and_resets_nobody(gateway: Gateway, family: int) -> None:
    gateway.allow("{to: nas, services: [http]}")
    late = Packet(ANCA[family], NAS[family], wire.TCP, 22, flags=wire.ACK, ack=7)
    assert str(gateway.lab.send("wg0", late)) == "dropped without an answer"


@both
def test_icmp_errors_pass_only_with_the_connection_they_are_about(gateway: Gateway, family: int) -> None:
    """Path MTU discovery works, both ways; the same errors about nothing are dropped."""
    gateway.allow("{to: nas, services: [http]}")
    first = gateway.lab.send("wg0", Packet(ANCA[family], NAS[family], wire.TCP, 80))
    assert first.seen
    answer = gateway.lab.send("lan0", wire.reply(first.seen))
    errors = [("lan0", wire.error(first.frame, kind, NAS[family])) for kind in wire.ERRORS[family]]
    errors += [("wg0", wire.error(answer.frame, kind, ANCA[family])) for kind in wire.ERRORS[family]]
    assert [o.forwarded for o in gateway.lab.send_all(errors)] == ["wg0"] * 4 + ["lan0"] * 4
    gateway.lab.flush_conntrack()
    assert [str(o) for o in gateway.lab.send_all(errors)] == ["dropped without an answer"] * 8


def test_a_related_message_that_is_no_error_is_judged_by_itself(gateway: Gateway) -> None:
    """An ICMP redirect about a connection is RELATED to it, and could turn a client's traffic elsewhere."""
    gateway.allow("{to: nas, services: [http]}")
    first = gateway.lab.send("wg0", Packet(ANCA[4], NAS[4], wire.TCP, 80))
    redirect = replace(wire.error(first.frame, "unreachable", NAS[4]), detail=5 << 8 | 1)
    counter = ("-p", "icmp", "-m", "conntrack", "--ctstate", "RELATED")
    gateway.iptables.run(4, "-t", "mangle", "-A", "PREROUTING", *counter)
    assert not gateway.lab.send("lan0", redirect).passed
    assert counted(gateway, "mangle", "RELATED") == 1


def test_a_helpers_expectation_opens_nothing(gateway: Gateway) -> None:
    """With the FTP helper on, what either side announces would be RELATED: it still needs the policy's word."""
    gateway.allow("{to: nas, services: [ftp]}")
    gateway.iptables.run(
        4, "-t", "raw", "-A", "PREROUTING", "-p", "tcp", "--dport", "21", "-j", "CT", "--helper", "ftp"
    )
    counter = ("-p", "tcp", "-m", "conntrack", "--ctstate", "RELATED")
    gateway.iptables.run(4, "-t", "mangle", "-A", "PREROUTING", *counter)
    session = gateway.open(4, 21)
    session.server(body=b"220 welcome\r\n", tail=b"\n")
    session.client(body=b"USER x\r\n", tail=b"\n")
    assert session.client(body=b"PORT 10,8,0,2,200,10\r\n").passed
    active = Packet(NAS[4], ANCA[4], wire.TCP, 200 * 256 + 10, source=20)
    assert gateway.lab.send("lan0", active).refusal == TCP_RESET
    assert session.server(body=b"227 Entering Passive Mode (192,168,1,10,200,11).\r\n").passed
    passive = Packet(ANCA[4], NAS[4], wire.TCP, 200 * 256 + 11, source=44000)
    assert gateway.lab.send("wg0", passive).refusal == TCP_RESET
    assert counted(gateway, "mangle", "RELATED") == 2, "the helper expected nothing, so this proved nothing"


@both
def test_what_the_gateway_sends_is_free_and_is_answered(gateway: Gateway, family: int) -> None:
    gateway.allow("{to: nas, services: [http]}")
    own = GATEWAY["wg0"][family == 6]
    outcome = gateway.lab.send_own(own, ANCA[family], 5353)
    assert outcome.arrival == ("wg0", ANCA[family], 5353)
    assert outcome.seen
    answer = wire.reply(outcome.seen)
    assert gateway.lab.send("wg0", answer).delivered
    assert gateway.lab.send("wg0", replace(answer, source=5354)).refusal == ICMP_PROHIBITED


def counted(gateway: Gateway, table: str, text: str) -> int:
    """How many packets the rule of IPv4 with this text has seen."""
    lines = gateway.iptables.run(4, "-t", table, "-nvxL", "PREROUTING").splitlines()
    return sum(int(line.split()[0]) for line in lines if text in line)
