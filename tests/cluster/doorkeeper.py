"""The first process of a room: starts programs, hands out sockets, and takes everything along when the test run ends.

Started by `cluster.room` as process 1 of new pid, mount and network namespaces. It lives as long as the socket to the
test run does, however that ended: then it kills what runs, removes the folder and the control groups, and the kernel
forgets the mounts and the network. Uses the standard library only: it may run with nothing else in reach.

    doorkeeper.py SOCKET-FD FOLDER NAME
"""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CGROUPS = Path("/sys/fs/cgroup")
ADDRESS = "10.199.0.1"  # of the node, on a bridge that leads nowhere
MS_BIND = 4096
MS_REC = 16384
MS_SHARED = 1 << 20
MNT_DETACH = 2
SHADOWED = ("/var/lib", "/var/log")  # containerd, its plugins and kubelet write here under names that cannot be set

libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    """mount(2); raises OSError."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    if libc.mount(*words, flags, None if options is None else options.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mount {source} on {target}: {os.strerror(ctypes.get_errno())}")


def unmount(target: Path) -> None:
    libc.umount2(os.fsencode(target), MNT_DETACH)


def furnish(folder: Path, name: str) -> None:
    """The network and the mounts that a node needs, none of which is seen outside."""
    for command in (
        ["link", "set", "lo", "up"],
        ["link", "add", "node0", "type", "bridge"],
        ["address", "add", f"{ADDRESS}/24", "dev", "node0"],
        ["address", "add", "10.96.0.1/32", "dev", "node0"],  # the Service `kubernetes`: the API server itself listens
        ["link", "set", "node0", "up"],
        ["route", "add", "default", "dev", "node0"],  # an address of the node is chosen by it
    ):
        subprocess.run(["ip", *command], check=True, timeout=20, stdin=subprocess.DEVNULL)
    mount("none", "/", None, MS_SHARED | MS_REC)
    mount("tmpfs", str(folder / "node"), "tmpfs", 0, "mode=755")
    mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    for place in SHADOWED:
        shadow(Path(place), folder / "node")
    for hierarchy in hierarchies():
        own = cgroup(hierarchy, name)
        mount(str(own), str(hierarchy), None, MS_BIND)


def shadow(place: Path, node: Path) -> None:
    """Put a copy of the folder in its place that has the same entries, and where new ones do not reach the host."""
    copy = node / f"shadow{place.name}"
    copy.mkdir()
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink() and entry.name not in ("cni", "kubelet", "pods", "containers"):
            (copy / entry.name).mkdir()
            mount(str(entry), str(copy / entry.name), None, MS_BIND)
    mount(str(copy), str(place), None, MS_BIND | MS_REC)


def hierarchies() -> list[Path]:
    """Where control groups are mounted: one place with version 2, one a controller with version 1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    places = [Path(words[1]) for words in mounts if words[2] == "cgroup"]
    return [place for place in dict.fromkeys(places) if place.parent == CGROUPS]


def cgroup(hierarchy: Path, name: str) -> Path:
    """A control group of our own at the top of the hierarchy, with what it needs from its parent."""
    if (control := hierarchy / "cgroup.subtree_control").exists():
        control.write_text(" ".join(f"+{one}" for one in (hierarchy / "cgroup.controllers").read_text().split()))
    own = hierarchy / name
    own.mkdir(exist_ok=True)
    for setting in ("cpuset.cpus", "cpuset.mems"):  # version 1 gives a new group none, and then nothing may run in it
        if (hierarchy / "tasks").exists() and (hierarchy / setting).exists():
            (own / setting).write_text((hierarchy / setting).read_text())
    return own


class Doorkeeper:
    """Answers requests: one JSON object a packet, the answer likewise, with a socket where one was asked for."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.ended: dict[int, int] = {}

    def serve(self) -> None:
        """Until the other side closes, or dies."""
        while True:
            self.reap()
            if not select.select([self.control], [], [], 0.2)[0]:
                continue
            packet = self.control.recv(1 << 20)
            if not packet:
                return
            self.reap()
            request = json.loads(packet)
            try:
                answer, sockets = getattr(self, "on_" + request.pop("do"))(**request)
            except OSError as error:
                answer, sockets = {"error": str(error)}, []
            socket.send_fds(self.control, [json.dumps(answer).encode()], [one.fileno() for one in sockets])
            for one in sockets:
                one.close()

    def on_run(self, argv: list[str], env: dict[str, str], log: str) -> tuple[Any, list[socket.socket]]:
        """Start a program; its output is added to the file ``log``."""
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        return {"pid": os.posix_spawn(argv[0], argv, env, file_actions=actions, setsid=True)}, []

    def on_status(self, pid: int) -> tuple[Any, list[socket.socket]]:
        """The exit status of a program that was started, None while it runs."""
        return {"status": self.ended.get(pid)}, []

    def on_signal(self, pid: int, number: int) -> tuple[Any, list[socket.socket]]:
        if pid not in self.ended:
            os.kill(pid, number)
        return {}, []

    def on_connect(self, host: str, port: int) -> tuple[Any, list[socket.socket]]:
        return {}, [socket.create_connection((host, port), timeout=10)]

    def on_listen(self, host: str, port: int) -> tuple[Any, list[socket.socket]]:
        listener = socket.create_server((host, port))
        return {"port": listener.getsockname()[1]}, [listener]

    def reap(self) -> None:
        """Take note of what ended: also of processes whose parents are gone, as process 1 must."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                self.ended[found[0]] = os.waitstatus_to_exitcode(found[1])


def leave(folder: Path, name: str) -> None:
    """Kill everything in the room, and remove what would be left of it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    controllers = hierarchies()
    for place in (*controllers, *map(Path, SHADOWED), folder / "node"):
        unmount(place)
    for hierarchy in controllers:
        for group in deepest_first(hierarchy / name):
            remove(group)
    shutil.rmtree(folder, ignore_errors=True)


def deepest_first(top: Path) -> Iterator[Path]:
    for place, _, _ in os.walk(top, topdown=False):
        yield Path(place)


def remove(group: Path) -> None:
    """A group is busy for a moment after its last process has ended."""
    for _ in range(50):
        try:
            group.rmdir()
        except OSError:
            time.sleep(0.02)
        else:
            return


def main() -> None:
    descriptor, folder, name = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):  # Ctrl-C is for the test run, which closes the socket
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=descriptor)
    try:
        furnish(folder, name)
        control.send(b'{"ready": true}')
        Doorkeeper(control).serve()
    finally:
        leave(folder, name)


if __name__ == "__main__":
    main()
