"""The kernel's word on random packets is the evaluator's, whatever the policy."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lab import packet as wire
from lab.aim import CONNECTED, Aimer, opens_nothing
from lab.enforce import LAB_ADDRESSES, install, read_policy
from lab.generate import Scenario, scenario
from lab.iptables import BACKENDS, Iptables
from lab.judge import Judge, Wanted
from lab.outcome import Outcome
from lab.packet import Packet
from lab.tun import GATEWAY, Lab

from wgfw.addresses import AddressSet

SEEDS = range(60)
PACKETS = 90  # of each family
JUDGED_AT_LEAST = 50  # 60 policies make 3,000 packets at the very least, 9,000 in fact

Sent = tuple[str, Packet]


@pytest.fixture(scope="module", params=BACKENDS)
def iptables(request: pytest.FixtureRequest) -> Iterator[Iptables]:
    with Lab() as lab:
        yield Iptables(lab, request.param)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_packets_fare_as_the_policy_says(iptables: Iptables, seed: int, tmp_path: Path) -> None:
    """As many as get anywhere without rules: each passes or is refused, in the form that the policy's page says;
    what belongs to an allowed connection comes back."""
    lab = iptables.lab
    case = scenario(seed)
    elsewhere = seed % 4 == 3  # rules made on another machine, which knows the gateway by the peers files alone
    if elsewhere:
        case.dnat = [rule for rule in case.dnat if rule.dst not in GATEWAY["lan0"] + GATEWAY["wan0"]]
    first = frozenset(prefix.partition("/")[0] for prefix, _ in (*case.routes, *CONNECTED) if ":" in prefix)
    judge = Judge(read_policy(case, tmp_path), datetime.now(UTC), LAB_ADDRESSES, first)
    aimer = Aimer(case)
    packets = [sent for family in (4, 6) for sent in aimer.packets(PACKETS, family)]
    iptables.clear()
    lab.route(case.routes)
    iptables.dnat(case.dnat)
    free = lab.send_all(packets)
    install(iptables, read_policy(case, tmp_path, AddressSet()) if elsewhere else judge.policy)
    got = lab.send_all(packets)
    judged = 0
    for sent, before, after in zip(packets, free, got, strict=True):
        wanted = judge.wanted(*sent, before)
        if wanted:
            judged += 1
            compare(iptables, case, sent, before, after, wanted)
    assert judged >= JUDGED_AT_LEAST
    back = [answer for sent, after in zip(packets, got, strict=True) for answer in answers(aimer, sent, after)]
    for answer, outcome in zip(back, lab.send_all(back), strict=True):
        assert outcome.passed, f"an answer to an allowed packet was lost: {answer[0]} {answer[1]}: {outcome}\n{case}"


def compare(iptables: Iptables, case: Scenario, sent: Sent, before: Outcome, after: Outcome, wanted: Wanted) -> None:
    """Fail with everything that it takes to understand why."""
    refusal = after.refusal if wanted.refusal != "any" else "any"
    arrival = before.arrival if wanted.passes else None
    if (after.arrival, refusal) == (arrival, wanted.refusal):
        return
    iptables.lab.flush_conntrack()
    trace = iptables.trace(sent[1].family, lambda: iptables.lab.send(*sent))
    pytest.fail(
        f"{sent[0]}: {sent[1]}\nwithout rules: {before}\nwith them: {after}\n"
        f"the policy wants: {'pass' if wanted.passes else f'no, {wanted.refusal}'} ({wanted.why})\n"
        f"--- rules that counted it, sent again\n{trace}\n--- {case}",
        pytrace=False,
    )


def answers(aimer: Aimer, sent: Sent, outcome: Outcome) -> Iterator[Sent]:
    """What the far side and a router on the way may send back about a packet that went through."""
    via, packet = sent
    seen, dev = outcome.seen, outcome.forwarded
    if dev is None or seen is None or opens_nothing(packet) or aimer.device_of(packet.src) != via:
        return
    if (packet.icmp_type in wire.UNTRACKED and packet.protocol == wire.ICMPV6) or seen.dst in ("::", "0.0.0.0"):
        return
    if packet.protocol != wire.TCP or packet.flags == wire.SYN:
        yield dev, wire.reply(seen)
    kind = random.Random(packet.source).choice(sorted(wire.ERRORS[packet.family]))
    yield dev, wire.error(outcome.frame, kind, seen.dst)
