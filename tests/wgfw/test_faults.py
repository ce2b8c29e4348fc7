"""What goes wrong on real hosts: each is said clearly, exits 1 or 2, and leaves the kernel as it was."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.netns import Netns

from harden.errors import HardenError
from tests.wgfw.command_line import BACKENDS, HARDEN, HIDE_IPV6, OTHER_POLICY, POLICY, WG_CONF, Done, Host, program
from wgfw.commands import revocation
from wgfw.kernel.state import StateDirectory

WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--")
NO_IPTABLES = "mkdir -p $PWD/none && mount --bind $PWD/none /usr/sbin"


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Host]:
    """A host with a policy on disk and nothing in the kernel."""
    with Netns("hflt") as netns:
        yield Host(netns, tmp_path)


@pytest.fixture(scope="module")
def settled_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, Path]]:
    """The host of :func:`settled`, and a copy of its folder."""
    with Netns("hflt") as netns:
        made = Host(netns, tmp_path_factory.mktemp("settled") / "folder")
        made.done("apply", "-q")
        made.write("policy.yaml", OTHER_POLICY)
        made.done("apply", "-q")
        made.write("policy.yaml", POLICY)
        copy = made.folder.parent / "copy"
        shutil.copytree(made.folder, copy)
        yield made, copy


@pytest.fixture
def settled(settled_once: tuple[Host, Path]) -> Iterator[Host]:
    """A host with rules in force, and others on disk; whatever a test does, these rules must be there after it."""
    made, copy = settled_once
    with unchanged(made):
        yield made
    made.environment.clear()
    shutil.rmtree(made.folder)
    shutil.copytree(copy, made.folder)


@contextlib.contextmanager
def unchanged(host: Host) -> Iterator[None]:
    """The kernel after the block is the kernel before it."""
    kernel = [host.rules(backend) for backend in BACKENDS]
    yield
    assert [host.rules(backend) for backend in BACKENDS] == kernel


def fails(done: Done, *words: str, status: int = 1) -> None:
    """An error that says these words (in its messages or its hints), with nothing on stdout."""
    assert (done.status, done.stdout) == (status, ""), done
    assert done.errors, done
    for word in words:
        assert word in "\n".join([*done.errors, *done.hints]), done


# --- iptables


@pytest.mark.parametrize("command", ["plan", "apply", "status", "remove", "rollback"])
def test_no_iptables_at_all(gateway: Host, command: str) -> None:
    """It says how to get it."""
    with unchanged(gateway):
        fails(gateway.after(NO_IPTABLES, command), "iptables", "apt-get install iptables")


def test_what_needs_no_iptables_runs_without(gateway: Host) -> None:
    """Checking, explaining and rendering are for any machine."""
    for command in ("check", "explain --from anca --to 10.0.0.1", "render", "import wg0.conf", "schema"):
        assert gateway.after(NO_IPTABLES, *command.split()).status == 0


def test_the_backend_that_was_asked_for_is_missing(gateway: Host) -> None:
    """The other one is not taken in its place."""
    keep = "mkdir -p $PWD/some && cp -a /usr/sbin/*nft* $PWD/some && mount --bind $PWD/some /usr/sbin"
    with unchanged(gateway):
        fails(gateway.after(keep, "apply", "--backend", "legacy"), "legacy backend is missing")
    assert gateway.after(keep, "apply", "--backend", "nft").status == 0


def test_the_kernel_does_not_have_the_backend(gateway: Host) -> None:
    """As in many containers; auto takes the one that works."""
    for name in ("iptables", "ip6tables"):
        said = f"{name}-legacy-save v1.8.9 (legacy): Cannot initialize: can't initialize iptables table `filter': "
        gateway.fake(f"{name}-legacy-save", f'echo "{said}Table does not exist" >&2; exit 3'.replace("`", "\\`"))
    with unchanged(gateway):
        fails(gateway.wg("apply", "--backend", "legacy"), "no table 'filter'", "modprobe", "--backend")
    assert gateway.done("apply", "--json").json["changed"] is True
    assert "HARDEN-WG-GUARD" in gateway.rules("nft")[4]


# What the programs of iptables 1.8 say, their exit status, and what is made of it. RULE and COMMIT are line numbers.
REFUSALS = {
    "a module is missing, nft": (
        "line RULE: RULE_APPEND failed (No such file or directory): rule in chain X",
        4,
        ["refused this rule", "No such file or directory"],
    ),
    "a module is missing, legacy": ("iptables-restore: line COMMIT failed", 1, ["refused the table 'mangle'"]),
    "no such extension": (
        "iptables-restore v1.8.9: Couldn't load match `addrtype':No such file or directory",
        2,
        ["does not know the match 'addrtype'", "reinstall"],
    ),
    "no such revision": (
        "Warning: Extension conntrack revision 0 not supported, missing kernel module?",
        4,
        ["'conntrack'", "xt_conntrack"],
    ),
    "no right": (
        "Could not fetch rule set generation id: Permission denied (you must be root)",
        4,
        ["does not let this process change rules", "CAP_NET_ADMIN"],
    ),
    "something new": ("out of luck", 1, ["out of luck"]),
    "nothing said": ("", 1, ["failed without a word"]),
}
REFUSING_ONCE = """\
[ -e "$0.calls" ] && exec /usr/sbin/{name} "$@"
: >"$0.calls"
cat >"$0.text"
line() {{ sed -n "/^$1/{{=;q}}" "$0.text"; }}
sed -e "s/RULE:/$(line -A):/" -e "s/COMMIT/$(line COMMIT)/" {folder}/said >&2
exit {status}
"""


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_the_kernel_refuses(settled: Host, refusal: str, family: int) -> None:
    """Both families are as before: where IPv6 is refused after IPv4 was taken, IPv4 is put back."""
    said, status, words = REFUSALS[refusal]
    settled.write("said", said)
    name = program(family, "nft", "-restore")
    settled.fake(name, REFUSING_ONCE.format(name=name, folder=settled.folder, status=status))
    fails(settled.wg("apply"), *words)


def test_when_the_old_rules_cannot_be_put_back_it_says_so(gateway: Host) -> None:
    """And the next apply repairs."""
    gateway.done("apply", "-q")
    gateway.write("policy.yaml", OTHER_POLICY)
    gateway.fake("ip6tables-nft-restore", "echo broken >&2; exit 1")
    gateway.fake(
        "iptables-nft-restore", '[ -e "$0.calls" ] && exit 1; : >"$0.calls"; exec /usr/sbin/iptables-nft-restore "$@"'
    )
    fails(gateway.wg("apply"), "broken", "could not be put back", "harden wg apply")
    gateway.environment.clear()
    assert gateway.wg("plan").status == 3
    gateway.done("apply")
    assert gateway.done("plan").status == 0


def test_somebody_holds_the_xtables_lock(gateway: Host) -> None:
    """Only legacy has one. The real time limit is 20 seconds; here the program gets one of a second."""
    gateway.done("apply", "--backend", "legacy", "-q")
    gateway.write("policy.yaml", OTHER_POLICY)
    for name in ("iptables-legacy-restore", "ip6tables-legacy-restore"):
        gateway.fake(name, f'test "$*" = "--noflush -w 20" && exec /usr/sbin/{name} --noflush -w 1')
    with unchanged(gateway), open(gateway.netns.lock, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        begin = time.monotonic()
        fails(gateway.wg("apply"), "xtables lock", "fuser")
        assert time.monotonic() - begin < 15
    gateway.done("apply")


# --- rights


@pytest.mark.parametrize("command", ["plan", "apply", "apply --dry-run", "status", "remove", "rollback"])
def test_not_root(settled: Host, command: str) -> None:
    """What reads or changes rules needs root, and says so instead of taking silence for an empty kernel."""
    argv = settled.netns.command(*WITHOUT_RIGHTS, *settled.argv(*command.split())[3:])
    fails(settled.run(argv), "needs root", "sudo")


def test_what_needs_no_root_runs_without(gateway: Host) -> None:
    """On a laptop, or in a repository's CI."""
    for command in ("check", "explain --from anca --to 10.0.0.1", "render --format script", "import wg0.conf"):
        done = gateway.run(gateway.netns.command(*WITHOUT_RIGHTS, *gateway.argv(*command.split())[3:]))
        assert done.status == 0, done


