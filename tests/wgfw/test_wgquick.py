"""The reader of wg-quick files: the same peers as wireguard-tools, and an error with its line for everything else."""

import base64
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harden.errors import HardenError
from tests.wgfw.kernel_view import kernel_view
from tests.wgfw.wgtexts import KEYS, files
from tests.wgfw.wgtools import RealTools, View, setconf, strip
from wgfw.peers.file import read
from wgfw.peers.values import InterfacePeers
from wgfw.peers.wgquick import parse

A, B = KEYS[1], KEYS[2]
SECRET = base64.b64encode(b"s" * 32).decode()


def conf(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def peers_of(data: bytes) -> View:
    """What the kernel would hold, as text."""
    return {key: {str(p) for p in prefixes} for key, prefixes in kernel_view(parse(data, "f", "wg0").peers).items()}


def refusal(data: bytes) -> HardenError:
    with pytest.raises(HardenError) as caught:
        parse(data, "wg0.conf", "wg0")
    return caught.value


def messages(*lines: str) -> list[str]:
    return list(refusal(conf(*lines)).messages)


# -- what counts ------------------------------------------------------------------------------------------------------


def test_keys_and_sections_have_no_case_and_blanks_count_nowhere() -> None:
    peer = ("[PEER] # x", f"public KEY\t= {A[:9]} {A[9:]}", "ALLOWEDIPS=10.0. 0.1 / 3 2")
    data = conf("\t[ inter FACE ]", "listen port=1", *peer)
    assert peers_of(data) == {A: {"10.0.0.1/32"}}


def test_crlf_and_a_missing_final_newline_change_nothing() -> None:
    text = f"[Peer]\r\nPublicKey = {A}\r\nAllowedIPs = 10.0.0.1/32, fd00::1/128"
    assert peers_of(text.encode()) == {A: {"10.0.0.1/32", "fd00::1/128"}}


def test_repeated_allowed_ips_add_up_and_keep_the_line_that_claims_them() -> None:
    (peer,) = parse(
        conf("[Peer]", "AllowedIPs = 10.0.0.1", f"PublicKey = {A}", "AllowedIPs = 10.0.0.9/24,10.0.0.1"), "f", "wg0"
    ).peers
    assert [(str(a.prefix), a.line) for a in peer.allowed_ips] == [("10.0.0.1/32", 2), ("10.0.0.0/24", 4)]
    assert peer.line == 3


def test_host_bits_are_masked_and_warned_of() -> None:
    (warning,) = parse(conf("[Peer]", f"PublicKey = {A}", "AllowedIPs = 192.168.2.1/24"), "f", "wg0").warnings
    assert warning == 'f:3: AllowedIPs "192.168.2.1/24" has host bits set: WireGuard takes it for 192.168.2.0/24'


def test_a_key_in_several_sections_is_one_peer_with_what_the_last_one_says() -> None:
    sections = [("[Peer]", f"PublicKey = {key}", f"AllowedIPs = 10.0.0.{n}") for key, n in ((A, 1), (B, 2), (A, 2))]
    data = conf(*(line for section in sections for line in section))
    read = parse(data, "f", "wg0")
    assert [(peer.public_key, peer.line) for peer in read.peers] == [(B, 5), (A, 8)]
    assert peers_of(data) == {A: {"10.0.0.2/32"}, B: set()}
    assert "f:8: the same PublicKey in 2 sections, from line 2 on: WireGuard keeps only this" in read.warnings


def test_what_a_repeated_peer_took_and_lost_belongs_to_nobody() -> None:
    """The kernel takes a prefix from whoever had it, and from the taker too when its next section lets it go."""
    sections = [(A, "10.0.0.1"), (B, "10.0.0.1"), (B, "10.0.0.2"), (KEYS[3], "10.0.0.1")]
    lines = [line for key, one in sections for line in ("[Peer]", f"PublicKey = {key}", f"AllowedIPs = {one}")]
    assert peers_of(conf(*lines)) == {A: set(), B: {"10.0.0.2/32"}, KEYS[3]: {"10.0.0.1/32"}}
    lost = "f:2: this peer has no AllowedIPs left, another section took them: it can neither send nor receive"
    assert lost in parse(conf(*lines), "f", "wg0").warnings


def test_a_prefix_that_two_peers_claim_stays_with_both_for_the_policy_to_judge() -> None:
    read = parse(
        conf(
            "[Peer]",
            f"PublicKey = {A}",
            "AllowedIPs = 10.0.0.1",
            "[Peer]",
            f"PublicKey = {B}",
            "AllowedIPs = 10.0.0.1/32",
        ),
        "f",
        "wg0",
    )
    assert [peer.allowed_ips[0].line for peer in read.peers] == [3, 6]
    assert {key: len(prefixes) for key, prefixes in kernel_view(read.peers).items()} == {A: 0, B: 1}


def test_address_lines_give_the_gateways_own_addresses_and_not_their_networks() -> None:
    read = parse(conf("[Interface]", "Address = 10.0.0.1/24, fd00::1/64", "address=10.9.0.1 10.9.0.2/16"), "f", "wg0")
    assert [str(a) for a in read.addresses] == ["10.0.0.1/32", "fd00::1/128", "10.9.0.1/32", "10.9.0.2/32"]


def test_a_file_kept_without_its_private_key_can_be_read_and_is_warned_of() -> None:
    for value in ("", " REPLACE_ME", f" {SECRET[:-4]}"):
        read = parse(
            conf("[Interface]", f"PrivateKey ={value}", "[Peer]", f"PublicKey = {A}", "AllowedIPs = ::/0"), "f", "wg0"
        )
        assert len(read.peers) == 1
        assert read.warnings[0].startswith("f:2: PrivateKey is ")
        assert SECRET[:-4] not in read.warnings[0]


def test_a_peer_without_allowed_ips_is_read_and_warned_of() -> None:
    assert parse(conf("[Peer]", f"PublicKey = {A}"), "f", "wg0").warnings == (
        "f:2: this peer has no AllowedIPs: it can neither send nor receive",
    )


def test_hooks_are_shell_and_never_looked_into() -> None:
    data = conf("[Interface]", "PostUp = echo ${HOME} $(id) {{ }} `x`", "PreDown =", "[Peer]", f"PublicKey = {A}")
    assert peers_of(data) == {A: set()}


def test_an_empty_file_has_no_peers() -> None:
    assert parse(b"", "f", "wg0") == InterfacePeers("wg0", "f", ())


# -- what does not ----------------------------------------------------------------------------------------------------

SOUND = ("[Peer]", f"PublicKey = {A}")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("PublicKey =", "PublicKey is empty: WireGuard refuses a key without a value"),
        ("PublicKey = # later", "PublicKey is empty: WireGuard refuses a key without a value"),
        ("AllowedIPs =", "AllowedIPs is empty: WireGuard refuses a key without a value"),
        ("PublicKey = <the client's>", "PublicKey is a placeholder or damaged: it has characters that no key has"),
        ("PublicKey = TODO", "PublicKey is no key: it has 4 characters, a key has 44"),
        ("PublicKey = " + "X" * 44, "PublicKey is no key: 44 characters, but not the base64 of 32 bytes"),
        ("PresharedKey = none", "PresharedKey is no key: it has 4 characters, a key has 44"),
        ("AllowedIPs = 10.0.0.2/32,", "AllowedIPs has an empty element: a comma too many"),
        ("AllowedIPs = 10.0.0.2/33", 'AllowedIPs: "10.0.0.2/33" is no address or network (10.0.0.2/32, fd00::2/128)'),
        ("AllowedIPs = fe80::1%eth0", 'AllowedIPs: "fe80::1%eth0" is no address or network (10.0.0.2/32, fd00::2/128)'),
        ("peersistentKeepAlive = 1", 'unknown key "peersistentKeepAlive"; did you mean "PersistentKeepalive"?'),
        ("PersistentKeepalive = 65536", "PersistentKeepalive is too large: at most 65535"),
        ("PersistentKeepalive = often", "PersistentKeepalive has a value that WireGuard does not take"),
        ("Endpoint = vpn.example.net", "Endpoint has a value that WireGuard does not take"),
        ("Address = 10.0.0.1", "Address belongs under [Interface]"),
        ("ListenPort = 1", "ListenPort belongs under [Interface]"),
        ("[Peers]", 'unknown section "[Peers]": WireGuard has [Interface] and [Peer]'),
        ("/interface wireguard", "this is no `Key = value` line"),
        ("PublicKey", '"PublicKey" is no `Key = value` line'),
        ("Публичный = 1", "unknown key"),
        ("= 1", "unknown key"),
    ],
)
def test_a_line_that_wireguard_refuses_is_named_with_the_reason(line: str, said: str) -> None:
    assert messages(*SOUND, line) == [f"wg0.conf:3: {said}"]


