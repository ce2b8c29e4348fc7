"""What the rendered script does when it is asked: ``check``, ``remove`` and ``show``."""

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lab.iptables import BACKENDS
from lab.netns import Netns

from tests.wgfw.command_line import FAMILIES, HIDE_IPV6, OTHER_POLICY, POLICY, Done, Host, program

pytestmark = pytest.mark.kernel

SHELLS = (("dash",), ("busybox", "sh"), ("bash", "--posix"))
TWO_INTERFACES = POLICY.replace(
    "interface: wg0\npeers: wg0.conf", "interfaces: {wg0: {peers: wg0.conf}, wg1: {peers: wg1.conf}}"
)
OTHERS = """\
*mangle
:THEIRS - [0:0]
-A FORWARD -m comment --comment "their's -j HARDEN-WG-GUARD" -j THEIRS
-A FORWARD -i eth9 -j ACCEPT
-A THEIRS -m comment --comment "harden:0123456789abcdef" -j RETURN
COMMIT
*filter
:FORWARD DROP [0:0]
-A FORWARD -i eth9 -j ACCEPT
COMMIT
"""
CLOSED = """\
*mangle
:HARDEN-WG-CLOSED - [0:0]
-A HARDEN-WG-CLOSED -j DROP
-I INPUT -i wg0 -j HARDEN-WG-CLOSED
COMMIT
"""

RENDERED: dict[str, str] = {}  # by policy


class Place:
    """A gateway with a script, on which one backend is used."""

    def __init__(self, host: Host, backend: str) -> None:
        self.host = host
        self.backend = backend
        self.script = self.render(POLICY)

    def render(self, policy: str) -> Path:
        self.host.write("policy.yaml", policy)
        if policy not in RENDERED:
            RENDERED[policy] = self.host.done("render", "--format", "script").stdout
        return self.host.write("rules.sh", RENDERED[policy])

    def run(self, *arguments: str, shell: tuple[str, ...] = SHELLS[0], before: str = ":") -> Done:
        """The script, where plain iptables is this backend's."""
        enter = f'{before} && export PATH={self.fakes()}:$PATH && exec "$@"'
        argv = ["unshare", "-m", "sh", "-c", enter, "sh", *shell, str(self.script), *arguments]
        return self.host.run(self.host.netns.command(*argv))

    def fakes(self) -> Path:
        folder = self.host.folder / "fakes"
        if not folder.exists():
            folder.mkdir()
            for family in FAMILIES:
                for action in ("", "-save", "-restore"):
                    real = program(family, self.backend, action)
                    (folder / real.replace(f"-{self.backend}", "")).symlink_to(f"/usr/sbin/{real}")
        return folder

    def iptables(self, family: int, *arguments: str) -> None:
        self.host.netns.run(program(family, self.backend), "-t", *arguments)

    def restore(self, family: int, text: str) -> None:
        self.host.netns.run(program(family, self.backend, "-restore"), "--noflush", text=text)

    def chain(self, family: int, table: str, beginning: str) -> tuple[str, list[str]]:
        """The first chain of ours with this beginning, and its rules."""
        text = self.host.rules(self.backend)[family].partition(f"*{table}\n")[2].partition("COMMIT")[0]
        found = re.search(rf"^:({beginning}\S*) ", text, re.MULTILINE)
        assert found, text
        return found[1], [line for line in text.splitlines() if line.startswith(f"-A {found[1]} ")]


