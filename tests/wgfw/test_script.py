"""The rules as a shell script: what it leaves in the kernel when it runs well, and when anything in it fails."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import packet as wire
from lab.iptables import BACKENDS, Iptables
from lab.packet import Packet
from lab.tun import Lab

from tests.wgfw.command_line import HIDE_IPV6, OTHER_POLICY, POLICY, Done, Host, only_ours, program

TWO_INTERFACES = """\
version: 1
interfaces: {wg0: {peers: wg0.conf}, wg1: {peers: wg1.conf}}
clients:
  anca: {allow: [{to: 192.168.1.10, services: [ssh]}, {to: "fd00:1::10", services: [ssh]}]}
"""
OTHERS = """\
*mangle
:THEIRS - [0:0]
-A FORWARD -m comment --comment "their's -j HARDEN-WG-GUARD" -j THEIRS
-A FORWARD -i eth9 -j ACCEPT
-A THEIRS -j RETURN
COMMIT
*filter
-A FORWARD -i eth9 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
"""
ALLOWED = (Packet("10.8.0.2", "192.168.1.10", wire.TCP, 22), Packet("fd00:8::2", "fd00:1::10", wire.TCP, 22))
FORBIDDEN = (Packet("10.8.0.2", "192.168.1.10", wire.TCP, 23), Packet("fd00:8::2", "fd00:1::10", wire.TCP, 23))
TO_GATEWAY = (Packet("10.8.0.2", "10.8.0.1", wire.TCP, 22), Packet("fd00:8::2", "fd00:8::1", wire.TCP, 22))
TO_CLIENT = (Packet("192.168.1.10", "10.8.0.2", wire.TCP, 22), Packet("fd00:1::10", "fd00:8::2", wire.TCP, 22))

RENDERED: dict[str, str] = {}  # by policy


class Estate:
    """A gateway of TUN devices with the script on it."""

    def __init__(self, lab: Lab, folder: Path, backend: str) -> None:
        self.lab = lab
        self.backend = backend
        self.host = Host(lab.netns, folder)
        self.fakes = folder / "fakes"

    def script(self, policy: str = POLICY) -> Path:
        """The script of a policy, made for this backend where nothing is there yet."""
        self.host.write("policy.yaml", policy)
        if policy not in RENDERED:
            RENDERED[policy] = self.host.done("render", "--format", "script").stdout
        return self.host.write("rules.sh", RENDERED[policy])

    def run(self, script: Path, *, before: str = "") -> Done:
        """Run it in a mount namespace in which ``before`` was done."""
        return self.shell(f"{before or ':'} && exec dash {script}")

    def shell(self, command: str) -> Done:
        """Run a command line with fakes before everything else in PATH, in a mount namespace of its own."""
        self.fakes.mkdir(exist_ok=True)
        for family in (4, 6):
            for action in ("", "-save", "-restore"):  # what plain iptables means on this host
                plain = self.fakes / program(family, self.backend, action).replace(f"-{self.backend}", "")
                if not plain.exists():
                    plain.symlink_to(f"/usr/sbin/{program(family, self.backend, action)}")
        enter = f"export PATH={self.fakes}:$PATH; {command}"
        return self.host.run(self.lab.netns.command("unshare", "-m", "sh", "-c", enter))

    def fake(self, name: str, text: str) -> None:
        """A program that stands before the real one."""
        self.fakes.mkdir(exist_ok=True)
        path = self.fakes / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def real(self) -> None:
        """No fakes any more."""
        for path in self.fakes.iterdir():
            path.unlink()

    def passing(self, packets: tuple[Packet, ...]) -> list[bool]:
        """Whether each gets through, of IPv4 and IPv6."""
        self.lab.flush_conntrack()
        via = ["lan0" if p in TO_CLIENT else "wg0" for p in packets]
        return [outcome.passed for outcome in self.lab.send_all(zip(via, packets, strict=True))]

    def open(self) -> bool:
        """Whether anything gets in or through that a closed gateway stops."""
        if "UP" not in self.lab.netns.run("ip", "-o", "link", "show", "dev", "wg0").stdout:
            return False
        return any(self.passing(FORBIDDEN) + self.passing(ALLOWED) + self.passing(TO_GATEWAY) + self.passing(TO_CLIENT))

    def enforced(self) -> bool:
        """Whether the policy is in force, and the allowed gets through."""
        return all(self.passing(ALLOWED)) and not any(self.passing(FORBIDDEN) + self.passing(TO_GATEWAY))

    def up(self) -> None:
        """The interface as the lab made it, if somebody took it down."""
        commands = ["link set wg0 up", "addr replace fd00:8::1/64 dev wg0"]
        self.lab.netns.run("ip", "-batch", "-", text="\n".join(commands) + "\n")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab() as made:
        yield made


@pytest.fixture(params=BACKENDS)
def estate(lab: Lab, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Estate]:
    """With nothing in the kernel."""
    made = Estate(lab, tmp_path, request.param)
    yield made
    made.up()
    for backend in BACKENDS:
        Iptables(lab, backend).clear()


@pytest.fixture
def on_nft(lab: Lab, tmp_path: Path) -> Iterator[Estate]:
    """The same, on nft, where the backend makes no difference."""
    made = Estate(lab, tmp_path, "nft")
    yield made
    made.up()
    lab.netns.run("nft", "flush", "ruleset")


# --- the text


def test_shells_and_shellcheck_have_nothing_to_say(lab: Lab, tmp_path: Path) -> None:
    """And Terraform takes nothing in it as its own."""
    script = Estate(lab, tmp_path, "nft").script(POLICY)
    text = script.read_text()
    assert "${" not in text
    assert "%{" not in text
    assert text.isascii()
    for judge in (["dash", "-n"], ["bash", "--posix", "-n"], ["shellcheck", "--severity=style"]):
        done = subprocess.run([*judge, str(script)], capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- runs that go well


def test_it_makes_the_rules_that_apply_makes(estate: Estate) -> None:
    """The same chains, rules and order of hooks: apply finds them in sync, and the script apply's."""
    script = estate.script()
    done = estate.run(script)
    assert (done.status, done.stdout, done.stderr) == (0, "", "harden: the rules for wg0 are in force\n")
    assert estate.enforced()
    of_script = only_ours(estate.host.rules(estate.backend))
    other = next(backend for backend in BACKENDS if backend != estate.backend)
    assert "HARDEN" not in "".join(estate.host.rules(other).values())
    assert estate.host.done("plan").stdout == "in sync: nothing to change\n"
    assert estate.host.done("apply", "--json").json["changed"] is False
    estate.host.done("remove")
    estate.host.done("apply", "--backend", estate.backend)
    assert only_ours(estate.host.rules(estate.backend)) == of_script
    assert estate.run(script).status == 0
    assert estate.host.done("plan").stdout == "in sync: nothing to change\n"


