"""A host with a real sshd: users, home folders (in /srv), log and sudo of its own, in a mount namespace of its own.

Nothing of the machine's own /etc, /srv or /var/log is touched: other files lie over them in that namespace only.
It can be used without a lab, in any network namespace: ``SshdTarget(folder, "/proc/self/ns/net", "127.0.0.1", Syslog(),
port=2222)``, then ``start()``, at the end ``close()``. It dies with the thread that has made it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harden_secrets.inventory.model import Jump, Target
from tests.harden_secrets.sshd_log import Syslog

USERS = {"root": 0, "app": 61001, "ops": 61002, "plain": 61003}  # ops may become root by sudo
_PROGRAMS = {
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "sudo": "sudo",
    "ss": "iproute2",
    "setpriv": "util-linux",
}
# The usual key exchange withstands quantum computers and takes seven times the time.
_CONFIG = """
Port {port}
HostKey {folder}/etc/host_key
PidFile none
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
MaxStartups 200
KexAlgorithms curve25519-sha256
MaxAuthTries 20
"""
# Its arguments are data. Devices are those of the machine, in a /dev of its own, for the socket of its log.
_ROOM = """
set -e
folder=$1
for file in passwd group shadow sudoers machine-id; do
  if [ -e /etc/$file ]; then mount --bind "$folder/etc/$file" /etc/$file; fi
done
mount --bind "$folder/srv" /srv
mount --bind "$folder/log" /var/log
for device in null zero full random urandom tty; do
  : >"$folder/dev/$device"
  mount --bind /dev/$device "$folder/dev/$device"