@pytest.fixture(params=BACKENDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """With nothing in the kernel."""
    with Netns() as netns:
        host = Host(netns, tmp_path)
        host.write("wg1.conf", "[Interface]\nAddress = 10.9.0.1/24, fd00:9::1/64\n")
        yield Place(host, request.param)


def test_just_these_rules_are_in_force(place: Place) -> None:
    """Exit 0 after a run, without a word, whatever else is there; in every shell."""
    for family in FAMILIES:
        place.restore(family, OTHERS)
    assert place.run().status == 0
    before = place.host.kernel()
    for shell in SHELLS:
        assert place.run("check", shell=shell) == Done(0, "", ""), shell
    assert place.host.kernel() == before
    assert place.run().status == 0
    assert place.run("check").status == 0


def test_what_apply_wrote_is_what_the_script_means(place: Place) -> None:
    """The one may check what the other did."""
    place.host.done("apply", "--backend", place.backend)
    assert place.run("check") == Done(0, "", "")


def drop_a_rule(place: Place) -> None:
    chain, rules = place.chain(4, "mangle", "HARDEN-WG-P-")
    place.iptables(4, "mangle", "-D", chain, str(len(rules)))


def add_a_rule(place: Place) -> None:
    chain, _ = place.chain(6, "mangle", "HARDEN-WG-P-")
    place.iptables(6, "mangle", "-A", chain, "-j", "HARDEN-WG-ALLOWED")


def exchange_the_marker(place: Place) -> None:
    chain, _ = place.chain(4, "filter", "HARDEN-WG-REFUS")
    place.iptables(4, "filter", "-R", chain, "1", "-s", "10.0.0.0/8", "-j", "ACCEPT")


def empty_a_chain(place: Place) -> None:
    place.iptables(6, "security", "-F", place.chain(6, "security", "HARDEN-WG-GUARD")[0])


def add_a_chain(place: Place) -> None:
    place.iptables(4, "security", "-N", "HARDEN-WG-MORE")


def take_a_jump(place: Place) -> None:
    chain, _ = place.chain(6, "mangle", "HARDEN-WG-FROM-")
    place.iptables(6, "mangle", "-D", "INPUT", "-i", "wg0", "-j", chain)


def jump_twice(place: Place) -> None:
    chain, _ = place.chain(4, "mangle", "HARDEN-WG-FROM-")
    place.iptables(4, "mangle", "-I", "FORWARD", "-i", "wg1", "-j", chain)


def come_before_us(place: Place) -> None:
    place.iptables(4, "mangle", "-I", "FORWARD", "-i", "wg0", "-j", "ACCEPT")


def come_between_us(place: Place) -> None:
    place.iptables(6, "mangle", "-I", "FORWARD", "2", "-i", "wg0", "-j", "ACCEPT")


def flush_a_builtin_chain(place: Place) -> None:
    place.iptables(4, "security", "-F", "FORWARD")


def flush_a_table(place: Place) -> None:
    place.iptables(6, "filter", "-F")
    place.iptables(6, "filter", "-X")


def another_policy(place: Place) -> None:
    place.host.write("policy.yaml", OTHER_POLICY)
    place.host.done("apply", "--backend", place.backend)


def nothing_of_ours(place: Place) -> None:
    place.host.done("remove", "--backend", place.backend)


CHANGES = (
    drop_a_rule, add_a_rule, exchange_the_marker, empty_a_chain, add_a_chain, take_a_jump, jump_twice, come_before_us,
    come_between_us, flush_a_builtin_chain, flush_a_table, another_policy, nothing_of_ours,
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whatever_differs_is_noticed(place: Place, change: Callable[[Place], None]) -> None:
    """Exit 3 with a word on where; nothing is changed. The next run repairs it."""
    place.run()
    change(place)
    before = place.host.kernel()
    done = place.run("check")
    assert done.status == 3, done
    assert done.stderr.startswith("harden: IPv")
    assert "error" not in done.stderr
    assert place.host.kernel() == before
    assert place.run().status == 0
    assert place.run("check").status == 0


def test_a_gateway_that_was_closed_is_not_in_order(place: Place) -> None:
    """The script that failed closed it; what it meant is not in force."""
    place.run()
    assert place.run(before="mount --bind /bin/false /usr/bin/sort").status == 1
    assert "HARDEN-WG-CLOSED" in place.host.rules(place.backend)[4]
    assert place.run("check").status == 3


def test_nothing_is_made_by_asking(place: Place) -> None:
    """On a host without any table: check says no, show shows nothing, remove finds nothing."""
    before = place.host.kernel()
    tables = place.host.netns.run("cat", "/proc/net/ip_tables_names").stdout
    assert place.run("check").status == 3
    assert place.run("show") == Done(0, "", "")
    assert place.run("remove") == Done(0, "", "harden: no rule of harden is left\n")
    assert place.host.kernel() == before
    assert place.host.netns.run("cat", "/proc/net/ip_tables_names").stdout == tables


def test_remove_takes_out_what_is_ours_and_nothing_else(place: Place) -> None:
    """In every shell; twice is as good as once. Others' rules are as they were."""
    for family in FAMILIES:
        place.restore(family, OTHERS)
    theirs = place.host.rules(place.backend)
    for shell in SHELLS:
        assert place.run(shell=shell).status == 0
        place.iptables(4, "mangle", "-A", "THEIRS", "-i", "wg5", "-j", place.chain(4, "mangle", "HARDEN-WG-P-")[0])
        for _ in range(2):
            assert place.run("remove", shell=shell) == Done(0, "", "harden: no rule of harden is left\n")
        left = place.host.rules(place.backend)
        for family in FAMILIES:
            assert ":HARDEN" not in left[family]
            assert rules_of(left[family]) == rules_of(theirs[family])


def rules_of(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("-A")]


def test_remove_takes_them_out_of_both_backends(place: Place) -> None:
    """Also those of another policy, and a closed gateway's."""
    place.render(TWO_INTERFACES)
    place.run()
    other = next(backend for backend in BACKENDS if backend != place.backend)
    for family in FAMILIES:
        place.host.netns.run(program(family, other, "-restore"), "--noflush", text=CLOSED)
    place.render(POLICY)
    assert place.run("remove").status == 0
    assert "HARDEN" not in "".join(place.host.kernel().values())


def test_without_ipv6_only_ipv4_is_looked_at(place: Place) -> None:
    """A kernel without IPv6 has no rules of it."""
    assert place.run(before=HIDE_IPV6).status == 0
    assert place.run("check", before=HIDE_IPV6).status == 0
    assert place.run("check").status == 3
    assert place.run("remove", before=HIDE_IPV6).status == 0
    assert "HARDEN" not in "".join(place.host.kernel().values())


def test_show_prints_our_rules_in_the_kernels_words(place: Place) -> None:
    """The same text as long as nobody changes anything, a rule that was exchanged for another among them."""
    for family in FAMILIES:
        place.restore(family, OTHERS)
    place.run()
    shown = place.run("show")
    assert (shown.status, shown.stderr) == (0, "")
    assert [line for line in shown.stdout.splitlines() if line.startswith("#")] == [
        f"# IPv{family} {table}" for family in FAMILIES for table in ("security", "mangle", "filter")
    ]
    assert place.run("show", shell=SHELLS[1]).stdout == shown.stdout
    assert "THEIRS" not in shown.stdout
    chain, rules = place.chain(4, "mangle", "HARDEN-WG-P-")
    place.iptables(4, "mangle", "-R", chain, str(len(rules)), "-s", "10.0.0.0/8", "-j", "HARDEN-WG-ALLOWED")
    assert place.run("check").status == 0  # it has as many rules as before
    assert place.run("show").stdout != shown.stdout


@pytest.mark.parametrize("arguments", [("apply",), ("Check",), ("",), ("check", "check"), ("--help",), ("-x",)])
def test_another_argument_is_refused(place: Place, arguments: tuple[str, ...]) -> None:
    """Exit 2; nothing is changed and nothing closed."""
    before = place.host.kernel()
    done = place.run(*arguments)
    assert (done.status, done.stdout) == (2, "")
    assert done.errors == ["this script takes no argument, or one of: check, remove, show"]
    assert place.host.kernel() == before


@pytest.mark.parametrize("verb", ["check", "show", "remove"])
def test_a_table_that_cannot_be_read_changes_nothing(verb: str, tmp_path: Path) -> None:
    """Exit 1: what is there is not known; the rules that are in force stay in force."""
    with Netns() as netns:
        place = Place(Host(netns, tmp_path), "nft")
        assert place.run().status == 0
        netns.run("nft", "add rule ip filter FORWARD meta skuid 3 accept")
        before = netns.run("nft", "-s", "list", "ruleset").stdout
        done = place.run(verb)
        assert done.status == 1, done
        assert len(done.errors) == 1
        assert netns.run("nft", "-s", "list", "ruleset").stdout == before


def test_a_kernel_that_refuses_to_remove_leaves_the_rules(tmp_path: Path) -> None:
    """Exit 1 with iptables' own words; what was in force is, and is not opened half-way."""
    with Netns() as netns:
        place = Place(Host(netns, tmp_path), "nft")
        assert place.run().status == 0
        broken = place.fakes() / "iptables-nft-restore"  # the plain one is a link to the real program
        broken.write_text("#!/bin/sh\necho 'iptables: no' >&2\nexit 4\n")
        broken.chmod(0o755)
        done = place.run("remove")
        assert (done.status, done.errors) == (1, ["iptables-nft removed nothing or not all"])
        assert "iptables: no" in done.stderr
        assert place.run("check").status == 0


def test_the_verbs_work_from_standard_input(tmp_path: Path) -> None:
    """As in `ssh gateway sh -s check <rules.sh`."""
    with Netns() as netns:
        place = Place(Host(netns, tmp_path), "nft")
        text = place.script.read_text()
        for verb, status in ((), 0), (("check",), 0), (("remove",), 0), (("check",), 3):
            done = subprocess.run(
                netns.command("sh", "-s", *verb), input=text, text=True, capture_output=True, timeout=60, check=False,
                env=place.host.variables(),
            )  # fmt: skip
            assert done.returncode == status, done
