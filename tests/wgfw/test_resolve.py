"""A document and the peers that are there: whose entry is whose, who owns which address, what targets stand for."""

import time
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harden.errors import HardenError
from wgfw.addresses import EVERYWHERE, INTERNET, AddressSet, Prefix, prefixes_of
from wgfw.peers.values import AllowedIP, InterfacePeers, Peer
from wgfw.policy.document import Effect
from wgfw.policy.files import read_profiles_folder
from wgfw.policy.loader import read_document
from wgfw.policy.model import Client, Policy, Scope
from wgfw.policy.ownership import Claim, Ownership
from wgfw.policy.resolve import resolve

SHIPPED = read_profiles_folder()
ONE = "version: 1\ninterface: wg0\npeers: wg0.conf\n"
TWO = "version: 1\ninterfaces:\n  wg0: {peers: wg0.conf}\n  wg1: {peers: wg1.conf, profile: guest}\n"


def key(number: int) -> str:
    """A public key of its own for each number."""
    return b64encode(number.to_bytes(32, "big")).decode()


def peer(number: int, name: str | None, *allowed: str) -> Peer:
    """A peer in line 10 * number, its prefixes from the next line on."""
    line = number * 10
    ips = tuple(AllowedIP(Prefix.parse(text), line + n) for n, text in enumerate(allowed, 1))
    return Peer(key(number), name, ips, line)


def peers(interface: str, *them: Peer, address: str = "", warnings: tuple[str, ...] = ()) -> InterfacePeers:
    """The peers of one interface, from a file of its name."""
    own = (Prefix.parse(address),) if address else ()
    return InterfacePeers(interface, f"{interface}.conf", them, own, warnings)


def policy(text: str, *sources: InterfacePeers, gateway: str = "10.8.0.1") -> Policy:
    """The policy of this text for these peers."""
    document = read_document(text.encode(), "policy.yaml", SHIPPED)
    return resolve(document, sources, AddressSet.parse(gateway))


def named(result: Policy, name: str) -> Client:
    """The only client of that name."""
    (client,) = [client for client in result.clients if client.name == name]
    return client


def complaints(text: str, *sources: InterfacePeers) -> list[str]:
    """What is wrong between the policy and the peers."""
    with pytest.raises(HardenError) as caught:
        policy(text, *sources)
    return list(caught.value.messages)


ANCA = peer(1, "anca", "10.8.0.2/32", "fd08::2/128")
LAPTOP = peer(2, "laptop", "10.8.0.3/32")
SITE = peer(3, "site", "10.8.0.4/32", "192.168.0.0/16")
WG0 = peers("wg0", ANCA, LAPTOP, SITE, address="10.8.0.1")


def test_a_peer_with_an_entry_has_its_profiles_and_no_others() -> None:
    """The default profile is for peers without an entry; an entry without a profile has none."""
    text = ONE + "clients:\n  anca: {profiles: [guest, media]}\n  site: {}\ndefaults: {profile: admin}\n"
    result = policy(text, WG0)
    assert {client.name: client.profiles for client in result.clients} == {
        "anca": ("guest", "media"),
        "laptop": ("admin",),
        "site": (),
    }
    assert named(result, "laptop").entry is None
    assert str(named(result, "anca").entry) == "policy.yaml:5"
    assert str(named(result, "anca").peer) == "wg0.conf:10"
    assert result.profile_rules.keys() == {"guest", "media", "admin"}
    assert all(rule.origin == name for name, rules in result.profile_rules.items() for rule in rules)


def test_an_interface_may_have_a_default_profile_of_its_own() -> None:
    """It goes before the policy's."""
    result = policy(TWO, peers("wg0", ANCA), peers("wg1", peer(4, "ion", "10.9.0.2")))
    assert [client.profiles for client in result.clients] == [("quarantine",), ("guest",)]
    assert result.interfaces == ("wg0", "wg1")


def test_no_peers_is_a_policy_too() -> None:
    """A gateway whose file has no peer yet gets a policy that allows nobody anything."""
    result = policy(ONE, peers("wg0"))
    assert result.clients == ()
    assert result.gateway == AddressSet.parse("10.8.0.1")


def test_the_gateway_has_the_addresses_of_all_peers_files() -> None:
    """What is known from the host, and the Address lines."""
    result = policy(TWO, peers("wg0", address="10.8.0.1"), peers("wg1", address="fd09::1"), gateway="192.168.1.1")
    assert result.gateway == AddressSet.parse("192.168.1.1", "10.8.0.1", "fd09::1")


