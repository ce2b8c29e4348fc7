"""What a change of the policy gives and takes, in words: complete, true, and short."""

import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import assume, given, settings

from tests.wgfw.handmade import NOW, EntryTuple, Holder, Peer, build, services
from tests.wgfw.made_policies import client_packets, policies
from wgfw.access import AccessChange, Direction, Kind, diff_access, naming
from wgfw.addresses import EVERYWHERE, INTERNET, SPECIAL_PURPOSE, AddressSet
from wgfw.evaluate import Evaluator, Packet
from wgfw.intervals import IntervalSet
from wgfw.policy.document import Document
from wgfw.policy.model import Policy
from wgfw.services import ANY, ICMP, ICMPV6, Flow

NETWORKS = {
    "nas": ["192.168.1.10", "fd00:1::10"],
    "dns": ["10.0.20.200"],
    "lan": ["192.168.1.0/24"],
    "cluster": ["10.32.0.0/12"],
}
Made = tuple[Policy, Document]


def office(
    guests: int = 20,
    *,
    anca: tuple[EntryTuple, ...] = (),
    inbound: tuple[EntryTuple, ...] = (),
    deny: tuple[EntryTuple, ...] = (),
    guest: tuple[EntryTuple, ...] = (("internet", "any"),),
    more: dict[str, Peer] | None = None,
) -> Made:
    """One client with two families, one with all rights, a site, and many guests."""
    clients = {
        "anca": Peer(ips=["10.8.0.2/32", "fd00:8::2/128"], profiles=["media"], allow=list(anca)),
        "laptop": Peer(ips=["10.8.0.3/32"], profiles=["admin"], inbound=list(inbound), deny=list(deny)),
        "site": Peer(ips=["10.50.0.0/16"]),
        **{f"g{n}": Peer(ips=[f"10.8.1.{n}/32"], profiles=["guest"]) for n in range(guests)},
        **(more or {}),
    }
    profiles = {
        "media": Holder(allow=[("nas", "smb")]),
        "admin": Holder(allow=[("any", "any")]),
        "guest": Holder(allow=list(guest)),
    }
    return build(clients, profiles=profiles, networks=NETWORKS, gateway=["10.8.0.1"])


def lines(old: Made | None, new: Made) -> list[str]:
    return [str(change) for change in diff_access(old[0] if old else None, new[0], NOW, new[1].networks)]


def test_nothing_changes_between_equal_policies() -> None:
    """However they were made."""
    assert lines(office(), office()) == []


def test_one_client_loses_one_thing() -> None:
    """In the words of the policy."""
    assert lines(office(anca=(("nas", "tcp/2283"),)), office()) == ["anca loses nas tcp/2283"]


def test_what_another_entry_still_allows_is_not_lost() -> None:
    """Sets of packets, not lines: two lines that overlap, and an inbound in place of an allow."""
    before, after = office(anca=(("lan", "tcp/445"), ("nas", "ssh"))), office(anca=(("nas", "ssh,smb"),))
    assert lines(before, after) == ["anca loses lan except 192.168.1.10 (nas) tcp/445"]
    assert lines(office(anca=(("client:laptop", "ssh"),)), office(inbound=(("client:anca", "ssh"),))) == []


def test_clients_with_the_same_change_are_told_of_together() -> None:
    """By their profile."""
    assert lines(office(guest=(("internet", "any"), ("nas", "tcp/445"))), office()) == [
        "profile guest (20 clients) loses nas tcp/445"
    ]
    few = office(2, guest=(("internet", "any"), ("nas", "tcp/445")))
    assert lines(few, office(2)) == ["g0 and g1 lose nas tcp/445"]


def test_some_clients_of_a_profile_are_counted() -> None:
    """Those that keep it otherwise are not among them."""
    extra = {"vip": Peer(ips=["10.8.2.1/32"], profiles=["guest"], allow=[("nas", "any")])}
    old = office(guest=(("internet", "any"), ("nas", "tcp/445")), more=extra)
    assert lines(old, office(more=extra)) == ["20 of 21 clients of profile guest lose nas tcp/445"]


def test_a_first_apply_says_what_remains() -> None:
    """Everything was open before."""
    assert lines(None, office(inbound=(("nas", "http"),))) == [
        "anca keeps nas tcp/139, tcp/445, loses everything else",
        "laptop keeps everything",
        "laptop keeps inbound from nas tcp/80, loses all other inbound",
        "site loses everything",
        "profile guest (20 clients) keeps internet any, loses everything else",
    ]


def test_a_deny_takes_exactly_what_it_covers() -> None:
    """Also from one who may do everything."""
    assert lines(office(), office(deny=(("nas", "tcp/445"), ("gateway", "ssh")))) == [
        "laptop loses gateway tcp/22",
        "laptop loses nas tcp/445",
    ]


