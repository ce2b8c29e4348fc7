"""The policy file as a document: what is accepted, what it becomes, and that nothing else ever comes out."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harden.document.wording import nearest, quote
from harden.errors import HardenError
from wgfw.addresses import AddressSet
from wgfw.policy.document import Defaults, Document, Effect, Target, TargetKind
from wgfw.policy.entries import parse_moment
from wgfw.policy.files import read_profiles_folder
from wgfw.policy.loader import load, read_document
from wgfw.services import ANY, parse_notation

SHIPPED = read_profiles_folder()
HEAD = "version: 1\ninterface: wg0\npeers: wg0.conf\n"

FULL = """\
version: 1
interfaces:
  wg0: {peers: /etc/wireguard/wg0.conf}
  wg1: {peers: kernel, profile: guest}
networks:
  cluster: [10.32.0.0/12]
  nas: [192.168.1.10, "fd00:1::10"]
  dns: 10.0.20.200
services:
  immich: [tcp/2283]
  photos: [immich, https]
  https: tcp/8443
profiles:
  media:
    description: Photo and file shares, nothing else
    allow:
      - {to: nas, services: [smb, immich]}
      - {to: dns, services: [dns]}
  closed: {allow: []}
clients:
  anca: {profile: media}
  wg1/laptop:
    profiles: [guest, admin]
    public_key: AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
    description: the old one
    mode: enforce
    allow:
      - {to: cluster, services: [https, tcp/6443], until: 2026-12-24T19:00:00+01:00}
      - to: "client:anca"   # by day
        services:
          - ssh
    deny:
      - {to: 10.32.0.1, services: [any]}
    inbound:
      - {from: "profile:media", services: [photos]}
  no: {}
defaults:
  profile: closed
  on_allow: return
  mode: enforce
  mark: 0x00300000
tests:
  - {from: anca, to: 10.32.0.1, service: tcp/443, expect: deny}
  - {from: 10.9.9.9, to: "fd00:1::10", service: ping, expect: deny}
  - {from: anca, to: 192.168.1.10, service: immich, expect: allow}
"""


def read(text: str) -> Document:
    """The document with the shipped profiles."""
    return read_document(text.encode(), "policy.yaml", SHIPPED)


@pytest.fixture
def full() -> Document:
    return read(FULL)


def test_interfaces_have_their_peers_and_default_profile(full: Document) -> None:
    """Several interfaces each say where their peers are; a profile of their own is optional."""
    assert {name: (i.peers, i.profile) for name, i in full.interfaces.items()} == {
        "wg0": ("/etc/wireguard/wg0.conf", None),
        "wg1": ("kernel", "guest"),
    }
    single = read(HEAD).interfaces["wg0"]
    assert (single.name, single.peers, single.profile, single.place.line) == ("wg0", "wg0.conf", None, 2)


def test_networks_mix_families_and_may_be_a_single_address(full: Document) -> None:
    """A network is the union of its items."""
    assert full.networks["nas"].addresses == AddressSet.parse("192.168.1.10", "fd00:1::10")
    assert full.networks["dns"].addresses == AddressSet.parse("10.0.20.200")
    assert str(full.networks["cluster"].place) == "policy.yaml:6"


def test_services_build_on_each_other_and_may_replace_built_in_ones(full: Document) -> None:
    """A service consists of notations and of other services, in any order of the file."""
    assert full.services["https"] == parse_notation("tcp/8443")
    assert full.services["photos"] == parse_notation("tcp/2283") | parse_notation("tcp/8443")


def test_profiles_of_the_file_win_over_shipped_ones(full: Document) -> None:
    """A profile defined in the policy replaces the shipped one of that name; the others stay."""
    assert not full.profiles["media"].shipped
    assert full.profiles["media"].description == "Photo and file shares, nothing else"
    assert full.profiles["guest"].shipped
    assert {"quarantine", "dns-only", "internet-only", "developer", "admin", "closed"} <= full.profiles.keys()


def test_a_clients_entry_is_complete(full: Document) -> None:
    """Names stay as written, lists keep their order, moments are in UTC, and each entry knows its line and text."""
    anca, laptop, no = full.clients
    assert (anca.name, anca.profiles, anca.public_key) == ("anca", ("media",), None)
    assert (no.name, no.profiles) == ("no", ())
    assert (laptop.name, laptop.profiles, laptop.place.line) == ("wg1/laptop", ("guest", "admin"), 22)
    assert laptop.public_key == "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
    first, second = laptop.rules.allow
    assert first.until == datetime(2026, 12, 24, 18, tzinfo=UTC)
    assert first.service_names == ("https", "tcp/6443")
    assert first.services == parse_notation("tcp/8443") | parse_notation("tcp/6443")
    assert (second.effect, second.target) == (Effect.ALLOW, Target(TargetKind.CLIENT, "anca"))
    assert (str(second.place), second.place.text) == ("policy.yaml:29", '{to: "client:anca", services: [ssh]}')
    (deny,) = laptop.rules.deny
    assert (deny.target, deny.services) == (Target(TargetKind.ADDRESS, "10.32.0.1"), ANY)
    (inbound,) = laptop.rules.inbound
    assert (inbound.effect, str(inbound.target)) == (Effect.INBOUND, "profile:media")


def test_defaults(full: Document) -> None:
    """What the section says, and what holds without it."""
    assert full.defaults == Defaults("closed", "return", 0x00300000)
    assert read(HEAD).defaults == Defaults("quarantine", "accept", 0x0C000000)
    assert read(HEAD + "defaults: {mark: 3}\n").defaults.mark == 3


def test_the_policys_tests_ask_for_one_service_each(full: Document) -> None:
    """A service's name that stands for one port is put in notation."""
    assert [(t.source, t.to, t.service, t.expect) for t in full.tests] == [
        ("anca", "10.32.0.1", "tcp/443", "deny"),
        ("10.9.9.9", "fd00:1::10", "icmp/echo-request", "deny"),
        ("anca", "192.168.1.10", "tcp/2283", "allow"),
    ]