def test_settings_before_any_section_are_named() -> None:
    assert messages("ListenPort = 1", *SOUND) == [
        "wg0.conf:1: ListenPort stands before any section: put [Interface] or [Peer] above it"
    ]


def test_a_peer_without_a_public_key_is_named_by_its_header() -> None:
    assert messages("[Peer]", "AllowedIPs = 10.0.0.1", *SOUND) == ["wg0.conf:1: this [Peer] has no PublicKey"]


def test_settings_of_wg_quick_under_a_misspelt_interface_are_refused_as_wg_refuses_them() -> None:
    assert messages("[ Interface ]", "MTU = 1420") == [
        "wg0.conf:2: MTU belongs under [Interface] (written without blanks)"
    ]


def test_a_wrong_address_of_the_interface_is_an_error_for_the_gateway_would_not_know_itself() -> None:
    assert messages("[Interface]", "Address = 10.0.0.1/24, <v6>/64", "SaveConfig = perhaps") == [
        'wg0.conf:2: Address: "<v6>/64" is no address or network (10.0.0.2/32, fd00::2/128)',
        'wg0.conf:3: SaveConfig "perhaps" is neither true nor false',
    ]


def test_all_problems_come_at_once_in_the_order_of_the_lines_and_the_rest_are_counted() -> None:
    said = messages("[Peer]", *[f"AllowedIPs = 10.0.0.{n}/99" for n in range(30)], f"PublicKey = {A}")
    assert [line.partition(": ")[0] for line in said[:20]] == [f"wg0.conf:{n}" for n in range(2, 22)]
    assert said[20] == "wg0.conf: and 10 more problems"