def test_an_address_belongs_to_the_longest_prefix() -> None:
    """A subnet loses what a more specific prefix of another peer takes, also over interfaces; never its own."""
    wide = peer(4, "wide", "192.168.0.0/16", "192.168.1.0/24", "::/0")
    narrow = peer(5, "narrow", "192.168.1.128/25", "fd00::/8")
    host = peer(6, "host", "192.168.1.200")
    result = policy(TWO, peers("wg0", wide, narrow), peers("wg1", host))
    wanted = AddressSet.parse("192.168.0.0/16", "::/0") - AddressSet.parse("192.168.1.128/25", "fd00::/8")
    assert named(result, "wide").addresses == wanted
    assert named(result, "narrow").addresses == AddressSet.parse("192.168.1.128/25", "fd00::/8") - AddressSet.parse(
        "192.168.1.200"
    )
    assert named(result, "host").addresses == AddressSet.parse("192.168.1.200")
    assert named(result, "wide").prefixes == tuple(map(Prefix.parse, ("192.168.0.0/16", "192.168.1.0/24", "::/0")))


SMALL = st.integers(0, 6).flatmap(
    lambda length: st.integers(0, (1 << length) - 1).map(lambda n: Prefix(4, n << (32 - length), length))
)


@settings(max_examples=300)
@given(st.lists(st.lists(SMALL, max_size=4), max_size=6))
def test_the_sweep_agrees_with_longest_prefix_match(prefixes: list[list[Prefix]]) -> None:
    """For every address: among all that hold it, the owner of the longest prefix, and of nobody else."""
    holders: dict[Prefix, int] = {}
    for owner, theirs in enumerate(prefixes):
        for prefix in theirs:
            holders.setdefault(prefix, owner)
    ownership = Ownership(Claim(prefix, owner, 0) for prefix, owner in holders.items())
    addresses = ownership.addresses(len(prefixes))
    assert not ownership.doubles
    for network in range(64):
        value = network << 26
        matching = [prefix for prefix in holders if prefix.network <= value <= prefix.last]
        longest = max(matching, key=lambda prefix: prefix.length, default=None)
        owners = [n for n, held in enumerate(addresses) if held.holds(4, value)]
        assert owners == ([] if longest is None else [holders[longest]])


@given(st.lists(st.tuples(SMALL, st.integers(0, 3)), max_size=12))
def test_equal_prefixes_of_two_peers_are_always_found(claims: list[tuple[Prefix, int]]) -> None:
    """Whatever the order, and never for one peer that repeats itself."""
    owners: dict[Prefix, set[int]] = {}
    for prefix, owner in claims:
        owners.setdefault(prefix, set()).add(owner)
    ownership = Ownership(Claim(prefix, owner, 0) for prefix, owner in claims)
    assert {first.prefix for first, _ in ownership.doubles} == {p for p, o in owners.items() if len(o) > 1}


def test_what_targets_stand_for() -> None:
    """Networks and addresses, clients and profiles, and the three words."""
    targets = [
        *("nas", "10.0.0.0/8", '"client:site"', '"client:wg0/laptop"', '"profile:guest"'),
        *("gateway", "internet", "any", '"profile:dns-only"'),
    ]
    lines = "".join(f"      - {{to: {target}, services: [ssh]}}\n" for target in targets)
    text = f"{ONE}networks: {{nas: [192.168.1.10]}}\nclients:\n  anca:\n    profile: guest\n    allow:\n{lines}"
    result = policy(text + "  site: {profiles: [guest, admin]}\n", WG0)
    site = AddressSet.parse("10.8.0.4", "192.168.0.0/16")
    assert [rule.scope for rule in named(result, "anca").own] == [
        Scope(AddressSet.parse("192.168.1.10")),
        Scope(AddressSet.parse("10.0.0.0/8")),
        Scope(site),
        Scope(AddressSet.parse("10.8.0.3")),
        Scope(site | AddressSet.parse("10.8.0.2", "fd08::2")),
        Scope(AddressSet(), True),
        Scope(INTERNET, False),
        Scope(EVERYWHERE, True),
        Scope(AddressSet()),
    ]


def test_rules_keep_list_line_and_services() -> None:
    """Allow, deny and inbound in this order, each with its place."""
    text = (
        ONE + "clients:\n  anca:\n    inbound: [{from: any, services: [ssh]}]\n    deny: [{to: any, services: [smb]}]\n"
    )
    rules = named(policy(text, WG0), "anca").own
    assert [(rule.effect, str(rule.place), rule.service_names, rule.origin) for rule in rules] == [
        (Effect.DENY, "policy.yaml:7", ("smb",), None),
        (Effect.INBOUND, "policy.yaml:6", ("ssh",), None),
    ]


def test_the_rules_of_a_client_are_those_of_its_profiles_and_its_own() -> None:
    """In this order, for everyone who asks the policy."""
    text = ONE + "clients:\n  anca: {profiles: [admin, internet-only], allow: [{to: gateway, services: [ssh]}]}\n"
    result = policy(text, WG0)
    assert [rule.target.name for rule in result.rules_of(named(result, "anca"))] == ["any", "internet", "gateway"]


