"""The reconciler and the real kernel, both backends, both families, in namespaces of their own."""

import contextlib
import fcntl
import os
import random
import re
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.netns import Netns

from harden.errors import HardenError, UsageError
from tests.wgfw.gateway_host import BACKENDS, CHECKOUT, FAMILIES, Host
from tests.wgfw.made_rules import rule_set
from wgfw.kernel import conntrack, iptables, programs
from wgfw.kernel.conntrack import Connection, end_denied
from wgfw.kernel.opening import Opening
from wgfw.ruleset import TABLES, Chain, FamilyRules, Hook, Rule, RuleSet

A, B = rule_set(80, 81, 82), rule_set(80, 90)
LARGE = tuple(range(1000, 1300))
OTHERS = """*filter
:DOCKER-USER - [0:0]
:DOCKER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m comment --comment "it's -j HARDEN-WG-ROOT, \\"so\\" to say" -j ACCEPT
-A DOCKER-USER -j RETURN
-A DOCKER -p tcp -m multiport --dports 80,443 -j ACCEPT
COMMIT
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
"""


@pytest.fixture
def netns(monkeypatch: pytest.MonkeyPatch) -> Iterator[Netns]:
    """A namespace with a lock of its own, so that tests do not wait for each other."""
    with Netns("hkern") as namespace:
        monkeypatch.setenv("XTABLES_LOCKFILE", namespace.lock)
        yield namespace


@pytest.fixture(params=BACKENDS)
def host(request: pytest.FixtureRequest, netns: Netns, tmp_path: Path) -> Host:
    """A gateway with nothing on it."""
    return Host(netns, request.param, tmp_path / "state")


def without_new_empty_tables(host: Host, before: dict[int, str]) -> dict[int, str]:
    """What is saved now, but for tables without a rule that only the legacy kernel keeps."""
    if host.backend == "nft":
        return host.saved()
    left = {}
    for family, text in host.saved().items():
        blocks = re.findall(r"\*.*?COMMIT\n", text, re.DOTALL)
        left[family] = "".join(b for b in blocks if b.splitlines()[0] in before[family] or "-A " in b or " - " in b)
    return left


def test_apply_twice_and_the_second_changes_nothing(host: Host) -> None:
    """The first one is complete: hooks first, everything in both families."""
    for family in FAMILIES:
        host.load(family, OTHERS)
    assert host.apply(A).changed
    saved = host.saved()
    assert not host.apply(A).changed
    assert host.saved() == saved
    for text in saved.values():
        for table in TABLES:
            block = re.search(rf"^\*{table}$.*?^COMMIT$", text, re.DOTALL | re.MULTILINE)
            assert block
            first = re.search(r"^-A FORWARD .*$", block[0], re.MULTILINE)
            assert first
            assert first[0] == "-A FORWARD -i wg0 -j HARDEN-WG-ROOT"


def test_counters_of_untouched_chains_survive(host: Host) -> None:
    """Of ours and of others'; a packet to INPUT counts in all of them."""
    rules = [RuleSet(*(counting(family, port) for family in FAMILIES)) for port in (80, 81)]
    host.apply(rules[0])
    host.load(4, "*filter\n-A INPUT -p udp -j ACCEPT\nCOMMIT\n")
    host.netns.call(send_to_itself)
    before = counted(host)
    assert before["-A HARDEN-WG-KEEP -p udp"] == before["-A INPUT -p udp -j ACCEPT"] == 1
    host.apply(rules[1])
    after = counted(host)
    for line in ("-A HARDEN-WG-KEEP -p udp", "-A INPUT -p udp -j ACCEPT", "-A INPUT -j HARDEN-WG-KEEP"):
        assert after[line] == before[line] > 0
    assert after["-A HARDEN-WG-CHANGE -p tcp -m tcp --dport 81"] == 0


def counted(host: Host) -> dict[str, int]:
    """Packets by rule."""
    counters = host.reconciler().kernel.counters(4)  # type: ignore[attr-defined]
    return {counted.line: counted.packets for chain in counters.values() for counted in chain}