def test_the_end_of_a_temporary_entry_is_told() -> None:
    """When it is given, and when something that was there gets an end or loses it."""
    end = NOW + timedelta(days=1)
    for_now, for_ever = office(anca=(("cluster", "ssh", end),)), office(anca=(("cluster", "ssh"),))
    assert lines(office(), for_now) == ["anca gains cluster tcp/22 until 2026-07-02T12:00:00Z"]
    assert lines(for_ever, for_now) == ["anca keeps cluster tcp/22 until 2026-07-02T12:00:00Z"]
    assert lines(for_now, for_ever) == ["anca keeps cluster tcp/22 for good"]
    assert lines(for_now, office(anca=(("cluster", "ssh", NOW),))) == ["anca loses cluster tcp/22"]


def test_clients_come_go_and_move() -> None:
    """With what they gain; who is gone has no access to lose in detail."""
    found = lines(office(2), office(3))
    assert found == ["g2 is new", "g2 gains internet any"]
    assert lines(office(3), office(2)) == ["g2 is gone, with all access"]
    moved = office(2, more={"m": Peer(ips=["10.8.3.1/32"], profiles=["guest"])})
    assert lines(moved, office(2, more={"m": Peer(ips=["10.8.3.2/32"], profiles=["guest"])})) == [
        "m has other addresses: 10.8.3.1 → 10.8.3.2"
    ]


def test_an_inbound_changes_the_receiver_from_outside_and_the_senders_inside() -> None:
    """From outside it is the receiver's line; a client that may now open to it has its own."""
    assert lines(office(), office(inbound=(("nas", "http"), ("profile:guest", "ping"), ("10.50.0.7", "ssh")))) == [
        "laptop gains inbound from nas tcp/80",
        "site (from 10.50.0.7) gains client:laptop tcp/22",
        "profile guest (20 clients) gains client:laptop ping",
    ]


def test_what_is_large_has_a_short_name() -> None:
    """Complements are named, not listed as dozens of networks."""
    everything = office(guest=(("any", "any"),))
    assert lines(everything, office()) == [
        "profile guest (20 clients) loses private and special addresses, gateway any"
    ]
    assert lines(everything, office(guest=(("nas", "any"),))) == ["profile guest (20 clients) loses any except nas any"]
    assert lines(everything, office(guest=(("any", "any"), ("nas", "any")))) == []


def test_json_has_one_object_for_each_client() -> None:
    """With the keys that scripts use."""
    end = NOW + timedelta(days=1)
    changes = diff_access(office(2)[0], office(2, guest=(("internet", "any"), ("nas", "ssh", end)))[0], NOW)
    (change,) = changes
    assert list(change.documents()) == [
        {
            "client": client,
            "change": "gains",
            "direction": "out",
            "to": ["192.168.1.10"],
            "services": ["tcp/22"],
            "until": "2026-07-02T12:00:00Z",
        }
        for client in ("g0", "g1")
    ]
    first = [d for change in diff_access(None, office(1)[0], NOW) for d in change.documents()]
    assert json.loads(json.dumps(first)) == first
    assert {d["client"]: d["change"] for d in first} == {
        "anca": "loses",
        "laptop": "keeps",
        "site": "loses",
        "g0": "loses",
    }
    assert first[2]["except"] == []
    gone = next(iter(diff_access(office(1)[0], office(0)[0], NOW)))
    assert list(gone.documents()) == [{"client": "g0", "change": "removed", "addresses": ["10.8.1.0"]}]


def meaning(words: tuple[str, ...], look_up: Callable[[str], AddressSet]) -> AddressSet:
    """What places in words mean; ``A except B, C`` is one word."""
    out = AddressSet()
    for word in words:
        whole, _, rest = word.partition(" except ")
        out |= look_up(whole) - meaning(tuple(rest.split(", ")) if rest else (), look_up)
    return out


def places(policy: Policy, document: Document) -> Callable[[str], AddressSet]:
    """Looks up one word of places."""
    names = {client.name: client.addresses for client in policy.clients}

    def look_up(word: str) -> AddressSet:
        fixed = {
            "any": EVERYWHERE,
            "internet": INTERNET - policy.gateway,
            "private and special addresses": SPECIAL_PURPOSE - policy.gateway,
            "gateway": policy.gateway,
            "the gateway's other addresses": AddressSet(),
        }
        if word in fixed:
            return fixed[word]
        if word.startswith("client:"):
            return names[word.removeprefix("client:")]
        if word.startswith("profile:"):
            members = [c.addresses for c in policy.clients if word.removeprefix("profile:") in c.profiles]
            return AddressSet(
                IntervalSet.of(s for m in members for s in m.v4), IntervalSet.of(s for m in members for s in m.v6)
            )
        if word in document.networks:
            return document.networks[word].addresses
        return AddressSet.parse(word.partition(" (")[0])

    return look_up