def test_a_shipped_profile_without_its_network_means_nothing_there_and_says_so() -> None:
    """Only for profiles in use; a policy's own profile must name what exists."""
    result = policy(ONE + "clients:\n  anca: {profile: media}\nnetworks: {dns: [10.0.0.53]}\n", WG0)
    assert [rule.target.name for rule in result.profile_rules["media"]] == ["dns"]
    texts = [warning.partition(" (/")[0] for warning in result.warnings]
    jellyfin = "{to: media, services: [http, https, jellyfin, plex, ping]}"
    shares = "{to: nas, services: [smb, http, https, ping]}"
    assert texts == [
        f'policy.yaml: there is no network "media": {jellyfin} of the profile "media"',
        f'policy.yaml: there is no network "nas": {shares} of the profile "media"',
    ]


def test_a_peer_without_a_name_is_called_by_its_address() -> None:
    """Or by its key where it has none; an entry may use that name."""
    result = policy(
        ONE + "clients:\n  peer-10.8.0.9: {profile: admin}\n", peers("wg0", peer(1, None, "10.8.0.9"), peer(2, None))
    )
    assert [client.name for client in result.clients] == ["peer-10.8.0.9", "peer-AAAAAAAA"]
    assert result.clients[0].profiles == ("admin",)
    assert not result.clients[1].addresses


def test_an_entry_with_a_key_names_its_client() -> None:
    """Whatever the comment in the file says; two peers of one name are told apart that way."""
    phone, tablet = peer(1, "anca", "10.8.0.2"), peer(2, "anca", "10.8.0.3")
    text = f"{ONE}clients:\n  phone: {{public_key: {key(1)}, profile: guest}}\n  anca: {{public_key: {key(2)}}}\n"
    result = policy(text, peers("wg0", phone, tablet))
    assert [(client.name, client.profiles) for client in result.clients] == [("phone", ("guest",)), ("anca", ())]
    assert not result.warnings[1:]


def test_names_of_clients_are_unique() -> None:
    """Over interfaces the interface tells them apart, within one the address, and a warning says so."""
    wg0 = peers(
        "wg0", peer(1, "anca", "10.8.0.2"), peer(2, "ion", "10.8.0.3"), peer(3, "ion", "10.8.0.4"), peer(4, "x")
    )
    wg1 = peers("wg1", peer(5, "anca", "10.9.0.2"), peer(6, "x"), peer(7, "x"))
    result = policy(TWO, wg0, wg1)
    assert [client.name for client in result.clients] == [
        *("wg0/anca", "ion (10.8.0.3)", "ion (10.8.0.4)", "wg0/x"),
        *("wg1/anca", f"wg1/x ({key(6)})", f"wg1/x ({key(7)})"),
    ]
    assert result.warnings[0] == 'wg0.conf:20: not the only peer called "ion": here it is "ion (10.8.0.3)"'
    assert sum("not the only peer" in warning for warning in result.warnings) == 4


def test_an_interface_in_front_says_which() -> None:
    """`wg1/anca` is the anca of wg1, in entries, targets and tests."""
    text = (
        TWO
        + "clients:\n  wg1/anca: {profile: admin}\n  wg0/anca: {allow: [{to: 'client:wg1/anca', services: [ssh]}]}\n"
    )
    text += "tests: [{from: wg1/anca, to: 10.8.0.2, service: ssh, expect: allow}]\n"
    result = policy(text, peers("wg0", ANCA), peers("wg1", peer(4, "anca", "10.9.0.2")))
    assert named(result, "wg1/anca").profiles == ("admin",)
    assert named(result, "wg0/anca").own[0].scope.addresses == AddressSet.parse("10.9.0.2")


def test_names_are_data() -> None:
    """A peer may be called anything, also what looks like another client's name with its interface."""
    odd = "$(reboot) \"';\n" + "x" * 300
    result = policy(
        ONE, peers("wg0", peer(1, odd, "10.8.0.2"), peer(2, "wg0/anca", "10.8.0.3"), peer(3, "anca", "10.8.0.4"))
    )
    assert [client.name for client in result.clients] == [odd, "wg0/anca", "anca"]


def test_two_clients_cannot_have_one_name_in_the_end() -> None:
    """Where even the address does not tell them apart, both lines are named."""
    text = f"{ONE}clients:\n  anca (10.8.0.2): {{public_key: {key(3)}}}\n"
    twins = peers("wg0", peer(1, "anca", "10.8.0.2"), peer(2, "anca", "10.8.0.3"), peer(3, "x", "10.8.0.4"))
    names = [client.name for client in policy(text, twins).clients]
    assert len(set(names)) == 3
    assert names[2] == "anca (10.8.0.2)"


