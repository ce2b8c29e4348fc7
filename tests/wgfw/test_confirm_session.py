"""Who may confirm rules on trial: sessions of a real sshd, through sudo, su, tmux and shared connections."""

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harden_secrets.sshd_lab import SshdLab
from tests.harden_secrets.sshd_target import SshdTarget
from tests.wgfw.command_line import OTHER_POLICY, POLICY, WG_CONF
from wgfw.kernel import sessions

HARDEN = str(Path(sys.executable).with_name("harden"))
OLD = "this session's connection is older than the rules"
LOST = "came by a connection that is not to be found any more"
PATIENCE = 30.0
TERMINALS = "mount -t devpts -o newinstance,ptmxmode=0666 none /dev/pts && mount --bind /dev/pts/ptmx /dev/ptmx"


@dataclass
class Room:
    """A gateway with an sshd and two policies; root and ops, who has sudo, log in."""

    lab: SshdLab
    host: SshdTarget
    folder: Path

    def ssh(self, *words: str, user: str = "root", options: tuple[str, ...] = (), to: str = "") -> list[str]:
        """The argument list of an ssh of somebody outside."""
        usual = ("-F", "none", "-q", "-oBatchMode=yes", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null",
                 "-oIdentityAgent=none", "-oIdentitiesOnly=yes", "-i", str(self.folder / "key"))  # fmt: skip
        return self.lab.command("ssh", *usual, *options, f"{user}@{to or self.host.address}", *words)

    def over(self, command: str, **more: object) -> str:
        """What a command prints over a connection of its own."""
        return said(self.ssh(command, **more))  # type: ignore[arg-type]

    def here(self, command: str) -> str:
        """What it prints on the gateway's console: nothing above it has come from anywhere."""
        return said(["env", "-u", "SSH_CONNECTION", "-u", "TMUX", "setsid", "--wait",
                     *self.host.inside("sh", "-c", command)])  # fmt: skip

    def harden(self, *arguments: str) -> str:
        """A command of harden's, for a shell."""
        return shlex.join([HARDEN, "wg", *arguments, "--state", str(self.folder / "state")])

    @property
    def confirm(self) -> str:
        return self.harden("confirm")

    def open_trial(self) -> None:
        """Whichever policy is not in force; by the console. Not one that is on trial already: its rules are older than
        the connections of this test."""
        self.here(self.harden("rollback"))
        for name in ("one.yaml", "other.yaml"):
            printed = self.here(self.harden("apply", "--policy", str(self.folder / name), "--confirm", "600"))
            if "on trial" in printed:
                return
        raise AssertionError(printed)


def said(argv: list[str]) -> str:
    """Both streams of a program."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=-1, stderr=-2, text=True, timeout=90, check=False)
    assert "Traceback" not in done.stdout, done.stdout
    return done.stdout


class Shell:
    """A shell over a connection that stays open."""

    def __init__(self, argv: list[str]) -> None:
        self._process = subprocess.Popen(argv, stdin=-1, stdout=-1, stderr=-2, text=True)
        assert self.run("echo in") == "in\n"

    def run(self, command: str) -> str:
        """What a command prints there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command} 2>&1 </dev/null; echo :end:\n")
        self._process.stdin.flush()
        return "".join(iter(self._process.stdout.readline, ":end:\n"))

    def close(self) -> None:
        """Hang up."""
        self._process.kill()
        self._process.communicate(timeout=30)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("session")
    with SshdLab(folder / "lab") as lab:
        host = lab.host()
        for user in ("root", "ops"):
            host.authorize(lab.old_line, user=user)
        host.run("sh", "-c", TERMINALS)
        key = folder / "key"
        key.touch(0o600)
        key.write_bytes(lab.old["private_key"].reveal())
        for name, text in (("wg0.conf", WG_CONF), ("one.yaml", POLICY), ("other.yaml", OTHER_POLICY)):
            (folder / name).write_text(text)
        yield Room(lab, host, folder)


@pytest.fixture
def old(gateway: Room) -> Iterator[Shell]:
    """A shell whose connection is older than any trial of the test."""
    shell = Shell(gateway.ssh("sh"))
    yield shell
    shell.close()


@pytest.fixture
def room(gateway: Room, old: Shell) -> Room:
    """Rules are on trial."""
    gateway.open_trial()
    return gateway


def test_by_an_old_connection_it_is_refused(room: Room, old: Shell) -> None:
    """With what to do; through sudo, su and with an empty environment as well. --force does it all the same."""
    printed = old.run(room.confirm)
    assert OLD in printed
    assert "`-o ControlPath=none`" in printed
    for way in ("env -i", "sudo -n", "su - root -c", "setpriv --reset-env"):
        words = shlex.quote(room.confirm) if way.startswith("su -") else room.confirm
        assert OLD in old.run(f"{way} {words}"), way
    assert "kept: " in old.run(room.harden("confirm", "--force"))