def points(words: tuple[str, ...]) -> IntervalSet:
    """What services in words mean."""
    (word, *more) = words
    if word.startswith("any except "):
        assert not more
        return ANY - points(tuple(word.removeprefix("any except ").split(", ")))
    out = IntervalSet()
    for word in words:
        if word == "all other protocols":
            ports = [6, 17, ICMP, ICMPV6]
            out |= ANY - IntervalSet.of((p << 16, p << 16 | 0xFFFF) for p in ports)
        elif word.startswith("icmp/any except "):
            out |= services("icmp/any") - points(tuple(word.removeprefix("icmp/any except ").split(" and ")))
        elif word.startswith("all of "):
            protocol = {"tcp": 6, "udp": 17}[word.removeprefix("all of ")]
            out |= IntervalSet(((protocol << 16, protocol << 16 | 0xFFFF),))
        else:
            # Port 0 is no service that one can write, but it is part of "all ports but these".
            zero = word.startswith(("tcp/0", "udp/0"))
            protocol = 6 if word.startswith("tcp") else 17
            last = int(word.partition("-")[2] or 0)
            out |= IntervalSet(((protocol << 16, protocol << 16 | last),)) if zero else services(word)
    return out


def told(changes: list[AccessChange], kind: Kind, client: str, packet: Packet, made: Made) -> bool:
    """Whether the words say that the client gains (or loses) this packet."""
    policy, document = made
    look_up = places(policy, document)
    outward = packet.interface is not None
    address = packet.destination if outward else packet.source
    for change in changes:
        if change.kind is not kind or client not in change.group.clients:
            continue
        if (change.direction is Direction.OUT) != outward:
            continue
        if change.source is not None:
            others = change.source.startswith("all but ")
            named = AddressSet.parse(*change.source.removeprefix("all but ").split(", "))
            if named.holds(packet.family, packet.source) == others:
                continue
        (grant,) = change.grants
        if meaning(grant.places, look_up).holds(packet.family, address) and packet.flow.point in points(grant.services):
            return True
    return False


@settings(max_examples=200, deadline=None)
@given(policies(), policies(), client_packets())
def test_the_words_are_exactly_the_packets_whose_verdict_changes(old: Made, new: Made, packet: Packet) -> None:
    """Of any two policies and any packet of a client, or to a client from outside (TCP port 0 aside, which
    ``all of tcp`` does not tell from the others)."""
    assume(packet.flow != Flow(6, 0))
    first, second = Evaluator(old[0], NOW).judge(packet), Evaluator(new[0], NOW).judge(packet)
    client = second.sender if packet.interface is not None else second.receiver
    assert client is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(naming, "MOST_TERMS", 10**9)
        changes = diff_access(old[0], new[0], NOW, new[1].networks)
    assert told(changes, Kind.LOSES, client.name, packet, new) == (first.allowed and not second.allowed)
    assert told(changes, Kind.GAINS, client.name, packet, new) == (second.allowed and not first.allowed)


def test_ten_thousand_clients_take_a_moment() -> None:
    """Four profiles, one in ten with rules of its own; a change for one, and for a quarter of them."""

    def many(*guest: EntryTuple) -> Made:
        clients = {
            f"c{n}": Peer(
                ips=[f"10.8.{n >> 8}.{n & 255}/32", f"fd00:8::{n:x}/128"],
                profiles=[("guest", "media", "admin", "plain")[n % 4]],
                allow=[("nas", "ssh"), (f"10.32.0.{n % 200}", "https")] if n % 10 == 1 else [],
                inbound=[("profile:guest", "ssh")] if n % 10 == 5 else [],
            )
            for n in range(10_000)
        }
        profiles = {
            "guest": Holder(allow=[("internet", "any"), *guest]),
            "media": Holder(allow=[("nas", "smb")], inbound=[("lan", "ping")]),
            "admin": Holder(allow=[("any", "any")]),
            "plain": Holder(),
        }
        return build(clients, profiles=profiles, networks=NETWORKS, gateway=["10.8.0.1"])

    old, new = many(), many(("nas", "smb"))
    start = time.process_time()
    changes = diff_access(old[0], new[0], NOW, new[1].networks)
    first = diff_access(None, new[0], NOW, new[1].networks)
    spent = time.process_time() - start
    assert [str(change) for change in changes] == ["profile guest (2500 clients) gains nas tcp/139, tcp/445"]
    assert len({client for change in first for client in change.group.clients}) == 10_000
    assert spent < 6