def send_to_itself() -> None:
    """One datagram to a closed port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"x", ("127.0.0.1", 9))


def counting(family: int, port: int) -> FamilyRules:
    """A chain that every packet to INPUT meets, and one that differs by port."""
    keep = Chain("filter", "HARDEN-WG-KEEP", (Rule(("-p", "udp"), ()), Rule((), ("-j", "HARDEN-WG-CHANGE"))))
    change = Chain("filter", "HARDEN-WG-CHANGE", (Rule(("-p", "tcp", "--dport", str(port)), ()),))
    return FamilyRules(family, (keep, change), (Hook("filter", "INPUT", Rule((), ("-j", "HARDEN-WG-KEEP"))),))


DRIFT = {
    "a rule deleted": ["-t", "mangle", "-D", "HARDEN-WG-C1", "2"],
    "a rule added": ["-t", "mangle", "-I", "HARDEN-WG-C1", "2", "-j", "ACCEPT"],
    "a chain emptied": ["-t", "mangle", "-F", "HARDEN-WG-C1"],
    "a hook deleted": ["-t", "security", "-D", "FORWARD", "1"],
    "a hook doubled": ["-t", "filter", "-A", "INPUT", "-i", "wg0", "-j", "HARDEN-WG-ROOT"],
    "a rule of others above ours": ["-I", "FORWARD", "-j", "ACCEPT"],
    "a rule replaced, the marker kept": ["-t", "mangle", "-R", "HARDEN-WG-C1", "2", "-p", "tcp", "--dport", "444"],
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("what", DRIFT)
def test_drift_is_found_and_repaired(host: Host, what: str, family: int) -> None:
    """And what others have done meanwhile stays."""
    host.apply(A)
    saved = host.saved()
    host.run(family, *DRIFT[what])
    assert not host.in_sync(A)
    assert host.apply(A).changed
    assert host.in_sync(A)
    kept = {f: text.replace("-A FORWARD -j ACCEPT\n", "") for f, text in host.saved().items()}
    assert kept == saved
    if what == "a rule of others above ours":
        assert "-A FORWARD -i wg0 -j HARDEN-WG-ROOT\n-A FORWARD -j ACCEPT\n" in host.save(family)


def test_an_alteration_by_save_and_restore_is_found(host: Host) -> None:
    """`iptables-save | sed s/81/444/ | iptables-restore` keeps every comment."""
    host.apply(rule_set(80, 81))
    host.apply(A)
    for family in FAMILIES:
        altered = host.save(family).replace("--dport 81", "--dport 444")
        host.netns.run(host.program(family, "-restore"), text=altered)
    assert not host.in_sync(A)
    host.apply(A)
    assert host.in_sync(A)
    assert "444" not in host.save(4) + host.save(6)


def test_rollback_and_remove_are_exact(host: Host) -> None:
    """To the byte, beside others' rules."""
    for family in FAMILIES:
        host.load(family, OTHERS)
    nothing = host.saved()
    host.apply(A)
    first = host.saved()
    host.apply(B)
    assert host.saved() != first
    host.rollback()
    assert host.saved() == first
    assert not host.rollback().changed
    outcome = host.remove()
    assert without_new_empty_tables(host, nothing) == nothing
    assert bool(outcome.notes) == (host.backend == "legacy")  # says which tables the kernel keeps
    assert not host.remove().changed
    host.rollback()
    assert host.saved() == first


def test_remove_leaves_nothing_behind_on_nft(netns: Netns, tmp_path: Path) -> None:
    """Not even a table, where we have made it; but one that somebody has used since stays, and so does theirs."""
    host = Host(netns, "nft", tmp_path / "state")
    netns.run("nft", "add table ip mangle")
    netns.run("nft", "add table inet theirs")
    before = netns.run("nft", "list", "ruleset").stdout
    host.apply(A)
    host.run(6, "-t", "security", "-A", "OUTPUT", "-j", "ACCEPT")
    host.remove()
    assert host.save(6).count("*") == 1
    host.run(6, "-t", "security", "-D", "OUTPUT", "1")
    netns.run("nft", "delete table ip6 security")
    left = netns.run("nft", "list", "ruleset").stdout
    assert re.sub(r"\tchain \w+ \{\n\t\ttype .*\n\t\}\n\n?", "", left) == before  # their table keeps empty chains


@pytest.mark.parametrize("before", [None, B], ids=["nothing", "something"])
def test_both_families_or_neither(host: Host, before: RuleSet | None) -> None:
    """The kernel takes the IPv4 rules and refuses an IPv6 one; it names the match."""
    for family in FAMILIES:
        host.load(family, OTHERS)
    if before:
        host.apply(before)
    as_it_was = host.saved()
    bad = Chain("security", "HARDEN-WG-BAD", (Rule(("-m", "rpfilter", "--invert"), ("-j", "DROP")),))
    refused = RuleSet(A.v4, FamilyRules(6, (*A.v6.chains, bad), A.v6.hooks))
    with pytest.raises(HardenError, match=r"the kernel refused") as caught:
        host.apply(refused)
    told = "\n".join([*caught.value.messages, *caught.value.hints])
    assert "security" in told
    assert "xt_rpfilter" in told
    assert without_new_empty_tables(host, as_it_was) == as_it_was
    host.apply(A)
    assert host.in_sync(A)