@pytest.mark.parametrize("way", ["plain", "sudo", "su", "IPv6", "a terminal"])
def test_by_a_new_connection_it_is_taken(room: Room, way: str) -> None:
    """Whoever one has become since."""
    number = room.host.address.rpartition(".")[2]
    taken = {
        "plain": lambda: room.over(room.confirm),
        "sudo": lambda: room.over(f"sudo -n {room.confirm}", user="ops"),
        "su": lambda: room.over(f"sudo -n su - root -c {shlex.quote(room.confirm)}", user="ops"),
        "IPv6": lambda: room.over(room.confirm, to=f"fd77::{int(number):x}"),
        "a terminal": lambda: room.over(room.confirm, options=("-tt",)),
    }
    assert "kept: " in taken[way]()
    assert "confirmed already" in room.over(room.confirm)


def test_by_an_old_connection_over_ipv6_it_is_refused(gateway: Room) -> None:
    shell = Shell(gateway.ssh("sh", to=f"fd77::{int(gateway.host.address.rpartition('.')[2]):x}"))
    gateway.open_trial()
    assert OLD in shell.run(gateway.confirm)
    shell.close()
    assert "kept: " in gateway.here(gateway.confirm)


def test_the_connection_that_applied_is_an_old_one(gateway: Room, old: Shell) -> None:
    """However new it was then: what counts is when the last rules were written."""
    policy = gateway.folder / "one.yaml"
    gateway.open_trial()
    gateway.here(gateway.harden("rollback"))
    gateway.here(gateway.harden("remove"))
    assert "on trial" in old.run(gateway.harden("apply", "--policy", str(policy), "--confirm", "600"))
    assert OLD in old.run(gateway.confirm)
    later = Shell(gateway.ssh("sh"))
    again = gateway.harden("apply", "--policy", str(gateway.folder / "other.yaml"), "--confirm", "600")
    assert "on trial" in later.run(again)
    assert OLD in later.run(gateway.confirm)
    later.close()
    assert "kept: " in gateway.over(gateway.confirm)


def test_a_shared_connection_is_as_old_as_its_first_use(gateway: Room) -> None:
    """ControlMaster: a second ssh is no second connection, until it is told to be one."""
    shared = ("-oControlMaster=auto", f"-oControlPath={gateway.folder}/%C", "-oControlPersist=60")
    assert gateway.over("echo in", options=shared) == "in\n"
    gateway.open_trial()
    assert OLD in gateway.over(gateway.confirm, options=shared)
    assert "kept: " in gateway.over(gateway.confirm, options=("-oControlPath=none", *shared))
    subprocess.run(gateway.ssh(options=(*shared, "-Oexit")), check=True, timeout=30)


def test_a_console_may(room: Room) -> None:
    """There is no connection to prove, as in cron and in `kubectl exec`."""
    assert "kept: " in room.here(room.confirm)


def test_what_outlives_its_connection_may_not(room: Room, old: Shell) -> None:
    """A process of its own session, whose parents are gone; the connection that it came by is named and is old. Later
    it is not even there any more."""
    answer = room.folder / "answer"
    later = f"sleep 1; {room.confirm} >{answer}.new 2>&1; mv {answer}.new {answer}"
    old.run(f"setsid sh -c {shlex.quote(later)} >/dev/null &")
    wait_until(answer.exists)
    assert OLD in answer.read_text()
    answer.unlink()
    room.over(f"setsid sh -c {shlex.quote(later)} >/dev/null 2>&1 </dev/null &")
    wait_until(answer.exists)
    assert LOST in answer.read_text()
    answer.unlink()


@pytest.mark.parametrize("become", ["", "sudo -n "])
def test_tmux_may_not(gateway: Room, old: Shell, become: str) -> None:
    """It was started over an old connection and is used through a new one: nobody can tell by which. As root, after
    sudo, it does not even know by which one it was started."""
    socket, answer = gateway.folder / "tmux", gateway.folder / "answer"
    answer.unlink(missing_ok=True)
    printed = old.run(f"{become}tmux -f /dev/null -S {socket} new-session -d -x 80 -y 24 sh && echo made")
    assert printed == "made\n", "apt-get install tmux"
    gateway.open_trial()
    typed = f"{gateway.confirm} >{answer}.new 2>&1; mv {answer}.new {answer}"
    gateway.over(f"tmux -S {socket} send-keys -l {shlex.quote(typed)} \\; send-keys Enter")
    wait_until(answer.exists)
    gateway.over(f"tmux -S {socket} kill-server")
    assert (LOST if become else OLD) in answer.read_text()
    answer.unlink()
    gateway.here(gateway.harden("rollback"))