def test_an_empty_list_covers_nothing() -> None:
    """No services, no allows, no networks: all empty sets, never everything."""
    document = read(HEAD + "networks: {none: []}\nclients:\n  a: {allow: [{to: none, services: []}], deny: []}\n")
    (entry,) = document.clients[0].rules.allow
    assert not entry.services
    assert not document.networks["none"].addresses
    assert document.clients[0].profiles == ()


@pytest.mark.parametrize("section", ["networks", "services", "profiles", "clients", "defaults", "tests"])
def test_a_section_of_comments_is_empty(section: str) -> None:
    """A section whose lines are all commented out counts as not there."""
    assert read(f"{HEAD}{section}:\n  # nothing yet\n") == read(HEAD)


def test_words_of_yaml_1_1_are_names() -> None:
    """`no`, `on`, `22:22`, `0x10` and `1e3x` are names of clients, networks, services and profiles like any other."""
    text = "networks: {no: [10.0.0.1]}\nservices: {on: [tcp/1]}\nprofiles: {off: {allow: []}}\n"
    text += "clients:\n  22:22: {profile: off, allow: [{to: no, services: [on]}]}\n  0x10: {profile: off}\n  007: {}\n"
    document = read(HEAD + text)
    assert [client.name for client in document.clients] == ["22:22", "0x10", "007"]
    assert document.clients[0].rules.allow[0].target == Target(TargetKind.NETWORK, "no")


def test_names_may_hold_anything() -> None:
    """Names of clients are data: quotes, newlines, emoji and shell text included."""
    name = "$(reboot)\n'\"; \\ 🦊 " + "x" * 300
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    document = read(f"{HEAD}clients:\n  ? {quoted}\n  : {{profile: guest}}\n")
    assert document.clients[0].name == name


def test_aliases_repeat_lists() -> None:
    """An anchor's list may be used again; entries keep the line where they are written."""
    text = "  a: &a {allow: [{to: any, services: &s [ssh]}]}\n  b: {allow: [{to: gateway, services: *s}]}\n  c: *a\n"
    a, b, c = read(f"{HEAD}clients:\n{text}").clients
    assert b.rules.allow[0].service_names == ("ssh",)
    assert c.rules == a.rules


def test_the_shipped_profiles() -> None:
    """Each has a description; none denies, since profiles add up; quarantine allows nothing and admin everything."""
    profiles = read(HEAD).profiles
    assert set(profiles) == {"quarantine", "dns-only", "internet-only", "guest", "media", "developer", "admin"}
    assert all(profile.description and profile.shipped for profile in profiles.values())
    assert not any(profile.rules.deny or profile.rules.inbound for profile in profiles.values())
    assert not profiles["quarantine"].rules.allow
    (everything,) = profiles["admin"].rules.allow
    assert (everything.target.kind, everything.services) == (TargetKind.ANY, ANY)
    reach = {name: {str(entry.target) for entry in profile.rules.allow} for name, profile in profiles.items()}
    assert reach["dns-only"] == {"dns"}
    assert reach["internet-only"] == {"internet"}
    assert reach["guest"] == {"internet", "dns"}
    assert reach["media"] == {"media", "nas", "dns"}
    assert reach["developer"] == {"cluster", "dns", "internet"}