def test_another_namespace_needs_root(gateway: Host) -> None:
    """Also only to look at its addresses."""
    argv = [*WITHOUT_RIGHTS, *gateway.argv("check", "--netns", gateway.netns.name)[3:]]
    fails(gateway.run(argv), gateway.netns.name, "root")


# --- files

STRANGE = {
    "missing": ("rm -f {0}", "o such file"),
    "a folder": ("rm -f {0}; mkdir {0}", "directory"),
    "a pipe": ("rm -f {0}; mkfifo {0}", "file"),
    "a device": ("rm -f {0}; ln -s /dev/zero {0}", "file"),
    "a loop": ("rm -f {0}; ln -s {0} {0}", "symbolic links"),
    "binary": ("head -c 3000 /dev/urandom >{0}", ":"),
    "empty": (": >{0}", ""),
}


@pytest.mark.parametrize("name", ["policy.yaml", "wg0.conf"])
@pytest.mark.parametrize("kind", STRANGE)
def test_a_file_that_is_none(settled: Host, name: str, kind: str) -> None:
    """The policy or the peers: its name and what is wrong with it; no command waits for ever."""
    command, word = STRANGE[kind]
    subprocess.run(["sh", "-c", command.format(name)], cwd=settled.folder, check=True, timeout=10)
    # without a peer, it is the client's entry in the policy that makes no sense
    fails(settled.wg("apply"), "policy.yaml" if kind == "empty" else name, word)