@pytest.mark.parametrize("named", ["nonsense", "10.77.0.1 1 10.77.0.2", "10.77.0.1 99999 10.77.0.2 22", "::1 1 ::1 22"])
def test_a_made_up_name_of_a_connection_is_refused(room: Room, named: str) -> None:
    """Where nothing else leads to one. What is above a process is not to be talked away."""
    assert LOST in room.here(f"SSH_CONNECTION={shlex.quote(named)} {room.confirm}")
    assert "kept: " in room.over(f"SSH_CONNECTION={shlex.quote(named)} {room.confirm}")


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


# --- what the kernel tells, made up


LINE = "  {0}: 0100007F:{0:04X} 0200007F:1F90 {1} 00000000:00000000 00:00000000 00000000 0 0 {2} 1 0 20 4 30 10 -1\n"


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A /proc with a process 7 above 8, which has no connection yet."""
    monkeypatch.setattr(sessions, "_PROC", tmp_path)
    for pid, parent in ((7, 1), (8, 7)):
        for folder in ("fd", "ns", "net"):
            (tmp_path / str(pid) / folder).mkdir(parents=True)
        (tmp_path / str(pid) / "status").write_text(f"Name:\tx\nPPid:\t{parent}\n")
        (tmp_path / str(pid) / "environ").write_bytes(b"A=B\0\0SSH\0")
        (tmp_path / str(pid) / "ns" / "net").write_text("")
        (tmp_path / str(pid) / "net" / "tcp").write_text("  sl  local_address\n")
    return tmp_path


def test_only_established_connections_with_an_owner_count(proc: Path) -> None:
    """Listening sockets are no connections, and what nobody has taken yet has no inode."""
    lines = [LINE.format(1, "0A", 11), LINE.format(2, "01", 12), LINE.format(3, "01", 0), LINE.format(4, "06", 14)]
    (proc / "8" / "net" / "tcp").write_text("  sl  local_address\n" + "".join(lines))
    assert sessions.connections() == {12}
    for inode in (11, 12):
        (proc / "7" / "fd" / str(inode)).symlink_to(f"socket:[{inode}]")
    (proc / "7" / "net" / "tcp").write_text((proc / "8" / "net" / "tcp").read_text())
    assert sessions.this_session({}, 8) == sessions.Session(frozenset({12}), remote=True)


def test_a_process_that_ends_while_it_is_looked_at_hides_nothing(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever of a namespace is the first: its table is empty by then, and another one's is not. An old connection
    that is missed would count as new."""
    read, gone = sessions._connections_of, []

    def ends(pid: int) -> dict[int, tuple[str, str]]:
        if gone:
            return read(pid)
        gone.append(pid)
        (proc / str(pid) / "ns" / "net").unlink()
        return {}

    for pid in ("7", "8"):
        (proc / pid / "net" / "tcp").write_text("  sl  local_address\n" + LINE.format(2, "01", 12))
        (proc / pid / "ns" / "net").unlink()
    (proc / "7" / "ns" / "net").write_text("")
    (proc / "8" / "ns" / "net").hardlink_to(proc / "7" / "ns" / "net")  # one and the same namespace
    monkeypatch.setattr(sessions, "_connections_of", ends)
    assert sessions.connections() == {12}
    assert gone


def test_fifty_thousand_connections(proc: Path) -> None:
    """Are noted, each once."""
    lines = [LINE.format(n % 65536, "01", 100 + n) for n in range(50_000)]
    (proc / "7" / "net" / "tcp").write_text("  sl  local_address\n" + "".join(lines))
    begin = time.monotonic()
    assert len(sessions.connections()) == 50_000
    assert time.monotonic() - begin < 5


def test_a_process_above_that_nobody_may_look_at_is_no_console(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that has not the right to trace others."""
    real = sessions.os.scandir

    def scandir(path: Path) -> object:
        if Path(path).parent.name == "7":
            raise PermissionError(13, "Permission denied")
        return real(path)

    assert sessions.this_session({}, 8) == sessions.Session(frozenset(), remote=False)
    monkeypatch.setattr(sessions.os, "scandir", scandir)
    assert sessions.this_session({}, 8) == sessions.Session(frozenset(), remote=True)


@pytest.mark.parametrize("name", ["TMUX", "STY"])
def test_tmux_and_screen_are_no_console(proc: Path, name: str) -> None:
    """Also where sudo has taken the name of the connection away: in this environment or in one above."""
    assert sessions.this_session({name: "/tmp/x,1,0"}, 8).remote
    (proc / "7" / "environ").write_bytes(f"A=B\0{name}=x\0".encode())
    assert sessions.this_session({}, 8) == sessions.Session(frozenset(), remote=True)