def test_run_twice_it_changes_nothing(estate: Estate) -> None:
    """And what others have is theirs, whatever their comments say; the second run puts our jumps first again."""
    for family in (4, 6):
        estate.lab.netns.run(program(family, estate.backend, "-restore"), "--noflush", text=OTHERS)
    theirs = estate.host.rules(estate.backend)
    script = estate.script()
    assert estate.run(script).status == 0
    once = estate.host.rules(estate.backend)
    assert estate.run(script).status == 0
    assert estate.host.rules(estate.backend) == once
    estate.lab.netns.run(program(4, estate.backend), "-t", "mangle", "-I", "FORWARD", "-i", "wg0", "-j", "ACCEPT")
    assert estate.run(script).status == 0
    assert estate.enforced()
    estate.lab.netns.run(program(4, estate.backend), "-t", "mangle", "-D", "FORWARD", "-i", "wg0", "-j", "ACCEPT")
    estate.host.done("remove")
    left = estate.host.rules(estate.backend)
    for family, text in theirs.items():
        assert [line for line in left[family].splitlines() if line.startswith("-A")] == [
            line for line in text.splitlines() if line.startswith("-A")
        ]


def test_it_replaces_an_older_policy(estate: Estate) -> None:
    """No chain and no jump of the old one stays, whoever made it, and interfaces that are not managed are free."""
    estate.host.write("wg1.conf", "[Interface]\nAddress = 10.9.0.1/24, fd00:9::1/64\n")
    assert estate.run(estate.script(TWO_INTERFACES)).status == 0
    assert not any(estate.lab.send("wg1", p).passed for p in (Packet("10.9.0.2", "192.168.1.10", wire.TCP, 22),))
    assert estate.run(estate.script(POLICY)).status == 0
    assert estate.host.done("plan").stdout == "in sync: nothing to change\n"
    assert "wg1" not in "".join(estate.host.rules(estate.backend).values())
    assert estate.lab.send("wg1", Packet("10.9.0.2", "192.168.1.10", wire.TCP, 22)).passed
    estate.host.write("policy.yaml", OTHER_POLICY)
    estate.host.done("apply")
    assert estate.run(estate.script(POLICY)).status == 0
    assert estate.host.done("plan").stdout == "in sync: nothing to change\n"
    assert estate.enforced()


