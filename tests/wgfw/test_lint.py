"""What ``check`` remarks on in a policy that is valid."""

import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.wgfw.handmade import NOW, Holder, Peer, build
from wgfw.addresses import AddressSet
from wgfw.lint import lint
from wgfw.policy.gather import read_peers
from wgfw.policy.loader import load
from wgfw.policy.resolve import resolve

KEY = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA{:01}="

HEAD = """\
version: 1
interface: wg0
peers: wg0.conf
networks: {nas: [192.168.1.10, "fd00:1::10"], lan: [192.168.1.0/24, "fd00:1::/64"]}
"""


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Check":
    return Check(tmp_path, monkeypatch)


class Check:
    """Writes a policy with the peers anca and laptop, and lints it; messages come without the file."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(folder)
        self.folder = folder

    def __call__(self, policy: str, head: str = HEAD) -> list[str]:
        peers = "".join(
            f"[Peer]\n# friendly_name = {name}\nPublicKey = {KEY.format(letter)}\nAllowedIPs = {ips}\n"
            for name, letter, ips in (("anca", "A", "10.8.0.2/32, fd00:8::2/128"), ("laptop", "E", "10.8.0.3/32"))
        )
        (self.folder / "wg0.conf").write_text(f"[Interface]\nAddress = 10.8.0.1/24, fd00:8::1/64\n{peers}")
        (self.folder / "policy.yaml").write_text(head + policy)
        document = load("policy.yaml")
        resolved = resolve(document, read_peers(document), AddressSet.parse("192.168.1.1"))
        return [str(finding).removeprefix("policy.yaml:") for finding in lint(document, resolved, NOW)]


USED = "{to: lan, services: [ping]}, {to: nas, services: [ssh]}"


def test_a_sound_policy_has_no_findings(check: Check) -> None:
    """Nothing to say is said as nothing."""
    policy = f"clients:\n  anca: {{profile: guest, allow: [{USED}]}}\n  laptop: {{profile: admin}}\n"
    assert check(policy) == []


def test_an_entry_covered_by_another_is_shadowed(check: Check) -> None:
    """By one of its own, of a profile, or by a deny; of two equal ones the later."""
    found = check("""\
profiles:
  files: {allow: [{to: nas, services: [smb]}]}
clients:
  laptop: {profile: admin}
  anca:
    profile: files
    allow:
      - {to: lan, services: [ssh]}
      - {to: nas, services: [ssh]}
      - {to: nas, services: [tcp/445]}
      - {to: 10.0.0.1, services: [http]}
      - {to: 10.0.0.1, services: [tcp/80]}
      - {to: 10.0.0.2, services: [http]}
    deny:
      - {to: 10.0.0.2, services: [any]}
""")
    assert found == [
        "13: {to: nas, services: [ssh]} of anca changes nothing: {to: lan, services: [ssh]} (policy.yaml:12) covers it",
        (
            "14: {to: nas, services: [tcp/445]} of anca changes nothing:"
            " {to: nas, services: [smb]} of profile files (policy.yaml:6) covers it"
        ),
        (
            "16: {to: 10.0.0.1, services: [tcp/80]} of anca changes nothing:"
            " {to: 10.0.0.1, services: [http]} (policy.yaml:15) covers it"
        ),
        (
            "17: {to: 10.0.0.2, services: [http]} of anca never allows anything:"
            " denied by {to: 10.0.0.2, services: [any]} (policy.yaml:19)"
        ),
    ]


def test_what_lasts_longer_is_not_shadowed(check: Check) -> None:
    """Nor is the gateway by special-purpose space, nor the internet by anything less than it."""
    found = check(f"""\
clients:
  laptop: {{profile: admin}}
  anca:
    allow:
      - {{to: nas, services: [ssh], until: 2030-01-01T00:00:00Z}}
      - {{to: 192.168.1.10, services: [ssh], until: 2031-01-01T00:00:00Z}}
      - {{to: internet, services: [https]}}
      - {{to: gateway, services: [https]}}
      - {USED.split("}, ", 1)[0]}}}
""")
    assert found == []


def test_entries_past_or_near_their_end_are_told(check: Check) -> None:
    """The day before is near; next month is not."""
    times = [NOW - timedelta(days=1), NOW + timedelta(days=1), NOW + timedelta(days=30)]
    entries = "".join(
        f"      - {{to: nas, services: [tcp/{n}], until: {t.isoformat()}}}\n" for n, t in enumerate(times, 1)
    )
    found = check(f"clients:\n  laptop: {{profile: admin}}\n  anca:\n    allow:\n      - {USED[:27]}\n{entries}")
    assert len(found) == 2
    assert "ran out at 2026-06-30T12:00:00Z and allows nothing: take it out" in found[0]
    assert "runs out at 2026-07-02T12:00:00Z" in found[1]


def test_definitions_that_nothing_refers_to_are_named(check: Check) -> None:
    """Networks used by a shipped profile that somebody has are used, and so is the default profile."""
    found = check("""\
  spare: {allow: []}
  fallback: {allow: []}
clients:
  laptop: {profile: media}
  anca: {profile: media, allow: [{to: 10.9.9.9, services: [outer]}]}
