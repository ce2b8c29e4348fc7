"""The generator of policies and packets repeats itself when asked to, and reaches what it is for."""

from lab import packet as wire
from lab.aim import Aimer
from lab.generate import scenario


def test_a_seed_gives_the_same_gateway_and_the_same_packets_each_time() -> None:
    one, other = scenario(7), scenario(7)
    assert str(one) == str(other)
    assert Aimer(one).packets(50, 6) == Aimer(other).packets(50, 6)
    assert str(one) != str(scenario(8))


def test_no_packet_can_be_taken_for_an_answer_to_another() -> None:
    """Source ports are used once and are nobody's destination; what has no ports goes between a pair once."""
    aimer = Aimer(scenario(3))
    packets = [packet for family in (4, 6) for _, packet in aimer.packets(400, family)]
    numbered = [p for p in packets if p.protocol not in (wire.GRE, wire.ESP)]
    sources = {p.source for p in numbered}
    assert len(sources) == len(numbered)
    assert not sources & {p.detail for p in numbered if p.protocol in (wire.TCP, wire.UDP)}
    pairs = [frozenset((p.src, p.dst)) for p in packets if p.protocol in (wire.GRE, wire.ESP)]
    assert len(set(pairs)) == len(pairs) > 0


def test_forty_policies_have_something_of_everything() -> None:
    text = "".join(str(scenario(seed)) for seed in range(40))
    targets = ("to: gateway", "to: internet", "to: any", "client:", "profile:")
    peers = ("phone-", "172.20.0.0/16", "0.0.0.0/0")
    others = ("deny:", "inbound:", "until: '2001", "until: '2037", "icmp/any", "on_allow: return", "to=None")
    for word in (*targets, *peers, *others):
        assert word in text, word