@pytest.mark.parametrize("name", ["policy.yaml", "wg0.conf"])
def test_a_file_without_permission(settled: Host, name: str) -> None:
    """For whoever is not root."""
    (settled.folder / name).chmod(0)
    done = settled.run(settled.netns.command(*WITHOUT_RIGHTS, *settled.argv("check")[3:]))
    fails(done, name, "Permission denied")


WRONG = {
    "profile": (POLICY.replace("internet-only", "internet-onyl"), WG_CONF, "policy.yaml:10", '"internet-only"'),
    "client": (POLICY.replace("  laptop:", "  labtop:"), WG_CONF, "policy.yaml:10", '"laptop"'),
    "service": (POLICY.replace("ssh]", "shs]"), WG_CONF, "policy.yaml:9", '"ssh"'),
    "network": (POLICY.replace("to: nas,", "to: nsa,"), WG_CONF, "policy.yaml:9", '"nas"'),
    "key": (POLICY.replace("networks:", "netwroks:"), WG_CONF, "policy.yaml:4", '"networks"'),
    "prefix claimed twice": (POLICY, WG_CONF.replace("10.8.0.3/32", "10.8.0.2/32"), "wg0.conf:9", "wg0.conf:14"),
    "test": (POLICY.replace("from: anca", "from: anka"), WG_CONF, "policy.yaml:12", '"anca"'),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_name_has_file_line_and_suggestion(settled: Host, kind: str) -> None:
    """The same for check and apply; kernel and state as before."""
    policy, peers, *words = WRONG[kind]
    settled.write("policy.yaml", policy)
    settled.write("wg0.conf", peers)
    files = settled.files()
    for command in ("check", "apply"):
        fails(settled.wg(command), *words)
    assert settled.files() == files


# --- IPv6


def test_a_kernel_without_ipv6(gateway: Host) -> None:
    """IPv4 rules, a note that no IPv6 is needed, and no use of ip6tables."""
    for name in ("ip6tables-nft", "ip6tables-legacy"):
        for action in ("", "-save", "-restore"):
            gateway.fake(name + action, "exit 3")
    done = gateway.after(HIDE_IPV6, "apply")
    assert done.status == 0, done
    assert "no IPv6" in done.stderr
    assert "HARDEN-WG-GUARD" in gateway.rules("nft")[4]
    assert "HARDEN" not in gateway.rules("nft")[6]


def test_ipv6_that_is_only_switched_off(gateway: Host) -> None:
    """disable_ipv6 can be switched on again at any time: the rules are there before."""
    gateway.netns.run("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
    gateway.done("apply")
    assert "HARDEN-WG-GUARD" in gateway.rules("nft")[6]


def test_ipv6_without_ip6tables_is_not_left_open(gateway: Host) -> None:
    """IPv6 is on and cannot be closed: IPv4 is not touched either."""
    for backend in BACKENDS:
        for action in ("", "-save", "-restore"):
            gateway.fake(program(6, backend, action), "echo ip6tables: broken >&2; exit 127")
    for arguments in ((), ("--backend", "nft"), ("--backend", "legacy")):
        fails(gateway.wg("apply", *arguments), "ip6tables: broken")
    gateway.environment.clear()
    assert "HARDEN" not in "".join(gateway.kernel().values())


# --- state


FULL = """
mkdir -p state && mount -t tmpfs -o size=1m none state || exit 9
"$@" --policy first.yaml -q >/dev/null || exit 9
nft --stateless list ruleset >before
dd if=/dev/zero of=state/filler bs=1k 2>/dev/null
truncate -s -{room}K state/filler
"$@" >said; status=$?
nft --stateless list ruleset >after
rm state/filler
"$@" --json
exit $status
"""


@pytest.mark.parametrize("room", [0, 8, 16, 24, 40, 64])
def test_a_full_disk(gateway: Host, room: int) -> None:
    """With so many kilobytes left, all is done, or nothing; what was done is remembered."""
    gateway.write("first.yaml", POLICY)
    gateway.write("policy.yaml", OTHER_POLICY)
    script = gateway.write("full.sh", FULL.format(room=room))
    done = gateway.run(gateway.netns.command("unshare", "-m", "sh", str(script), *HARDEN, "wg", "apply"))
    before, after = ((gateway.folder / name).read_text() for name in ("before", "after"))
    assert done.status in (0, 1), done
    assert done.json["changed"] is (done.status == 1)
    if done.status == 1:
        assert "No space left on device" in done.errors[0]
        assert "--state" in done.hints[0]
        assert after == before
    assert (done.status == 1) or room > 0
    assert (done.status == 0) or room < 64


@pytest.mark.parametrize(
    ("preparation", "words"),
    [
        ("rm -rf state; echo >state", "Not a directory"),
        ("mount -t tmpfs none state && mount -o remount,ro state", "Read-only file system"),
        ("ln -s nowhere/at/all loop; rm -rf state; mkdir state; ln -s ../loop state/wg", "state/wg"),
    ],
)
def test_a_folder_for_state_that_is_none(gateway: Host, preparation: str, words: str) -> None:
    """Nothing is written to the kernel that could not be undone later."""
    (gateway.folder / "state").mkdir()
    with unchanged(gateway):
        fails(gateway.after(f"cd {gateway.folder} && {preparation}", "apply"), words, "--state")


DAMAGED = {
    "empty": "",
    "text": "hello\n",
    "binary": "\x00\x01\x02" * 100,
    "another format": '{"format": 99}\n',
    "a list": "[1, 2]\n",
    "wrong types": '{"format": 1, "lengths": {"4": "x"}, "created": {}}\n',
    "cut off": '{"format": 1, "policy": "", "digest": "", "backend": "nft", "version": null, "created": {}, "lengths":'
    ' {"4": 5000}}\nabc',
    "deep": "[" * 100000,
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_memory_is_named(settled: Host, damage: str) -> None:
    """With the command that moves it away; the rules stay in force."""
    (current,) = settled.state.rglob("current")
    current.write_text(DAMAGED[damage])
    fails(settled.wg("apply"), str(current), f"mv {current} {current}.broken")


def test_the_way_out_of_a_damaged_memory(gateway: Host) -> None:
    """The command that the hint gives helps."""
    gateway.done("apply", "-q")
    (current,) = gateway.state.rglob("current")
    current.write_text("hello")
    fails(gateway.wg("plan"), str(current))
    subprocess.run(["sh", "-c", f"mv {current} {current}.broken"], check=True, timeout=10)
    gateway.write("policy.yaml", OTHER_POLICY)
    gateway.done("apply")
    assert gateway.done("plan").stdout == "in sync: nothing to change\n"


def test_a_damaged_policy_in_the_memory_is_a_warning(gateway: Host) -> None:
    """Access before is not known then; the rules are, and apply goes on."""
    gateway.done("apply", "-q")
    (current,) = gateway.state.rglob("current")
    content = current.read_bytes()
    current.write_bytes(content.replace(b'"policy": "{', b'"policy": "[{', 1))
    assert current.read_bytes() != content
    assert gateway.done("plan").stdout == "in sync: nothing to change\n"
    gateway.write("policy.yaml", OTHER_POLICY)
    assert "warning" in gateway.done("apply").stderr
    assert gateway.done("plan").stderr == ""


def test_rollback_with_nothing_before(gateway: Host) -> None:
    """Is no internal matter."""
    fails(gateway.wg("rollback"), "no earlier rules", "harden wg apply")


def test_rollback_to_damaged_rules(settled: Host) -> None:
    """The rules in force stay."""
    (previous,) = settled.state.rglob("previous")
    previous.write_bytes(b"\xff\xfe")
    fails(settled.wg("rollback"), str(previous))


# --- the end of a process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_the_rules_are_written(gateway: Host, number: signal.Signals) -> None:
    """What has begun is done to its end: both families hold the new policy, and it is remembered."""
    gateway.fake("ip6tables-nft-restore", ': >"$0.begun"; sleep 0.5; exec /usr/sbin/ip6tables-nft-restore "$@"')
    process = subprocess.Popen(
        gateway.argv("apply"), cwd=gateway.folder, env=gateway.variables(), start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    begun = gateway.folder / "fakes" / "ip6tables-nft-restore.begun"
    while not begun.exists():
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, number)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode in (130, -number)
    with StateDirectory(gateway.state, gateway.netns.name).lock(60):  # which the one that writes holds
        pass
    assert gateway.done("plan").stdout == "in sync: nothing to change\n"
    assert not list(gateway.state.rglob("pending"))


def test_connections_that_cannot_be_ended_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules are in force all the same, and the same command may be run again."""

    def refuse(denied: object, netns: str | None) -> int:
        raise HardenError("the kernel does not list its connections", "`modprobe nf_conntrack_netlink`")

    monkeypatch.setattr(revocation, "end_denied", refuse)
    with pytest.raises(HardenError, match="rules are in force") as caught:
        revocation.end_denied_connections(None, None)  # type: ignore[arg-type]
    assert caught.value.messages[1] == "the kernel does not list its connections"
    assert "modprobe" in caught.value.hints[0]
