"""Names of peers from comments: every dialect, and never a name that belongs to somebody else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wgfw.wgtexts import KEYS
from wgfw.peers.wgquick import parse


def names(text: str) -> list[str | None]:
    """The names of the peers of a file in which ``A``, ``B``, ``C`` stand for the settings of three peers."""
    for index, letter in enumerate("ABC"):
        settings = f"PublicKey = {KEYS[index]}\nAllowedIPs = 10.0.0.{index}/32"
        text = "\n".join(settings if line.strip() == letter else line for line in text.split("\n"))
    return [peer.name for peer in parse(text.encode("utf-8", "surrogatepass"), "f", "wg0").peers]


@pytest.mark.parametrize(
    ("comment", "name"),
    [
        ("# friendly_name = anca", "anca"),
        ("#friendly_name=OnePlus 6T", "OnePlus 6T"),
        ("#        friendly_name     =     win 10", "win 10"),
        ("# Friendly Name: Ana", "Ana"),
        ('# friendly_json = {"id": 4, "username": "coordinator", "first_name": "Co"}', "coordinator"),
        ('# friendly_json={"name": "two\\nlines"}', "two\nlines"),
        ("### Client alice", "alice"),
        ("# Client: test1 (991ba03d-0052-4c52-921d-18d7c6884f20)", "test1"),
        ("# BEGIN_PEER bob", "bob"),
        ("### begin komo ###", "komo"),
        ("# Jeff begin", "Jeff"),
        ("# Name = laptop.example", "laptop.example"),
        ("# Name:         HK-REMOTE", "HK-REMOTE"),
        ("#Name# = dash", "dash"),
        ("# peer_name = x", "x"),
        ("#key1:", "key1"),
        ("# peer1", "peer1"),
        ("#iphone", "iphone"),
        ("# Пётр Иванович Примеров", "Пётр Иванович Примеров"),
        ("# Client 1", "Client 1"),
        ("# Peer 1 (server side)", "Peer 1 (server side)"),
        ('# O\'Brien "the" $(reboot) `x`', 'O\'Brien "the" $(reboot) `x`'),
        ("# 🦊🏳️‍🌈", "🦊🏳️‍🌈"),
        ("# no", "no"),
        ("# " + "x" * 300, "x" * 300),
        ("# friendly_name = " + "long name " * 30 + "end", "long name " * 30 + "end"),
        ("# friendly_name = #1; DROP TABLE # x", "#1; DROP TABLE # x"),
    ],
)
def test_a_name_in_any_dialect_counts_before_the_section_and_inside_it(comment: str, name: str) -> None:
    assert names(f"{comment}\n[Peer]\nA\n\n[Peer]\nB\n") == [name, None]
    assert names(f"[Peer]\nA\n\n{comment}\n[Peer]\nB\n") == [None, name]
    assert names(f"[Peer]\n{comment}\nA\n\n[Peer]\nB\n") == [name, None]


@pytest.mark.parametrize(
    "comment",
    [
        "#", "######", "# ------", "# Clients ----------------", "# ==== Peers ====", "# This is a comment",
        "# Peers", "# Public key of the peer", "# Allowed IP address(es) for this peer.", "# LAN = 192.168.1.1/24",
        "# Email: a@example.org", "# AllowedIPs = 0.0.0.0/0", "#PresharedKey = none", "# friendly_name =",
        "# Name:", '# friendly_json = {"mood": "happy"}', "# friendly_json = {broken}", '# friendly_json = {"name": 7}',
        "# this laptop was bought in the year of the great flood", "# TODO rename", "# See the wiki. Then call me",
        "# 该客户端账号的公匙\uff0c对应客户端配置中的私匙", "# END_PEER bob", "### end komo ###", "# Jeff end",
        "# Replace with the real one", "# friendly_json = " + "[" * 5000, '# friendly_json = {"a":' + "[" * 5000 + "}",
    ],
)  # fmt: skip
def test_what_is_no_name_gives_none(comment: str) -> None:
    assert names(f"{comment}\n[Peer]\nA\n[Peer]\n{comment}\nB\n") == [None, None]


def test_a_name_on_the_line_of_the_header_or_the_key_counts() -> None:
    assert names("[Peer] # ann\nA\n") == ["ann"]
    assert names(f"[Peer]\nPublicKey = {KEYS[0]} # bob\n") == ["bob"]
    assert names(f"[Peer]\nPublicKey = {KEYS[0]}\nAllowedIPs = 10.0.0.1 # the phone\n") == [None]


def test_a_label_beats_plain_comments_wherever_they_stand() -> None:
    assert names("# plain\n[Peer]\n# other\n# friendly_name = label\n# third\nA\n") == ["label"]
    assert names("# Client: x\n[Peer]\n# other\nA\n") == ["x"]
    assert names("# Name = before\n[Peer]\n# Name = inside\nA\n") == ["inside"]
    assert names('[Peer]\n# friendly_name = one\n# friendly_json = {"name": "two"}\nA\n') == ["one"]


def test_names_inside_a_peer_that_is_commented_out_are_nobodys() -> None:
    gone = "#[Peer]\n# friendly_name = elena\n#PublicKey = x\n#AllowedIPs = 10.0.0.9/32\n"
    assert names(f"[Peer]\n# friendly_name = ann\nA\n\n{gone}\n[Peer]\nB\n") == ["ann", None]
    assert names(f"[Peer]\nA\n{gone}[Peer]\nB\n") == [None, None]
    assert names(f"[Peer]\nA\n\n{gone}") == [None]
    assert names(f"{gone}\n[Peer]\nA\n") == [None]
    assert names(f"[Peer]\nA\n\n{gone}\n# bob\n[Peer]\nB\n") == [None, "bob"]


def test_a_commented_out_peer_takes_the_name_above_it_along() -> None:
    assert names("[Peer]\nA\n\n# client-2\n# [Peer]\n# PublicKey = x\n\n[Peer]\nB\n") == [None, None]
    assert names("[Peer]\nA\n# client-2\n#[Peer]\n#PublicKey = x\n") == [None]
    assert names("[Peer]\nA\n\n### Client eve\n\n#[Peer]\n#PublicKey = x\n\n[Peer]\nB\n") == [None, None]
    assert names("[Peer]\nA\n\n#[Peer]\n\n#PublicKey = x\n# friendly_name = eve\n\n[Peer]\nB\n") == [None, None]


def test_an_opening_marker_counts_right_after_a_peer_that_is_switched_off() -> None:
    off = "#[disabled] ### begin eve ###\n#[disabled] [Peer]\n#[disabled] PublicKey = x\n#[disabled] ### end eve ###\n"
    assert names(
        f"### begin ann ###\n[Peer]\nA\n### end ann ###\n{off}### begin bob ###\n[Peer]\nB\n### end bob ###\n"
    ) == [
        "ann",
        "bob",
    ]
    assert names(f"[Peer]\nA\n{off}[Peer]\nB\n") == [None, None]


def test_a_setting_that_is_commented_out_in_a_live_peer_does_not_hide_its_name() -> None:
    assert names("[Peer]\n# ann\n#PublicKey = old\nA\n#AllowedIPs = 0.0.0.0/0\n\n# bob\n[Peer]\nB\n") == ["ann", "bob"]


def test_an_end_marker_before_the_next_peer_names_nobody() -> None:
    assert names("# Jeff begin\n[Peer]\nA\n# Jeff end\n[Peer]\nB\n# x end\n\n") == ["Jeff", None]
    assert names("[Peer]\nA\n# END_PEER a\n[Peer]\nB\n") == [None, None]
    assert names("### begin a ###\n[Peer]\nA\n### end a ###\n### begin b ###\n[Peer]\nB\n### end b ###\n") == ["a", "b"]


def test_a_comment_that_touches_only_the_peer_before_is_that_peers() -> None:
    assert names("[Peer]\n# ann\nA\n\n# bob\n[Peer]\nB\n# the spare\n\n[Peer]\nC\n") == ["ann", "bob", None]
    assert names("# x\n[Peer]\nA\n\n[Peer]\nB\n# friendly_name = bob\n\n[Peer]\nC\n") == ["x", "bob", None]


def test_between_two_peers_without_a_blank_line_a_comment_is_the_next_ones() -> None:
    assert names("#a:\n[Peer]\nA\n#b:\n[Peer]\nB\n#c:\n[Peer]\nC\n") == ["a", "b", "c"]


def test_in_a_file_that_puts_names_after_the_settings_they_are_the_peers_before() -> None:
    assert names("[Peer]\nA\n# a\n[Peer]\nB\n# b\n[Peer]\nC\n# c\n") == ["a", "b", "c"]


def test_two_names_between_two_peers_that_both_touch_are_nobodys() -> None:
    assert names("# x\n[Peer]\nA\n# friendly_name = ann\n# friendly_name = bob\n[Peer]\nB\n") == ["x", None]


def test_a_block_of_facts_names_the_peer_below_even_over_a_blank_line() -> None:
    facts = "# ID:     cv40\n# Name:   remote\n# Email:\n# Created at:   2025-03-05 08:13:55 +0000 UTC\n"
    assert names(f"[Peer]\nA\n\n{facts}[Peer]\nB\n") == [None, "remote"]
    assert names(f"[Peer]\nA\n\n{facts}\n# Notes:\n# spare one\n[Peer]\nB\n") == [None, "remote"]


def test_a_plain_comment_apart_from_all_is_a_heading_and_names_nobody() -> None:
    assert names("[Peer]\nA\n\n# Laptops\n\n[Peer]\nB\n") == [None, None]


def test_a_box_of_separators_round_a_name_does_not_hide_it() -> None:
    assert names("[Peer]\nA\n\n#########\n# ann #1\n#########\n[Peer]\nB\n") == [None, "ann #1"]


def test_comments_of_the_interface_name_no_peer() -> None:
    assert names("# gateway\n[Interface]\n# Name = server\nListenPort = 1\n# Name = trailing\n\n[Peer]\nA\n") == [None]


def test_where_every_setting_is_explained_no_explanation_is_a_name() -> None:
    assert names(
        f"[Peer]\n# The key, made with wg genkey.\nPublicKey = {KEYS[0]}\n# network at home\nAllowedIPs = ::/0\n"
    ) == [None]


def test_a_repeated_key_keeps_the_name_of_the_section_that_counts() -> None:
    again = f"PublicKey = {KEYS[0]}\nAllowedIPs = 10.0.0.9"
    assert names(f"# old\n[Peer]\nA\n\n# new\n[Peer]\n{again}\n") == ["new"]
    assert names(f"# old\n[Peer]\nA\n\n[Peer]\n{again}\n") == ["old"]


def test_names_that_differ_in_case_alone_and_twins_are_all_kept() -> None:
    assert names("# Ann\n[Peer]\nA\n\n# ann\n[Peer]\nB\n\n# Ann\n[Peer]\nC\n") == ["Ann", "ann", "Ann"]


def test_bytes_that_are_no_utf8_and_lone_surrogates_become_replacement_characters() -> None:
    data = b"[Peer]\n# friendly_name = a\xffb\nPublicKey = " + KEYS[0].encode()
    assert parse(data, "f", "wg0").peers[0].name == "a\ufffdb"
    assert names('[Peer]\n# friendly_json = {"name": "a\\ud800b"}\nA\n') == ["a\ufffdb"]


@given(st.text(alphabet=st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), min_size=1, max_size=40))
@settings(max_examples=200, deadline=None)
def test_whatever_follows_friendly_name_is_the_name(name: str) -> None:
    (found,) = names(f"[Peer]\n# friendly_name = {name}\nA\n")
    assert found == (name.strip() or None)