def test_amneziawg_is_named() -> None:
    error = refusal(conf("[Interface]", "Jc = 8", "H1 = 5"))
    assert error.messages[0] == 'wg0.conf:2: "Jc" is a setting of AmneziaWG, not of WireGuard'
    assert len(error.hints) == 1
    assert "AmneziaWG" in error.hints[0]


def test_a_byte_order_mark_is_named_with_everything_else() -> None:
    error = refusal(b"\xef\xbb\xbf" + conf("[Peer]", "PublicKey = x"))
    assert [m.partition(": ")[0] for m in error.messages] == ["wg0.conf:1", "wg0.conf:2"]
    assert "byte order mark" in error.messages[0]


@pytest.mark.parametrize(
    ("data", "said"), [("[Peer]\n".encode("utf-16"), ":1: this is UTF-16"), (b"#\n\n\0", ":3: a NUL byte")]
)
def test_what_is_no_utf8_text_is_refused(data: bytes, said: str) -> None:
    assert said in refusal(data).messages[0]


@pytest.mark.parametrize(
    ("line", "marker"),
    [
        ("PrivateKey = {{ key }}", "{{"),
        ("{% for peer in peers %}", "{%"),
        ("AllowedIPs = ${PEER_IP}/32", "${"),
        ("PrivateKey = $(cat key)", "$("),
        ("Address = $ADDRESS", "$A"),
        ("{# made by a role #}", "{#"),
    ],
)
def test_a_template_is_called_a_template_and_nothing_else(line: str, marker: str) -> None:
    error = refusal(conf("# {{ managed }} ${x}", "[Interface]", "PostUp = echo {{ x }}", line, "nonsense"))
    assert error.messages[0].startswith("wg0.conf:4: this is a ")
    assert "template" in error.messages[0]
    assert f'"{marker}"' in error.messages[0]
    assert len(error.messages) == 1
    assert "render" in error.hints[0]


@pytest.mark.parametrize("name", ["", "a/b", "wg+", "a" * 16, "..", "wg 0", "-i", "wg0\n", "лю", "lo"])
def test_a_name_that_is_no_interface_is_refused(name: str) -> None:
    with pytest.raises(HardenError, match="no name of an interface"):
        parse(b"", "f", name)


LEAKS = ("PrivateKey {0}", "{0}", "{0}{0}", "PresharedKey = {0}{0}", "PublicKey = {0}x", "Private Key: {0}",
         "PrivateKye = {0}", "AllowedIPs = {0} {0}", "[{0}]", "Endpoint = {0}")  # fmt: skip


@pytest.mark.parametrize("line", LEAKS)
def test_no_message_repeats_key_material(line: str) -> None:
    error = refusal(conf("[Peer]", line.format(SECRET)))
    assert SECRET[4:28] not in "".join([*error.messages, *error.hints])