def test_a_prefix_that_two_peers_claim_is_an_error_with_both_lines() -> None:
    """Also over two interfaces and in both families; a peer that repeats its own is none."""
    double = peer(4, "ion", "10.8.0.3/32", "fd08::2", "10.9.0.0/24", "10.9.0.0/24")
    assert complaints(TWO, WG0, peers("wg1", double)) == [
        'wg1.conf:41: 10.8.0.3 is claimed by two peers, "laptop" (wg0.conf:21) and "ion" (wg1.conf:41)',
        'wg1.conf:42: fd08::2 is claimed by two peers, "anca" (wg0.conf:12) and "ion" (wg1.conf:42)',
    ]


def test_peers_of_a_running_interface_are_named_by_their_keys() -> None:
    """Without a file there is no line to give."""
    running = InterfacePeers(
        "wg0", "kernel", tuple(Peer(key(n), None, (AllowedIP(Prefix.parse("10.8.0.2"), 0),), 0) for n in (1, 2))
    )
    (message, *_) = complaints(ONE, running)
    assert message.startswith(f"wg0 (running), key {key(2)[:8]}…: 10.8.0.2 is claimed by two peers")


def test_everything_wrong_is_said_at_once() -> None:
    """The policy's lines in order, then the peers'."""
    text = ONE + "clients:\n  ancca: {profile: guest}\n  laptop: {allow: [{to: 'client:sight', services: [ssh]}]}\n"
    text += "profiles:\n  unused: {allow: [{to: 'client:nobody', services: [ssh]}]}\n"
    assert complaints(text, peers("wg0", *WG0.peers, peer(4, "ion", "10.8.0.3"))) == [
        'policy.yaml:5: no peer is called "ancca"; did you mean "anca" (wg0.conf:10)?',
        'policy.yaml:6: unknown client "sight"; did you mean "site"?',
        'policy.yaml:8: unknown client "nobody"',
        'wg0.conf:41: 10.8.0.3 is claimed by two peers, "laptop" (wg0.conf:21) and "ion" (wg0.conf:41)',
    ]


def test_a_peer_that_claims_the_gateways_own_address_is_warned_of() -> None:
    """The kernel keeps its own addresses; a default route is not meant as a claim."""
    thief, way_out = peer(4, "thief", "10.8.0.0/24"), peer(5, "exit", "0.0.0.0/0")
    result = policy(ONE, peers("wg0", thief, way_out, warnings=("wg0.conf:1: odd",)), gateway="10.8.0.1")
    assert result.warnings == (
        "wg0.conf:1: odd",
        'wg0.conf:41: 10.8.0.0/24 of "thief" holds the gateway\'s own 10.8.0.1, which it never gets',
    )


def test_ten_thousand_clients_resolve_quickly() -> None:
    """10,000 peers in nested subnets, all with entries, in a fraction of a second."""
    count = 10_000
    entries = "".join(
        f"  c{n}: {{profile: guest, allow: [{{to: 'profile:guest', services: [ssh]}}]}}\n" for n in range(count)
    )
    document = read_document(
        f"{ONE}networks: {{dns: [10.0.0.53]}}\nclients:\n{entries}".encode(), "policy.yaml", SHIPPED
    )
    base = 10 << 24
    them = tuple(
        Peer(
            key(n),
            f"c{n}",
            (AllowedIP(Prefix(4, base + n * 4, 30), n), AllowedIP(Prefix(4, base + n * 4 + 1, 32), n)),
            n,
        )
        for n in range(count)
    )
    site = Peer(key(count), "site", (AllowedIP(Prefix(4, base, 8), 1),), 1)
    start = time.process_time()
    result = resolve(document, [InterfacePeers("wg0", "wg0.conf", (*them, site))], AddressSet.parse("192.168.1.1"))
    assert time.process_time() - start < 1.5  # 0.2 s on an idle machine
    assert named(result, "c77").addresses == AddressSet.of([Prefix(4, base + 77 * 4, 30)])
    assert len(prefixes_of(4, named(result, "c5").own[0].scope.addresses.v4)) > 0


def test_ten_thousand_strangers_are_reported_quickly() -> None:
    """Entries without a peer are 200 messages and a number, not minutes of looking for similar names."""
    entries = "".join(
        f"  x{n}: {{profile: guest, allow: [{{to: 'client:y{n}', services: [ssh]}}]}}\n" for n in range(10_000)
    )
    them = peers("wg0", *(peer(n, f"c{n}", f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(1, 10_001)))
    start = time.process_time()
    messages = complaints(f"{ONE}clients:\n{entries}", them)
    assert time.process_time() - start < 5
    assert len(messages) == 201
