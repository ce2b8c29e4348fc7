"""A host that systemd runs, in namespaces of its own with this host's files: it boots, loses its power, boots again.

What it writes stays in a layer of its own from one boot to the next. Of this host's services it has none.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
CHECKOUT = Path(__file__).resolve().parents[2]
HARDEN = Path(sys.prefix, "bin", "harden")
_PATIENCE = 60.0  # seconds
# What of this host is not to be seen there.
_EMPTY = (
    "etc/systemd/system", "etc/harden", "etc/wireguard", "var/lib/harden", "var/lib/prometheus", "var/log/journal",
    "usr/lib/systemd/system-generators", "usr/local/lib/systemd/system",
    *(f"usr/lib/systemd/system/{name}.target.wants"
      for name in ("multi-user", "sysinit", "sockets", "timers", "basic", "local-fs")),
)  # fmt: skip
_NEEDED = {
    "sysinit": ("systemd-journald.service", "systemd-tmpfiles-setup.service"),
    "sockets": ("systemd-journald.socket", "systemd-journald-dev-log.socket"),
}


class BootedHost:
    """Made turned off; ``boot`` turns it on, ``cut_power`` off, ``close`` removes it. Leaving ``with`` closes it."""

    def __init__(self) -> None:
        self._name = f"harden-lab-{uuid.uuid4().hex[:8]}"
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self._name}-", dir="/dev/shm"))
        self._cgroup = _unified() / self._name
        self._process: subprocess.Popen[bytes] | None = None
        self._pid = 0
        for name in ("root", "layer/upper", "layer/work"):
            (self.folder / name).mkdir(parents=True)
        for name in _EMPTY:
            self._hide(name)
        for target, names in _NEEDED.items():
            for name in names:
                (self.path(f"/usr/lib/systemd/system/{target}.target.wants") / name).symlink_to(f"../{name}")
        self.write("/etc/fstab", "")
        self.write("/etc/hostname", "gateway\n")
        self.write("/etc/machine-id", uuid.uuid4().hex + "\n")

    def __enter__(self) -> "BootedHost":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_on(self) -> bool:
        """Whether it was booted and has power."""
        return self._process is not None

    def close(self) -> None:
        """Turn it off and remove all that it wrote."""
        self.cut_power()
        shutil.rmtree(self.folder)

    def path(self, name: str) -> Path:
        """Where its file is, while it is turned off."""
        return self.folder / "layer/upper" / name.lstrip("/")

    def write(self, name: str, text: str) -> None:
        """Put a file on it, while it is turned off."""
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def boot(self) -> None:
        """Turn it on, and wait until it has come up. Raises AssertionError."""
        self._cgroup.mkdir(exist_ok=True)
        shown = dict.fromkeys(map(str, (CHECKOUT, Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve())))
        script = Path(__file__).with_name("boot.sh")
        command = ["sh", str(script), str(self.folder / "root"), str(self.folder / "layer"), *shown]
        apart = ["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"]
        joined = [
            "setpriv",
            "--pdeathsig",
            "KILL",
            "sh",
            "-c",
            'echo $$ >"$0/cgroup.procs" && exec "$@"',
            str(self._cgroup),
            *apart,
            *command,
        ]
        log = (self.folder / "console").open("wb")
        with log:
            self._process = subprocess.Popen(joined, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._pid = wait_for(self._first_process, "systemd to start", self.console)
        wait_for(lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip()
                 in ("running", "degraded"), "the host to come up", self.console)  # fmt: skip

    def cut_power(self) -> None:
        """Turn it off as a power cut does: nothing gets the time to do anything."""
        if self._process is not None:
            if self._pid:
                _kill(self._pid)
            self._process.kill()
            self._process.wait(timeout=_PATIENCE)
            self._process, self._pid = None, 0
        if self._cgroup.exists():
            wait_for(self._clear_cgroup, "all its processes to end", self.console)

    def run(self, *argv: str, check: bool = True, text: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a program on it, as root, with ``text`` as its input.

        Raises AssertionError with its stderr when it fails and ``check`` is set.
        """
        done = subprocess.run(self.command(*argv), input=text, capture_output=True, text=True, timeout=120, check=False)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr}\n{done.stdout}")
        return done

    def command(self, *argv: str) -> list[str]:
        """The argument list that runs ``argv`` on it."""
        plain = ["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
        return ["nsenter", f"--target={self._pid}", "--all", "--", *plain, *argv]

    def show(self, unit: str, name: str) -> str:
        """What ``systemctl show`` says of a property."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def journal(self, unit: str) -> str:
        """What a unit has said since the boot."""
        return self.run("journalctl", "--boot", "--no-pager", "--output=cat", f"--unit={unit}").stdout

    def console(self) -> str:
        """What was said before systemd took over."""
        return (self.folder / "console").read_text(errors="replace")

    def _first_process(self) -> int:
        assert self._process is not None
        assert self._process.poll() is None, self.console()
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if not children or Path(f"/proc/{children[0]}/comm").read_text() != "systemd\n":
            return 0
        return int(children[0])

    def _clear_cgroup(self) -> bool:
        """Remove its cgroups, which the kernel lets nobody do while there is a process in one, even a dying one."""
        try:
            for folder, _, _ in os.walk(self._cgroup, topdown=False):
                os.rmdir(folder)
        except OSError:
            return False
        return True

    def _hide(self, name: str) -> None:
        """An empty folder in its place (overlayfs in the kernel's documentation, "opaque")."""
        self.path(name).mkdir(parents=True, exist_ok=True)
        os.setxattr(self.path(name), "trusted.overlay.opaque", b"y")


def wait_for(look: Callable[[], T], what: str, why: Callable[[], str] = str) -> T:
    """The first answer that is true. Raises AssertionError."""
    end = time.monotonic() + _PATIENCE
    while not (answer := look()):
        assert time.monotonic() < end, f"waited in vain for {what}\n{why()}"
        time.sleep(0.05)
    return answer


def _unified() -> Path:
    """Where the hierarchy of cgroups of version 2 is: systemd keeps its services apart in it."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    raise AssertionError("no cgroup2: mount -t cgroup2 cgroup2 /sys/fs/cgroup")


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