def test_other_peoples_jumps_into_our_chains_go(estate: Estate) -> None:
    """A chain that somebody's rule leads into could not be deleted otherwise."""
    assert estate.run(estate.script(TWO_INTERFACES.replace("wg1: {peers: wg1.conf}", ""))).status == 0
    estate.host.run(estate.lab.netns.command(program(4, estate.backend), "-t", "mangle", "-N", "theirs"))
    chain = next(
        line.split()[0][1:]
        for line in estate.host.rules(estate.backend)[4].splitlines()
        if line.startswith(":HARDEN-WG-P-")
    )
    estate.lab.netns.run(program(4, estate.backend), "-t", "mangle", "-A", "theirs", "-i", "x", "-j", chain)
    assert estate.run(estate.script("version: 1\ninterface: wg0\npeers: wg0.conf\n")).status == 0
    assert chain not in estate.host.rules(estate.backend)[4]


def test_two_runs_at_once_end_well(estate: Estate) -> None:
    """As when two interfaces come up and both call it."""
    script = estate.script()
    done = estate.shell(f"dash {script} & a=$!; dash {script} & b=$!; wait $a && wait $b")
    assert done.status == 0, done
    assert estate.enforced()
    assert estate.host.done("plan").stdout == "in sync: nothing to change\n"


def test_without_ipv6_it_makes_the_ipv4_rules(estate: Estate) -> None:
    """A kernel without IPv6 has no /proc/net/if_inet6; ip6tables need not be there."""
    for action in ("", "-save", "-restore"):
        for kind in ("", "-nft", "-legacy"):
            estate.fake(f"ip6tables{kind}{action}", "exit 3")
    done = estate.run(estate.script(), before=HIDE_IPV6)
    assert done.status == 0, done
    assert "HARDEN-WG-GUARD" in estate.host.rules(estate.backend)[4]
    assert "HARDEN" not in estate.host.rules(estate.backend)[6]


# --- runs that fail

FAIL = 'echo "iptables: somebody broke it" >&2; exit 4'
NTH = """\
n=$(($(cat {counter} 2>/dev/null || echo 0) + 1))
echo $n >{counter}
if [ $n -{when} {which} ]; then {how}; fi
exec {real} "$@"
"""


def break_nth(estate: Estate, family: int, action: str, which: int, *, after: bool, how: str = FAIL) -> None:
    """The program fails at its n-th call; and ``after`` that, too, or not any more."""
    plain = program(family, estate.backend, action).replace(f"-{estate.backend}", "")
    counter = estate.fakes / f"{plain}.n"
    for backend in BACKENDS:
        real = f"/usr/sbin/{program(family, backend, action)}"
        text = NTH.format(counter=counter, when="ge" if after else "eq", which=which, how=how, real=real)
        estate.fake(program(family, backend, action), text)
        if backend == estate.backend:
            estate.fake(plain, text)


