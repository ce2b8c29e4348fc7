"""The starting policy: every peer in quarantine, found again by the loader whatever its name."""

import base64
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgfw.addresses import AddressSet, Prefix
from wgfw.peers.values import AllowedIP, InterfacePeers, Peer
from wgfw.policy.files import read_profiles_folder
from wgfw.policy.loader import load, read_document
from wgfw.policy.resolve import resolve
from wgfw.policy.starting import starting_policy

PROFILES = Path(__file__).parents[2] / "profiles"
SHIPPED = list(read_profiles_folder(PROFILES))
PATH = "/etc/wireguard/wg0.conf"


def peers(*names: str | None, interface: str = "wg0") -> InterfacePeers:
    """One peer for each name, with the addresses 10.0.0.1, 10.0.0.2 and so on."""
    made = tuple(
        Peer(key(n), name, (AllowedIP(Prefix(4, (10 << 24) + n, 32), 3 * n),), 3 * n) for n, name in enumerate(names, 1)
    )
    return InterfacePeers(interface, PATH, made)


def key(number: int) -> str:
    return base64.b64encode(number.to_bytes(32, "big")).decode()


def clients(found: InterfacePeers) -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """The clients as the loader reads them back: name → public key and profiles."""
    document = read_document(starting_policy(found, PATH).encode(), "p.yaml", SHIPPED)
    return {entry.name: (entry.public_key, entry.profiles) for entry in document.clients}


def resolved(found: InterfacePeers, text: str, folder: Path) -> list[tuple[str, str, tuple[str, ...], bool]]:
    """Name, key, profiles and whether an entry was found, of every client of the policy in force."""
    path = folder / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    policy = resolve(load(str(path), PROFILES), [found], AddressSet())
    return [(c.name, c.public_key, c.profiles, c.entry is not None) for c in policy.clients]


def test_every_named_peer_is_a_client_in_quarantine_by_its_name() -> None:
    assert clients(peers("anca", "ana's phone")) == {
        "anca": (None, ("quarantine",)),
        "ana's phone": (None, ("quarantine",)),
    }


def test_the_interface_and_the_path_are_those_of_the_peers() -> None:
    document = read_document(starting_policy(peers(interface="no"), "/etc/a b: # c.conf").encode(), "p", SHIPPED)
    assert [(entry.name, entry.peers) for entry in document.interfaces.values()] == [("no", "/etc/a b: # c.conf")]


def test_a_peer_without_a_name_is_called_by_its_address_and_found_by_its_key() -> None:
    assert clients(peers(None, "x")) == {"peer-10.0.0.1": (key(1), ("quarantine",)), "x": (None, ("quarantine",))}


def test_peers_of_one_name_are_told_apart_by_their_keys_and_take_no_other_ones_name() -> None:
    found = clients(peers("Jeff", "Jeff", "Jeff-1", "jeff", "peer-10.0.0.6", None))
    assert {name: public_key for name, (public_key, _) in found.items()} == {
        "Jeff-2": key(1), "Jeff-3": key(2), "Jeff-1": None, "jeff": None,
        "peer-10.0.0.6-1": key(5), "peer-10.0.0.6-2": key(6),
    }  # fmt: skip


def test_a_name_that_reads_as_interface_and_name_is_found_by_its_key(tmp_path: Path) -> None:
    found = peers("wg0/anca", "anca", "wg1/bob")
    assert clients(found)["wg0/anca"][0] == key(1)
    assert [c[0] for c in resolved(found, starting_policy(found, PATH), tmp_path)] == ["wg0/anca", "anca", "wg1/bob"]


def test_no_peers_make_a_policy_without_clients() -> None:
    assert clients(peers()) == {}


ANY_NAMES = [
    "no", "Off", "y", "22:22", "0x10", "1e3", "null", "~", "=", "<<", "-", "?", "a: b",
    "a #b", "'", '"', "\\", "{x}", "[x]", "&a", "*a", "!t", "%d", "@", "`x`", "$(reboot)",
    "", " ", "two\nlines", "tab\t", "\x1b[31m", "\x85\u2028\ufeff", "🦊🏳️‍🌈", "x" * 300,
    "\u200d" * 300, "long " * 400,
    "2026-01-01", "1_000", ".inf", "+1", "0o7", "on", "TRUE"
]  # fmt: skip


@pytest.mark.parametrize("name", ANY_NAMES)
def test_any_name_is_read_back_as_it_is_and_is_the_peers_again(name: str, tmp_path: Path) -> None:
    found = peers(name, "other")
    text = starting_policy(found, PATH)
    assert "\x1b" not in text
    expected = name or "peer-10.0.0.1"
    assert list(clients(found)) == [expected, "other"]
    assert resolved(found, text, tmp_path) == [
        (expected, key(1), ("quarantine",), True),
        ("other", key(2), ("quarantine",), True),
    ]


def test_what_cannot_be_seen_is_escaped_so_that_the_file_reads_as_it_means() -> None:
    assert r'  "a\u202eb\x0ac": {profile: quarantine}' in starting_policy(peers("a\u202eb\nc"), PATH)


NAMES = st.one_of(
    st.none(),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(["a", "A", "a-1", "a-2", "wg0/a", "peer-10.0.0.1", "peer-10.0.0.2-1", "no"]),
)


@given(st.lists(NAMES, max_size=8))
@settings(max_examples=150, deadline=None)
def test_whatever_the_names_every_peer_has_one_entry_and_no_two_share_a_name(names: list[str | None]) -> None:
    found = peers(*names)
    document = read_document(starting_policy(found, PATH).encode(), "p.yaml", SHIPPED)
    policy = resolve(document, [found], AddressSet())
    assert [client.public_key for client in policy.clients] == [peer.public_key for peer in found.peers]
    assert all(client.entry is not None and client.profiles == ("quarantine",) for client in policy.clients)


def test_the_guide_names_every_shipped_profile() -> None:
    text = starting_policy(peers(), PATH)
    assert all(f"#      {path.stem} " in text for path in PROFILES.glob("*.yaml"))


def test_the_reader_sees_the_addresses_and_a_doubt_about_the_interface() -> None:
    many = tuple(AllowedIP(Prefix(4, n << 8, 24), 1) for n in range(5))
    found = InterfacePeers("wg0", "f", (Peer(key(1), "site", many, 1), Peer(key(2), "bare", (), 1)))
    text = starting_policy(found, "/srv/peers.conf")
    assert "  site: {profile: quarantine}  # 0.0.0.0/24, 0.0.1.0/24, 0.0.2.0/24 and 2 more\n" in text
    assert "  bare: {profile: quarantine}  # no address\n" in text
    assert "interface: wg0  # is it?" in text
    assert "is it?" not in starting_policy(found, PATH)
