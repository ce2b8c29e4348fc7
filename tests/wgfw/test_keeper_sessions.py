"""Who may confirm: real SSH sessions on a gateway with the keeper, and a host that systemd runs."""

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from lab.booted import BootedHost, wait_for

from harden_secrets.confidential import Confidential
from tests.harden_secrets.sshd_lab import SshdLab
from tests.harden_secrets.sshd_target import SshdTarget
from tests.wgfw.command_line import OTHER_POLICY, POLICY
from tests.wgfw.keeper_host import KEEPER, rendered

# The operator is a client here, and the interface by which the sshd is reached stands in for the WireGuard one.
OPEN = """\
version: 1
interface: eth0
peers: wg0.conf
clients: {anca: {allow: [{to: gateway, services: [ssh]}]}}
"""
LOCKED = OPEN.replace("services: [ssh]", "services: [http]")
PEERS = """\
[Interface]
Address = 10.77.0.2/16
# friendly_name = anca
[Peer]
PublicKey = aGFyZGVuIGxhYiBwdWJsaWMga2V5IDAwMDAwMDAwMDE=
AllowedIPs = 10.77.0.1/32
"""
OLD = "this session's connection is older than the rules"


@dataclass
class Room:
    """A gateway, and who may come to it as root or as ops, who has sudo."""

    lab: SshdLab
    host: SshdTarget
    folder: Path

    @property
    def key(self) -> Confidential:
        return self.lab.old["private_key"]

    def keeper(self, *arguments: str) -> str:
        return " ".join(["dash", str(self.folder / "keeper"), *arguments, "--state", str(self.folder / "state")])

    def ssh(self, command: str, user: str = "root") -> tuple[int, str]:
        """What comes of a command over a connection of its own."""
        with self.lab.login(self.key, self.host, command, user=user) as session:
            out, err = session.communicate(timeout=60)
        return session.returncode, out + err

    def here(self, command: str) -> tuple[int, str]:
        """The same on the gateway's console."""
        argv = ["setsid", "--wait", *self.host.inside("sh", "-c", command)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def open_trial(self, script: str = "other.sh", seconds: int = 600) -> None:
        status, said = self.here(self.keeper("apply", str(self.folder / script), "--confirm", str(seconds)))
        assert status == 0, said


class OldSession:
    """A shell over a connection that stays; commands come one after the other."""

    def __init__(self, room: Room) -> None:
        self._shell = room.lab.login(room.key, room.host, "sh", user="root")
        assert self.run("echo in") == "in\n"

    def run(self, command: str) -> str:
        """What it prints. Whether the connection works is not waited for, beyond what it says."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{command} 2>&1; echo :end:\n")
        self._shell.stdin.flush()
        lines = iter(self._shell.stdout.readline, ":end:\n")
        return "".join(lines)

    def close(self) -> None:
        self._shell.kill()
        self._shell.communicate(timeout=30)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("keeper")
    with SshdLab(folder / "lab") as lab:
        host = lab.host()
        host.authorize(lab.old_line, user="root")
        host.authorize(lab.old_line, user="ops")
        (folder / "keeper").write_bytes(KEEPER.read_bytes())
        for name, policy in (("one.sh", POLICY), ("other.sh", OTHER_POLICY)):
            (folder / name).write_text(rendered(policy, folder))
        for name, policy in (("open.sh", OPEN), ("locked.sh", LOCKED)):
            (folder / name).write_text(rendered(policy, folder, PEERS))
        yield Room(lab, host, folder)


@pytest.fixture
def room(gateway: Room) -> Iterator[Room]:
    """With one.sh in force and confirmed."""
    status, said = gateway.here(gateway.keeper("apply", str(gateway.folder / "one.sh")))
    assert status == 0, said
    yield gateway
    gateway.here(gateway.keeper("remove"))


@pytest.fixture
def old(room: Room) -> Iterator[OldSession]:
    """A session that is there before anything is tried."""
    session = OldSession(room)
    yield session
    session.close()


def test_an_old_connection_is_refused_and_a_new_one_is_not(room: Room, old: OldSession) -> None:
    """By sudo as well; --force says that it does not matter."""
    room.open_trial()
    said = old.run(room.keeper("confirm"))
    assert OLD in said
    assert "-o ControlPath=none" in said
    assert OLD in old.run(f"env -u SSH_CONNECTION setpriv --reset-env {room.keeper('confirm')}")
    status, said = room.ssh(room.keeper("confirm"))
    assert (status, "kept: " in said) == (0, True), said
    room.open_trial("one.sh")
    status, said = room.ssh(f"sudo {room.keeper('confirm')}", user="ops")
    assert (status, "kept: " in said) == (0, True), said
    room.open_trial()
    assert "kept: " in old.run(room.keeper("confirm", "--force"))


def test_the_connection_that_applied_is_an_old_one(room: Room, old: OldSession) -> None:
    """And it may have been opened between two trials: what counts is the last one's rules."""
    room.open_trial()
    later = OldSession(room)
    assert "on trial" in later.run(room.keeper("apply", str(room.folder / "one.sh"), "--confirm", "600"))
    assert OLD in later.run(room.keeper("confirm"))
    assert OLD in old.run(room.keeper("confirm"))
    later.close()


def test_a_console_may_confirm(room: Room) -> None:
    """Nothing has to be proved to who sits in front of it; cron and kubectl exec are likewise."""
    room.open_trial()
    status, said = room.here(room.keeper("confirm"))
    assert (status, "kept: " in said) == (0, True), said


def test_a_session_that_outlives_its_connection_may_not(room: Room) -> None:
    """As in tmux: no ancestor has a connection, but the environment names one, of this process or of one above."""
    room.open_trial()
    answer = room.folder / "answer"
    for prefix in ("", "env -u SSH_CONNECTION "):
        answer.unlink(missing_ok=True)
        inner = f"sh -c '{prefix}{room.keeper('confirm')} >{answer}.new 2>&1; mv {answer}.new {answer}'"
        room.ssh(f'setsid sh -c "sleep 1; {inner}; :" </dev/null >/dev/null 2>&1 &')
        wait_for(answer.exists, "the answer of a session that was left")
        assert "is not to be found any more (tmux, screen?)" in answer.read_text()


def test_a_named_connection_that_is_there_decides(room: Room, old: OldSession) -> None:
    """Where nothing leads up to it but SSH_CONNECTION: refused if it is old, kept if it is new."""
    named = old.run("echo $SSH_CONNECTION").strip()
    room.open_trial()
    _, said = room.here(f"SSH_CONNECTION='{named}' {room.keeper('confirm')}")
    assert OLD in said
    fresh = OldSession(room)
    named = fresh.run("echo $SSH_CONNECTION").strip()
    status, said = room.here(f"SSH_CONNECTION='{named}' {room.keeper('confirm')}")
    assert (status, "kept: " in said) == (0, True), said
    fresh.close()


@pytest.mark.parametrize("named", ["nonsense", "10.77.0.1 1 10.77.0.2", "a b c d", "10.77.0.1 $(reboot) 10.77.0.2 22"])
def test_a_connection_whose_name_is_no_name_is_not_found(room: Room, named: str) -> None:
    """It is data."""
    room.open_trial()
    _, said = room.here(f"SSH_CONNECTION='{named}' {room.keeper('confirm')}")
    assert "is not to be found any more" in said


def test_a_lock_out_heals_by_itself(room: Room) -> None:
    """Tried by the one whom it locks out, over the connection that it stops: nobody else can do anything."""
    status, said = room.ssh(room.keeper("apply", str(room.folder / "open.sh")))
    assert status == 0, said
    before = time.monotonic()
    lost = room.lab.login(room.key, room.host, room.keeper("apply", str(room.folder / "locked.sh"), "--confirm", "4"),
                          user="root")  # fmt: skip
    wait_for(lambda: "trial" in room.here(room.keeper("status"))[1], "the trial to begin")
    assert not reached(room)
    wait_for(lambda: reached(room), "the rules before to come back")
    assert time.monotonic() - before >= 4
    lost.kill()
    lost.communicate(timeout=30)
    status, said = room.ssh(room.keeper("confirm"))
    assert (status, "too late: " in said) == (1, True)


def reached(room: Room) -> bool:
    """Whether its sshd answers within a second."""
    look = f"exec 3<>/dev/tcp/{room.host.address}/22 && read -r -t 1 line <&3"
    argv = room.lab.command("timeout", "2", "bash", "-c", look)
    return subprocess.run(argv, capture_output=True, timeout=30, check=False).returncode == 0


# --- a host that systemd runs


def test_systemd_runs_the_watchdog(tmp_path: Path) -> None:
    """It starts it again when it is killed; and what boots after a power cut in the window is what was confirmed."""
    with BootedHost() as host:
        host.write("/etc/keeper/keeper", KEEPER.read_text())
        for name, policy in (("one.sh", POLICY), ("other.sh", OTHER_POLICY)):
            host.write(f"/etc/keeper/{name}", rendered(policy, tmp_path))

        def keeper(*arguments: str, check: bool = True) -> str:
            done = host.run("dash", "/etc/keeper/keeper", *arguments, check=check)
            return done.stdout + done.stderr

        host.boot()
        keeper("apply", "/etc/keeper/one.sh")
        keeper("apply", "/etc/keeper/other.sh", "--confirm", "6")
        units = host.run("systemctl", "list-units", "--plain", "--no-legend", "harden-wg-keeper-trial-*").stdout
        unit = units.split()[0]
        host.run("systemctl", "kill", "--signal=KILL", unit)
        wait_for(lambda: "open" not in host.run("ls", "/var/lib/harden/wg-keeper").stdout, "the rules to come back")
        host.run("dash", "/etc/keeper/one.sh", "check")
        wait_for(lambda: host.show(unit, "ActiveState") == "inactive", "the watchdog to end")
        keeper("apply", "/etc/keeper/other.sh", "--confirm", "600")
        host.cut_power()
        host.boot()
        assert "the confirmed rules are in force" in keeper("restore")
        host.run("dash", "/etc/keeper/one.sh", "check")
        assert "too late: " in keeper("confirm", check=False)