services: {immich: [tcp/2283], inner: [tcp/9], outer: [inner, tcp/10]}
defaults: {profile: fallback}
""", HEAD.replace("networks: {", "networks: {media: [10.0.9.1], dns: [10.0.0.53], ") + "profiles:\n")  # fmt: skip
    assert found == [
        ' the service "immich" is not used',
        '4: the network "lan" is not used',
        '6: no client has the profile "spare"',
    ]


def test_peers_without_an_entry_are_counted(check: Check) -> None:
    """At the interface that has them."""
    found = check(f"clients:\n  anca: {{allow: [{USED}]}}\n")
    assert found == ['2: 1 peer has no entry under clients and the default profile quarantine: "laptop"']


def test_everything_to_everywhere_is_wide_unless_it_is_the_admin_profile(check: Check) -> None:
    """Own allows, profiles of another name, inbounds, and the whole of a family as a CIDR."""
    found = check(f"""\
profiles:
  boss: {{allow: [{{to: any, services: [any]}}]}}
  admin: {{allow: [{{to: any, services: [any]}}]}}
clients:
  laptop: {{profiles: [boss]}}
  anca:
    profile: admin
    inbound: [{{from: any, services: [any]}}]
    deny: [{USED}]
""")
    assert found == [
        "6: {to: any, services: [any]}: profile boss may open everything, the gateway and other clients included",
        "12: {from: any, services: [any]}: anybody, inside and outside, may open any connection to anca",
    ]
    (line,) = check(
        f"clients:\n  laptop: {{allow: [{{to: 0.0.0.0/0, services: [any]}}]}}\n  anca: {{allow: [{USED}]}}\n"
    )
    assert "laptop may open everything" in line
    assert "the profile admin says so" in line


def test_a_deny_that_misses_the_other_family_is_told(check: Check) -> None:
    """The allow of the whole LAN swallows the neighbour: the same host by IPv6."""
    policy = """\
clients:
  laptop: {profile: admin}
  anca:
    allow: [{to: lan, services: [any]}]
    deny: [{to: 192.168.1.10, services: [smb]}]
"""
    assert check(policy.replace("192.168.1.10", "nas")) == []
    assert check(policy, HEAD.replace('"fd00:1::/64"', '"fd00:2::/64"')) == ['4: the network "nas" is not used']
    assert check(policy) == [
        '4: the network "nas" is not used',
        (
            "9: {to: 192.168.1.10, services: [smb]} leaves fd00:1::10 of nas open,"
            " by {to: lan, services: [any]} (policy.yaml:8): deny nas instead"
        ),
    ]


def test_a_deny_of_one_of_the_gateways_addresses_is_told(check: Check) -> None:
    """All of them are the gateway."""
    policy = f"""\
clients:
  laptop: {{profile: admin}}
  anca:
    profile: admin
    deny: [{{to: 10.8.0.1, services: [ssh]}}, {USED}]
"""
    assert check(policy) == [
        (
            "9: {to: 10.8.0.1, services: [ssh]} leaves 192.168.1.1 of gateway open,"
            f" by {{to: any, services: [any]}} ({admin_place()}): deny gateway instead"
        )
    ]
    assert check(policy.replace("10.8.0.1", "gateway")) == []


def admin_place() -> str:
    return str(load("policy.yaml").profiles["admin"].rules.allow[0].place)


def test_a_deny_of_tcp_that_leaves_udp_of_the_same_service_is_told(check: Check) -> None:
    """HTTPS is QUIC too."""
    policy = f"""\
clients:
  laptop: {{profile: admin}}
  anca:
    profile: internet-only
    deny: [{{to: 9.9.9.9, services: [tcp/443]}}, {USED}]
"""
    (line,) = check(policy)
    assert "leaves udp/443 open" in line
    assert line.endswith("deny https instead")
    assert check(policy.replace("tcp/443", "https")) == []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("inbound: [{from: gateway, services: [ssh]}]", "what the gateway itself sends is not restricted"),
        ("allow: [{to: 224.0.0.251, services: [udp/5353]}]", "multicast and broadcast do not cross WireGuard"),
        ('allow: [{to: "ff02::fb", services: [udp/5353]}]', "multicast and broadcast do not cross WireGuard"),
        ("allow: [{to: nas, services: []}]", "it names no service"),
        ('allow: [{to: "profile:guest", services: [ssh]}]', 'no client has the profile "guest"'),
    ],
)
def test_entries_without_effect_are_told(check: Check, entry: str, message: str) -> None:
    """Each with the reason."""
    found = check(f"clients:\n  laptop: {{allow: [{USED}]}}\n  anca: {{profile: admin, {entry}}}\n")
    assert any(message in line for line in found), found
    assert all(line.startswith("7: ") for line in found)


def test_a_client_without_anything_is_told(check: Check) -> None:
    """An entry without a profile takes the default one away."""
    found = check(f"clients:\n  laptop: {{allow: [{USED}]}}\n  anca: {{}}\n")
    assert found == ['7: "anca" has neither a profile nor an entry of its own: it may open nothing']


def test_ten_thousand_clients_take_a_moment() -> None:
    """Each with entries of its own."""
    clients = {
        f"c{n}": Peer(
            ips=[f"10.8.{n >> 8}.{n & 255}/32"],
            profiles=["media"],
            allow=[("lan", "ssh"), (f"10.32.{n >> 8}.{n & 255}", "https")],
            deny=[("192.168.1.10", "ssh")],
        )
        for n in range(10_000)
    }
    policy, document = build(
        clients,
        profiles={"media": Holder(allow=[("nas", "smb"), ("internet", "any")])},
        networks={"nas": ["192.168.1.10", "fd00:1::10"], "lan": ["192.168.1.0/24", "fd00:1::/64"]},
    )
    start = time.process_time()
    found = lint(document, policy, NOW)
    spent = time.process_time() - start
    assert len(found) == 10_000
    assert spent < 4