def test_a_faulty_shipped_profile_is_named(tmp_path: Path) -> None:
    """A profile file that is broken is an error with its own path and line."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "quarantine.yaml").write_text("description: x\nalow: []\n")
    (tmp_path / "policy.yaml").write_text(HEAD)
    with pytest.raises(HardenError) as caught:
        load(str(tmp_path / "policy.yaml"), tmp_path / "profiles")
    assert caught.value.messages == (
        f'{tmp_path}/profiles/quarantine.yaml:2: unknown key "alow"; did you mean "allow"?',
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-24T18:00:00Z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24t18:00z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
        ("2026-12-24 18:00:00+02", datetime(2026, 12, 24, 16, tzinfo=UTC)),
        ("2026-12-24T18:00:00-0330", datetime(2026, 12, 24, 21, 30, tzinfo=UTC)),
        ("2038-01-19T03:14:07Z", datetime(2038, 1, 19, 3, 14, 7, tzinfo=UTC)),
        ("1999-01-01T00:00:00Z", datetime(1999, 1, 1, tzinfo=UTC)),
    ],
)
def test_moments(text: str, expected: datetime) -> None:
    """A date and time with a zone is that moment in UTC; one that has passed is no error."""
    assert parse_moment(text) == expected


@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_is_what_python_says_or_refused(moment: datetime) -> None:
    """What is accepted means the same moment as the standard library reads; the rest is a ValueError."""
    text = moment.replace(microsecond=0, second=0).isoformat()
    try:
        parsed = parse_moment(text)
    except ValueError as error:
        parsed = None
        reason = str(error)
    if parsed is None:
        assert any(word in reason for word in ("too late", "too early", "calendar", "bad time"))
    else:
        assert parsed == datetime.fromisoformat(text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """Missing, a directory, a FIFO, too large, no path at all: a clear message each, and no waiting."""
    fifo, large = tmp_path / "fifo", tmp_path / "large"
    os.mkfifo(fifo)
    with large.open("wb") as stream:
        stream.truncate(16 * 1024 * 1024 + 1)
    said = {}
    for path in (str(tmp_path / "none"), str(tmp_path), str(fifo), str(large), "a\0b", str(large / "x"), ""):
        with pytest.raises(HardenError) as caught:
            load(path)
        said[path] = caught.value.messages[0].removeprefix(f"{path}: ")
    assert list(said.values()) == [
        "no such file",
        "is a directory, not a file",
        "is not an ordinary file",
        "is larger than 16 MB",
        "cannot be read: is no path",
        "cannot be read: Not a directory",
        "no such file",
    ]


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses is said in its words."""

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("harden.file.os.open", refuse)
    with pytest.raises(HardenError, match=r"policy.yaml: cannot be read: Permission denied"):
        load(str(tmp_path / "policy.yaml"))


def test_ten_thousand_clients_load_quickly() -> None:
    """10,000 clients, one in ten with rules of its own, in well under a second."""
    lines = [HEAD, "networks: {nas: [192.168.1.10]}\nclients:"]
    for n in range(10_000):
        own = (
            f", allow: [{{to: nas, services: [ssh]}}, {{to: 10.32.{n % 256}.1, services: [https]}}]"
            if n % 10 == 0
            else ""
        )
        lines.append(f"  client-{n}: {{profile: guest{own}}}")
    data = "\n".join(lines).encode()
    start = time.process_time()
    document = read_document(data, "policy.yaml", SHIPPED)
    assert time.process_time() - start < 1.5  # 0.2 s on an idle machine
    assert len(document.clients) == 10_000


def test_ten_thousand_faults_are_reported_quickly() -> None:
    """Beyond 200 problems only their number is told, and no time goes into suggestions for them."""
    data = (HEAD + "clients:\n" + "".join(f"  c{n}: {{profile: p{n}}}\n" for n in range(10_000))).encode()
    start = time.process_time()
    with pytest.raises(HardenError) as caught:
        read_document(data, "policy.yaml", SHIPPED)
    assert time.process_time() - start < 3
    assert caught.value.messages[0] == 'policy.yaml:5: unknown profile "p0"'
    assert caught.value.messages[-1] == "policy.yaml: 9800 more problems"
    assert len(caught.value.messages) == 201