done
mkdir -p "$folder/dev/pts" "$folder/dev/shm"
mount --bind /dev/pts "$folder/dev/pts"
ln -s pts/ptmx "$folder/dev/ptmx"
mount --rbind "$folder/dev" /dev
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/sshd
echo ready
exec sleep infinity
"""


class SshdTarget:
    """``netns`` is the path of the network namespace it is in. It listens once :meth:`start` is called."""

    def __init__(
        self, folder: Path, netns: str, address: str, syslog: Syslog, *, port: int = 22, iso: bool = True
    ) -> None:
        for program, package in _PROGRAMS.items():
            assert shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin"), f"apt-get install {package}"
        self.folder, self.address, self.port = folder, address, port
        self.log = folder / "log" / "auth.log"
        self._netns = netns
        self._sshd: subprocess.Popen[bytes] | None = None
        self._journal: subprocess.Popen[bytes] | None = None
        self.host_key = self._write_files()
        syslog.listen(folder / "dev", self.log, iso=iso)
        self._anchor = subprocess.Popen(
            ["nsenter", f"--net={netns}", "--", *_DIES_WITH_US, "unshare", "--mount", "--propagation", "private",
             "sh", "-c", _ROOM, "sh", str(folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._anchor.stdout is not None
        assert self._anchor.stdout.readline() == b"ready\n", "the room of an sshd could not be made"

    def start(self, *more: str) -> None:
        """Listen; ``more`` are lines of sshd_config, which win over the usual ones."""
        config = self.folder / "etc" / "sshd_config"
        config.write_text("\n".join(more) + _CONFIG.format(port=self.port, folder=self.folder))
        self._sshd = subprocess.Popen(self.inside("/usr/sbin/sshd", "-D", "-f", str(config)), stdin=subprocess.DEVNULL)
        self._await_port()

    def keep_journal(self) -> None:
        """From now on a systemd-journald takes what is logged, and the file has nothing of it."""
        journald = "/usr/lib/systemd/systemd-journald"
        assert os.path.exists(journald), "apt-get install systemd"
        self.run("mkdir", "-p", "/run/systemd/journal", "/run/log/journal")
        self.run("ln", "-sf", "/run/systemd/journal/dev-log", "/dev/log")
        self._journal = subprocess.Popen(self.inside(journald), stdin=subprocess.DEVNULL)
        socket = f"/proc/{self._anchor.pid}/root/run/systemd/journal/dev-log"
        while not os.path.exists(socket):
            assert self._journal.poll() is None, "systemd-journald does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        """Not listening any more, and every session ended: connections are refused."""
        if self._sshd is not None:
            self._sshd.kill()
            self._sshd.wait()
            self._sshd = None
        for pid in self._processes():
            if pid not in (self._anchor.pid, self._journal.pid if self._journal else 0):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """The host is gone, and what ran on it."""
        self.stop()
        if self._journal is not None:
            self._journal.kill()
            self._journal.wait()
        self._anchor.kill()
        self._anchor.wait()
        if self._anchor.stdout is not None:
            self._anchor.stdout.close()

    def inside(self, *argv: str) -> list[str]:
        """The argument list that runs a program on the host, as root."""
        return [
            "nsenter",
            f"--net={self._netns}",
            f"--mount=/proc/{self._anchor.pid}/ns/mnt",
            "--",
            *_DIES_WITH_US,
            *argv,
        ]

    def run(self, *argv: str) -> str:
        """What a program on the host prints."""
        return subprocess.run(self.inside(*argv), check=True, capture_output=True, text=True, timeout=30).stdout

    @property
    def root(self) -> Path:
        """The host's file system as we see it from outside; absolute links in it lead to ours."""
        return Path(f"/proc/{self._anchor.pid}/root")

    def keys_file(self, user: str = "app") -> Path:
        """The user's authorized_keys, as we see it from outside."""
        return self.folder / "srv" / user / ".ssh" / "authorized_keys"

    def authorize(self, *lines: str, user: str = "app") -> Path:
        """Write the user's authorized_keys; a line is a public key, with or without options."""
        file = self.keys_file(user)
        file.write_text("".join(f"{line}\n" for line in lines))
        os.chown(file, USERS[user], USERS[user])
        file.chmod(0o600)
        return file

    def target(self, user: str = "app", **more: object) -> Target:
        """The host as a target of the inventory."""
        return Target(self.address, user, self.port, (self.host_key,), **more)  # type: ignore[arg-type]

    def jump(self, user: str = "app") -> Jump:
        """The host as one on the way to another."""
        return Jump(self.address, user, self.port, (self.host_key,))

    def processes(self) -> Sequence[int]:
        """Everything that runs on the host."""
        return self._processes()

    def _processes(self) -> list[int]:
        room = room_of(self._anchor.pid)
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and room and room_of(int(name)) == room]

    def _write_files(self) -> str:
        for name in ("etc", "srv", "log", "dev"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        etc = self.folder / "etc"
        people = "".join(f"{name}:x:{number}:{number}::/srv/{name}:/bin/sh\n" for name, number in USERS.items())
        (etc / "passwd").write_text(people + "sshd:x:61099:65534::/run/sshd:/usr/sbin/nologin\n")
        (etc / "group").write_text("".join(f"{name}:x:{number}:\n" for name, number in USERS.items()) + "tty:x:5:\n")
        (etc / "shadow").write_text("".join(f"{name}:*:19000::::::\n" for name in USERS))
        (etc / "sudoers").write_text("root ALL=(ALL) ALL\nops ALL=(root) NOPASSWD: ALL\n")
        (etc / "sudoers").chmod(0o440)
        (etc / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
        for name, number in USERS.items():
            folder = self.folder / "srv" / name / ".ssh"
            folder.mkdir(parents=True)
            for path in (folder, folder.parent):
                os.chown(path, number, number)
                path.chmod(0o700)
        self.log.touch()
        private = Ed25519PrivateKey.generate()
        _write_key(etc / "host_key", private)
        return public_line(private)

    def _await_port(self) -> None:
        family = f"[{self.address}]" if ":" in self.address else self.address
        end = time.monotonic() + 15
        while time.monotonic() < end:
            listening = self.run("ss", "-Hltn", f"sport = :{self.port}")
            if listening.strip():
                return
            time.sleep(0.02)
        raise AssertionError(f"sshd does not listen at {family}")


_DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")


def public_line(private: Ed25519PrivateKey) -> str:
    """The public half as a line of authorized_keys, without a comment."""
    form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return private.public_key().public_bytes(*form).decode()


def private_file(private: Ed25519PrivateKey) -> bytes:
    """A key as ssh-keygen writes it."""
    none = serialization.NoEncryption()
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, none)


def _write_key(path: Path, private: Ed25519PrivateKey) -> None:
    path.touch(0o600)
    path.write_bytes(private_file(private))


def room_of(pid: int) -> str:
    """What tells the processes of one host from those of another; empty for one that is no more."""
    try:
        return os.readlink(f"/proc/{pid}/ns/mnt")
    except OSError:
        return ""