# -- agreement --------------------------------------------------------------------------------------------------------


def answer(data: bytes) -> View | None:
    try:
        return peers_of(data)
    except HardenError:
        return None


def expected(data: bytes) -> View | None:
    stripped = strip(data)
    return None if stripped is None else setconf(stripped)


@given(files())
@settings(max_examples=300, deadline=None)
def test_it_takes_and_refuses_what_strip_and_setconf_take_and_refuse(data: bytes) -> None:
    assert answer(data) == expected(data)


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealTools]:
    real = RealTools(f"hq{os.getpid() % 100000}", tmp_path_factory.mktemp("wg"))
    yield real
    real.close()


@pytest.mark.kernel
@given(files())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_real_programs_agree(tools: RealTools, data: bytes) -> None:
    assert answer(data) == tools.view(data)


def complaints_of(data: bytes) -> list[str]:
    """The messages of an error for a person, none if it reads; anything else that is raised fails the test."""
    try:
        parse(data, "f", "wg0")
    except HardenError as error:
        return list(error.messages)
    return []


@given(st.one_of(st.binary(max_size=400), st.text(alphabet="[]#=/.,:\n\r Peerabc10{$", max_size=300).map(str.encode)))
@settings(max_examples=300, deadline=None)
def test_any_bytes_give_peers_or_an_error_for_a_person(data: bytes) -> None:
    assert all(message.startswith("f:") and "\n" not in message for message in complaints_of(data))


@given(files(), st.integers(0, 400), st.binary(min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_a_damaged_file_gives_peers_or_an_error_for_a_person(data: bytes, where: int, damage: bytes) -> None:
    damaged = data[:where] + damage + data[where:]
    assert all(message.startswith("f:") and "\n" not in message for message in complaints_of(damaged))


def test_ten_megabytes_of_nonsense_are_given_up_soon() -> None:
    for data in (b"x\n" * 5_000_000, bytes(range(1, 256)) * 40_000, b"[Peer]\n" * 1_500_000, b"=" * 10_000_000):
        start = time.process_time()
        assert 0 < len(complaints_of(data)) <= 21
        assert time.process_time() - start < 15


def test_ten_thousand_peers_are_read_in_a_moment() -> None:
    lines = ["[Interface]", "Address = 10.0.0.1/8"]
    for n in range(10_000):
        key = base64.b64encode(n.to_bytes(32, "big")).decode()
        lines += [
            "[Peer]",
            f"# client-{n}",
            f"PublicKey = {key}",
            f"AllowedIPs = 10.{n >> 16}.{n >> 8 & 255}.{n & 255}/32",
        ]
    data = conf(*lines)
    best = min(timed(data) for _ in range(3))
    assert best < 0.6  # seconds of CPU; four times what it takes on a slow machine


def timed(data: bytes) -> float:
    start = time.process_time()
    assert len(parse(data, "f", "wg0").peers) == 10_000
    return time.process_time() - start


# -- files on disk ----------------------------------------------------------------------------------------------------


def test_the_interface_is_named_by_the_file_unless_given(tmp_path: Path) -> None:
    path = tmp_path / "home.conf"
    path.write_bytes(conf(*SOUND))
    assert read(str(path)).interface == "home"
    assert read(str(path), "wg7").interface == "wg7"
    assert read(str(path)).source == str(path)


def test_a_file_whose_name_is_no_interface_is_taken_for_wg0_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "all the peers+.conf"
    path.write_bytes(conf(*SOUND, "AllowedIPs = 10.0.0.1"))
    read_peers = read(str(path))
    assert read_peers.interface == "wg0"
    assert read_peers.warnings == (f'{path}: "all the peers+" is no name of an interface; wg0 is assumed',)


def test_what_is_no_readable_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.conf")
    large = tmp_path / "large.conf"
    with large.open("wb") as file:
        file.truncate((64 << 20) + 1)
    (tmp_path / "loop.conf").symlink_to("loop.conf")
    reasons = {"none.conf": "No such file", ".": "a directory", "fifo.conf": "no regular file", "a\0b": "no path",
               "large.conf": "larger than 64 MiB", "loop.conf": "symbolic links"}  # fmt: skip
    for name, said in reasons.items():
        with pytest.raises(HardenError, match=said) as caught:
            read(str(tmp_path / name), "wg0")
        assert caught.value.messages[0].startswith(f"{tmp_path}")