FAULTS = {
    "IPv4 is refused": (4, "-restore", 1, False),
    "IPv6 is refused": (6, "-restore", 1, False),
    "IPv4 cannot be read": (4, "-save", 3, False),
    "IPv6 cannot be read": (6, "-save", 2, False),
    "IPv4 can never be written": (4, "-restore", 1, True),
    "IPv6 can never be written": (6, "-restore", 1, True),
    "iptables is broken": (4, "", 1, True),
    "ip6tables is broken": (6, "", 1, True),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_program_that_fails_leaves_the_gateway_closed(estate: Estate, fault: str) -> None:
    """Exit 1; nothing gets from or to the clients, until a good run, which opens what the policy opens.

    On nft nothing was there before, on legacy another policy.
    """
    if estate.backend == "legacy":
        estate.host.write("policy.yaml", OTHER_POLICY)
        estate.host.done("apply", "--backend", estate.backend)
    family, action, which, after = FAULTS[fault]
    break_nth(estate, family, action, which, after=after)
    script = estate.script()
    done = estate.run(script)
    assert done.status == 1, done
    assert "harden: error:" in done.stderr
    assert "OPEN" not in done.stderr
    assert not estate.open()
    if "taking the interfaces down" in done.stderr:
        assert "wg-quick up wg0" in done.stderr
        estate.up()
    estate.real()
    assert estate.run(script).status == 0
    assert estate.enforced()
    assert "CLOSED" not in "".join(estate.host.rules(estate.backend).values())


@pytest.mark.parametrize("missing", ["sed", "sort", "uniq", "iptables", "iptables-restore", "ip6tables-save", "flock"])
def test_a_program_that_is_missing(on_nft: Estate, missing: str) -> None:
    """On a machine that has only the programs named here; flock is one that it can do without."""
    folder = on_nft.host.folder / "bin"
    folder.mkdir()
    iptables = {f"ip{v}tables{action}" for v in ("", "6") for action in ("", "-save", "-restore")}
    for name in {"sed", "sort", "uniq", "ip", "flock", *iptables} - {missing}:
        found = shutil.which(name.replace("tables", "tables-nft") if name in iptables else name)
        assert found
        (folder / name).symlink_to(found)
    script = on_nft.script()
    script.write_text(script.read_text().replace("PATH=$PATH:/usr/local/sbin:", f"PATH={folder} # "))
    done = on_nft.host.run(on_nft.lab.netns.command("/bin/dash", str(script)))
    if missing == "flock":
        assert done.status == 0, done
        assert on_nft.enforced()
    else:
        assert done.status == 1, done
        assert "harden: error:" in done.stderr
        assert not on_nft.open()


@pytest.mark.parametrize(("name", "call"), [("iptables-save", 2), ("iptables-restore", 1), ("ip6tables-restore", 1)])
@pytest.mark.parametrize("signal", ["TERM", "INT", "HUP"])
def test_a_signal_in_the_middle_leaves_the_gateway_closed(on_nft: Estate, name: str, call: int, signal: str) -> None:
    """Whether it comes before anything is written, or between the families."""
    base, _, action = name.partition("-")
    break_nth(on_nft, 6 if "6" in base else 4, f"-{action}", call, after=False, how=f"kill -{signal} $SCRIPT")
    script = on_nft.script()
    script.write_text(script.read_text().replace("set -u\n", "set -u\nSCRIPT=$$; export SCRIPT\n"))
    done = on_nft.run(script)
    assert done.status == 1, done
    assert "harden: error: interrupted" in done.stderr
    assert not on_nft.open()
    on_nft.real()
    assert on_nft.run(script).status == 0
    assert on_nft.enforced()


@pytest.mark.parametrize("rule", ["meta skuid 3 accept", "ct state new accept"])
def test_a_table_that_iptables_cannot_show_is_not_written_to(on_nft: Estate, rule: str) -> None:
    """What nft wrote there would be lost from sight; closed, and theirs still there."""
    netns = on_nft.lab.netns
    netns.run("nft", "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; }")
    netns.run("nft", f"add rule ip filter FORWARD {rule}")
    done = on_nft.run(on_nft.script())
    assert done.status == 1, done
    assert "cannot read the IPv4 rules" in done.stderr
    assert rule in netns.run("nft", "list", "ruleset").stdout
    assert not on_nft.open()


def test_repeated_failures_do_not_pile_up(on_nft: Estate) -> None:
    """A timer that runs it each minute leaves as many rules as one run."""
    break_nth(on_nft, 6, "-save", 3, after=False)
    script = on_nft.script()
    sizes = []
    for _ in range(3):
        for path in on_nft.fakes.glob("*.n"):
            path.unlink()
        assert on_nft.run(script).status == 1
        sizes.append([len(text) for text in on_nft.host.rules("nft").values()])
    assert sizes[0] == sizes[1] == sizes[2]
    assert not on_nft.open()


def test_it_runs_from_standard_input(on_nft: Estate) -> None:
    """As in `ssh gateway sh <rules.sh`: nothing in it reads what it is itself read from."""
    done = on_nft.host.run(on_nft.lab.netns.command("sh"), text=on_nft.script().read_text())
    assert done.status == 0, done
    assert on_nft.enforced()