def test_suggestions() -> None:
    """A close name is suggested, whatever its case; a distant one is not; thousands of names cost little."""
    assert nearest("Anca", ["anca", "laptop"]) == "anca"
    assert nearest("zzz", ["anca", "laptop"]) is None
    assert nearest("client-4243x", [f"client-{n}" for n in range(100_000)]) is not None


def test_quoting_keeps_a_message_on_its_line() -> None:
    """Control characters are shown as escapes, long names are cut."""
    assert quote('a"b\n\x1b[31m') == '"a\\"b\\n\\x1b[31m"'
    assert quote("x" * 100) == '"' + "x" * 79 + '…"'


KEYS = [
    *(
        "version",
        "interface",
        "peers",
        "interfaces",
        "networks",
        "services",
        "profiles",
        "clients",
        "defaults",
        "tests",
    ),
    *("to", "from", "until", "allow", "deny", "inbound", "profile", "public_key", "mode", "mark", "on_allow", "expect"),
    *("service", "description", "wg0", "anca", "", "<<", "no"),
]
VALUES = st.one_of(
    st.sampled_from(["any", "internet", "gateway", "ssh", "guest", "10.0.0.0/8", "fd00::1", "client:anca", "kernel"]),
    st.sampled_from(["profile:guest", "dns:x", "2026-12-24T18:00:00Z", "0x0c000000", "allow", "audit", "~", "{}"]),
    st.sampled_from(["*a", "&a 1", "!!int 1", "9" * 5000, "-", "'", "wg0.conf", "1e999", "\U0001f98a", "1.2.3.4/1"]),
    st.text(max_size=8),
    st.integers().map(str),
)  # fmt: skip
TREES = st.recursive(
    VALUES,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda items: "[" + ", ".join(items) + "]")
        | st.lists(st.tuples(st.sampled_from(KEYS), inner), max_size=5).map(
            lambda pairs: "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        )
    ),
    max_leaves=25,
)


def outcome(data: bytes) -> Document | HardenError:
    """What reading gives; anything else than these two is the test's failure."""
    try:
        return read_document(data, "policy.yaml", SHIPPED)
    except HardenError as error:
        return error


def check_outcome(data: bytes) -> None:
    """A document, or messages that all begin with the file and are one line each."""
    result = outcome(data)
    if isinstance(result, HardenError):
        assert result.messages
        assert all(message.startswith("policy.yaml:") and "\n" not in message for message in result.messages)
    else:
        assert result.interfaces


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYS), TREES), max_size=6))
def test_any_tree_of_known_words_gives_a_document_or_an_error(sections: list[tuple[str, str]]) -> None:
    """Known keys in the wrong places with odd values: an answer, never a traceback."""
    check_outcome("".join(f"{key}: {value}\n" for key, value in sections).encode("utf-8", "surrogatepass"))


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(FULL)), st.integers(0, len(FULL)), st.binary(max_size=3))
@example(100, 100, b"\xff")
def test_a_damaged_policy_gives_a_document_or_an_error(start: int, end: int, instead: bytes) -> None:
    """Cut off anywhere, a part lost, a few bytes replaced: an answer, never a traceback."""
    data = FULL.encode()
    check_outcome(data[:start])
    check_outcome(data[:start] + instead + data[max(start, end) :])


@given(st.binary(max_size=300))
def test_binary_gives_an_error(data: bytes) -> None:
    """Bytes of any kind are refused, or in the odd case read."""
    check_outcome(data)
    check_outcome(HEAD.encode() + data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(HEAD.encode() + b"# x\n" * 2_500_000, id="comments"),
        pytest.param(HEAD.encode() + b"clients: {" + b"a, " * 3_000_000, id="keys"),
        pytest.param(HEAD.encode() + b"clients:\n" + b"  a: {}\n" * 1_200_000, id="duplicate-keys"),
        pytest.param(HEAD.encode() + b"tests: " + b"[" * 10_000_000, id="brackets"),
        pytest.param(HEAD.encode() + b"peers: |\n" + b" x\n" * 3_000_000, id="text"),
        pytest.param(HEAD.encode() + b"networks: {a: [" + b"'" * 10_000_000, id="quotes"),
        pytest.param(os.urandom(10_000_000), id="random"),
    ],
)
def test_ten_megabytes_give_a_document_or_an_error(data: bytes) -> None:
    """Large files are answered in seconds."""
    start = time.process_time()
    check_outcome(data)
    assert time.process_time() - start < 15