def test_a_match_that_iptables_does_not_know_is_named(host: Host) -> None:
    """Nothing is written then."""
    unknown = Chain("mangle", "HARDEN-WG-X", (Rule(("-m", "nosuchmatch"), ("-j", "DROP")),))
    with pytest.raises(HardenError, match="does not know the match 'nosuchmatch'"):
        host.apply(RuleSet(FamilyRules(4, (unknown,), ()), FamilyRules(6, (), ())))
    assert "HARDEN" not in host.save(4)


def test_a_held_xtables_lock_is_named(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Legacy waits and gives up; nft knows no lock."""
    monkeypatch.setattr(iptables.Iptables.__init__, "__kwdefaults__", {"lock_seconds": 1})
    with open(host.netns.lock, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if host.backend == "nft":
            assert host.apply(A).changed
            return
        with pytest.raises(HardenError, match="holds the xtables lock") as caught:
            host.apply(A)
    assert "fuser" in caught.value.hints[0]
    assert "HARDEN" not in host.save(4)
    assert host.apply(A).changed


def test_two_applies_at_once_end_in_one_of_the_two(host: Host) -> None:
    """Whole, in both families; several times, because it is about timing."""
    ports = (LARGE[:60], LARGE[30:90])
    for _ in range(3):
        running = [host.process(*ports[0]), host.process(*ports[1])]
        for process in running:
            out, _ = process.communicate(timeout=60)
            assert (process.returncode, out.split()[-1]) == (0, "applied")
        assert [host.in_sync(rule_set(*chosen)) for chosen in ports].count(True) == 1


def test_killed_at_any_moment_it_is_old_or_new_and_never_between(host: Host) -> None:
    """kill -9 to the whole process group. What had begun is ended by a child that the signal does not reach."""
    old, new = rule_set(*LARGE), rule_set(*LARGE[:-20], *range(5000, 5200))
    host.apply(old)
    duration = timed(host, new)
    host.apply(old)
    seen = set()
    for _ in range(10):
        process = host.process(*LARGE[:-20], *range(5000, 5200))
        assert process.stdout
        assert process.stdout.readline() == "planned\n"
        time.sleep(random.uniform(0, duration))
        os.killpg(process.pid, 9)
        process.communicate(timeout=60)
        with host.reconciler().state.lock(60):
            is_old, is_new = host.in_sync(old), host.in_sync(new)
        assert is_old != is_new
        seen.add(is_new)
        host.apply(old)
        assert host.in_sync(old)
    assert seen


def timed(host: Host, rules: RuleSet) -> float:
    """Seconds that an apply takes once it is planned."""
    reconciler = host.reconciler()
    plan = reconciler.plan(rules)
    begin = time.monotonic()
    reconciler.apply(plan)
    return time.monotonic() - begin


def test_when_even_the_writing_child_is_killed_the_next_apply_repairs(host: Host) -> None:
    """As when a container is stopped hard; a rollback knows the last complete rules all the same."""
    old = rule_set(*LARGE)
    host.apply(old)
    duration = timed(host, rule_set(*range(5000, 5300)))
    for finish in ("apply", "rollback", "apply", "rollback", "apply", "rollback"):
        host.apply(old)
        process = host.process(*range(5000, 5300))
        assert process.stdout
        assert process.stdout.readline() == "planned\n"
        time.sleep(random.uniform(0, duration))
        kill_tree(process.pid)
        process.communicate(timeout=60)
        if finish == "apply":
            host.apply(rule_set(*range(5000, 5300)))
            assert host.in_sync(rule_set(*range(5000, 5300)))
        else:
            cut_off = host.reconciler().state.pending() is not None
            if cut_off:
                host.rollback()
                assert host.in_sync(old)


def kill_tree(pid: int) -> None:
    """The process and all of its descendants, with no time for any of them to notice."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(pid, 19)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            kill_tree(int(child))
        os.kill(pid, 9)


def test_auto_takes_the_backend_that_holds_the_hosts_rules(netns: Netns, tmp_path: Path) -> None:
    """nft where there is nothing; where ours are, they stay; in both, it refuses."""
    nft, legacy = (Host(netns, backend, tmp_path) for backend in BACKENDS)
    assert nft.reconciler("auto").kernel.backend == "nft"
    assert netns.run("iptables-legacy-save").stdout == ""  # asking has made no table
    legacy.load(4, "*nat\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n")
    assert nft.reconciler("auto").kernel.backend == "legacy"
    nft.run(4, "-P", "FORWARD", "DROP")
    both = nft.reconciler("auto")
    assert both.kernel.backend == "nft"  # as plain iptables of this host
    assert "both backends" in both.notes[0]
    legacy.apply(A)
    ours = nft.reconciler("auto")
    assert ours.kernel.backend == "legacy"
    assert "nft" in ours.notes[0]
    assert "harden wg remove --backend legacy" in nft.reconciler("nft").notes[0]
    nft.apply(A)
    with pytest.raises(HardenError, match="both backends") as caught:
        nft.reconciler("auto")
    assert "harden wg remove --backend legacy" in caught.value.hints[0]
    legacy.remove()
    assert nft.reconciler("auto").kernel.backend == "nft"


@pytest.mark.parametrize("rule", ["meta skuid 3 accept", "ct state new accept"])
def test_a_table_that_only_nft_can_show_is_refused(rule: str, netns: Netns, tmp_path: Path) -> None:
    """iptables-nft-save says so with status 0 or stops half-way, and would let us write into it blindly."""
    netns.run("nft", "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; }")
    netns.run("nft", f"add rule ip filter FORWARD {rule}")
    before = netns.run("nft", "list", "ruleset").stdout
    for backend in ("nft", "auto"):
        with pytest.raises(HardenError, match="iptables cannot read") as caught:
            Host(netns, backend, tmp_path).apply(A)
        assert "nft list ruleset" in caught.value.hints[0]
    assert netns.run("nft", "list", "ruleset").stdout == before


def test_reading_makes_no_table(host: Host) -> None:
    """`iptables-legacy-save -t TABLE` would."""
    reconciler = host.reconciler()
    assert not reconciler.plan(A).in_sync
    assert host.saved() == {4: "", 6: ""}
    assert host.netns.run("nft", "list", "ruleset").stdout == ""


def test_a_host_without_ipv6_gets_ipv4_rules_and_a_note(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """Booted with ipv6.disable=1 the file is not there; no IPv6 packet can pass either."""
    monkeypatch.setattr(iptables, "_IPV6_THERE", "/nonexistent")
    reconciler = host.reconciler()
    plan = reconciler.plan(A)
    assert "no IPv6" in plan.notes[-1]
    reconciler.apply(plan)
    assert host.in_sync(A)
    assert "HARDEN" in host.save(4)
    assert "HARDEN" not in host.save(6)


def test_missing_programs_are_named(netns: Netns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the backend that was asked for, or of both."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "nsenter").symlink_to("/usr/bin/nsenter")
    with monkeypatch.context() as patch:
        patch.setattr(programs, "_FOLDERS", ())
        patch.setenv("PATH", str(tools))
        for backend in ("legacy", "nft"):
            with pytest.raises(HardenError, match=f"iptables-save for the {backend} backend is missing") as caught:
                Host(netns, backend, tmp_path).reconciler()
            assert "apt-get install iptables" in caught.value.hints[0]
        with pytest.raises(HardenError, match="neither backend of iptables works here"):
            Host(netns, "auto", tmp_path).reconciler()


def test_programs_are_found_under_any_of_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The multi-call binary, or plain iptables where it says which it is."""
    suffixed = programs.find_programs("nft", None).command(6, "-save")
    assert suffixed[0].endswith("/ip6tables-nft-save")
    monkeypatch.setattr(programs, "_FOLDERS", ())
    for names, expected in (
        (["xtables-nft-multi"], ("xtables-nft-multi", "ip6tables-save")),
        (["iptables", "ip6tables", "ip6tables-save"], ("ip6tables-save",)),
    ):
        tools = tmp_path / names[0]
        tools.mkdir()
        for name in names:
            (tools / name).symlink_to("/usr/sbin/xtables-nft-multi")
        monkeypatch.setenv("PATH", str(tools))
        found = programs.find_programs("nft", None).command(6, "-save")
        assert tuple(Path(word).name for word in found) == expected
        assert "ip6tables-save" not in programs.find_programs("legacy", None).found
    assert programs.preferred_backend() == "nft"


def test_without_the_right_to_administer_it_says_so(netns: Netns, tmp_path: Path) -> None:
    """iptables-legacy-save would print nothing and report success."""
    done = subprocess.run(
        ["setpriv", "--bounding-set=-net_admin", sys.executable, "-m", "tests.wgfw.apply_made",
         "legacy", netns.name, str(tmp_path), "80"],
        cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "HardenError: reading and changing the kernel's rules needs root" in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("name", ["nosuch", "..", "", "a/b", "$(id)"])
def test_a_namespace_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    """Names are data: nothing but a file of that name is looked for."""
    with pytest.raises(UsageError, match="there is no network namespace"):
        Opening("nft", name, tmp_path)


def test_a_program_that_never_ends_is_given_up() -> None:
    """Every call has a time limit."""
    with pytest.raises(HardenError, match=r"sleep 60: no answer within 0.2 seconds"):
        programs.run(("sleep", "60"), seconds=0.2)


def test_a_program_that_cannot_be_run_is_named() -> None:
    """Not a traceback."""
    with pytest.raises(HardenError, match="/nonexistent/iptables cannot be run: No such file or directory"):
        programs.run(("/nonexistent/iptables",))


@pytest.mark.parametrize("listing", ["proc", "netlink"])
def test_connections_that_are_denied_now_are_ended(netns: Netns, listing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """UDP and ping of both families, and one behind a DNAT; the others stay."""
    if listing == "netlink":
        monkeypatch.setattr(conntrack, "_LISTING", Path("/nonexistent"))
    for family, home in ((4, "127.0.0.1"), (6, "::1")):
        tables = Host(netns, "nft", Path())
        tables.run(family, "-A", "INPUT", "-m", "conntrack", "--ctstate", "NEW", "-j", "ACCEPT")
        tables.run(
            family, "-t", "nat", "-A", "OUTPUT", "-p", "udp", "--dport", "77", "-j", "REDIRECT", "--to-ports", "88"
        )
        netns.call(lambda family=family, home=home: converse(family, home))
    seen: dict[tuple[int, int, int], Connection] = {}

    def remember(connection: Connection) -> bool:
        seen[connection.family, connection.flow.protocol, connection.flow.detail] = connection
        return False

    assert end_denied(remember, netns.name) == 0
    assert set(seen) == {(4, 17, 53), (4, 17, 77), (4, 1, 8 << 8), (6, 17, 53), (6, 17, 77), (6, 58, 128 << 8)}
    assert seen[4, 17, 53].behind is None
    behind = seen[4, 17, 77].behind
    assert behind
    assert behind[1].detail == 88
    assert end_denied(lambda connection: connection.flow.detail != 53, netns.name) == 4
    seen.clear()
    assert end_denied(remember, netns.name) == 0
    assert set(seen) == {(4, 17, 53), (6, 17, 53)}


def converse(family: int, home: str) -> None:
    """Open three connections to this host itself."""
    kind, protocol, request = (
        (socket.AF_INET, socket.IPPROTO_ICMP, 8) if family == 4 else (socket.AF_INET6, socket.IPPROTO_ICMPV6, 128)
    )
    for port in (53, 77):
        with socket.socket(kind, socket.SOCK_DGRAM) as udp:
            udp.sendto(b"x", (home, port))
    with socket.socket(kind, socket.SOCK_RAW, protocol) as raw:
        body = struct.pack(">BBHHH", request, 0, 0, 1234, 1)
        checksum = 0xFFFF - sum(struct.unpack(">4H", body))  # no carry with these numbers
        raw.sendto(body[:2] + struct.pack(">H", checksum) + body[4:], (home, 0))


@pytest.mark.corpus
@pytest.mark.parametrize("backend", BACKENDS)
def test_others_rules_survive_apply_and_remove(backend: str, tmp_path: Path, corpus: Path) -> None:
    """Every firewall dump is loaded first, and is there afterwards to the byte."""
    dumps = sorted((corpus / "firewall").glob("*.rules"))
    assert dumps
    for dump in dumps:
        family = 6 if dump.stem.endswith("v6") else 4
        with Netns("hkern") as netns:
            host = Host(netns, backend, tmp_path / dump.stem)
            host.load(family, dump.read_text())
            before = host.saved()
            host.apply(A)
            assert host.in_sync(A), dump.name
            host.remove()
            assert without_new_empty_tables(host, before) == before, dump.name


def test_nothing_is_started_where_a_program_of_one_family_is_missing(tmp_path: Path) -> None:
    """Else one family would still be written while the rules before are put back."""
    started = tmp_path / "started"
    found = {"iptables-restore": ("touch", str(started), "--")}
    kernel = iptables.Iptables(programs.Programs("nft", None, (), found))
    with pytest.raises(HardenError, match="ip6tables-restore"):
        kernel.write({4: "", 6: ""})
    assert not started.exists()
