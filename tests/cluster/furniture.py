"""What makes a room: its network, its mounts, its control groups. Process 1 of the room calls `furnish`.

The host sees none of it but the control groups and the folder, which `clear` removes from outside.
"""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
ADDRESS = "10.199.0.1"  # of the node, on a bridge that leads nowhere
MS_BIND = 4096
MS_REC = 16384
MS_SHARED = 1 << 20
CLONE_NEWCGROUP = 0x02000000
SHADOWED = ("/var/lib", "/var/log")  # containerd, its plugins and kubelet write here under names that cannot be set
KERNEL_WIDE = (  # kubelet sets these, and they are the whole host's
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)

libc = ctypes.CDLL(None, use_errno=True)


def furnish(folder: Path, name: str) -> None:
    """Everything, in the new namespaces of this process; raises OSError and CalledProcessError."""
    socket.sethostname("node")  # Kubernetes makes labels of it, and not every host's name is fit for one
    connect()
    mount("none", "/", None, MS_SHARED | MS_REC)
    enter_cgroup(name)
    mount("tmpfs", folder / "node", "tmpfs", 0, "mode=755")
    mount("tmpfs", Path("/run"), "tmpfs", 0, "mode=755")
    for place in SHADOWED:
        shadow(Path(place), folder / "node")
    for setting in KERNEL_WIDE:
        keep(Path("/proc/sys", setting), folder / "node" / setting.replace("/", "."))


def clear(folder: Path, name: str) -> None:
    """Remove what is left of a room whose processes have ended."""
    for hierarchy in hierarchies():
        for place, _, _ in os.walk(hierarchy / name, topdown=False):
            remove(Path(place))
    shutil.rmtree(folder, ignore_errors=True)


def connect() -> None:
    """The network: the node's address, and nothing beyond it."""
    for command in (
        ["link", "set", "lo", "up"],
        ["link", "add", "node0", "type", "bridge"],
        ["address", "add", f"{ADDRESS}/24", "dev", "node0"],
        ["address", "add", "10.96.0.1/32", "dev", "node0"],  # the Service `kubernetes`: the API server itself listens
        ["link", "set", "node0", "up"],
        ["route", "add", "default", "dev", "node0"],  # an address of the node is chosen by it
    ):
        subprocess.run(["ip", *command], check=True, timeout=20, stdin=subprocess.DEVNULL)


def mount(source: str | Path, target: str | Path, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2); raises OSError."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    call(libc.mount(*words, flags, None if options is None else options.encode()), f"mount {source} on {target}")


def call(result: int, what: str) -> None:
    """Raise what a system call left in errno, if it failed."""
    if result != 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def shadow(place: Path, node: Path) -> None:
    """Put a copy of the folder in its place that has the same folders, and where new ones do not reach the host."""
    copy = node / f"shadow{place.name}"
    copy.mkdir()
    for entry in place.iterdir():
        if entry.is_dir() and not entry.is_symlink() and entry.name not in ("cni", "kubelet", "pods", "containers"):
            (copy / entry.name).mkdir()
            mount(entry, copy / entry.name, None, MS_BIND)
    mount(copy, place, None, MS_BIND | MS_REC)


def keep(setting: Path, stand_in: Path) -> None:
    """Put a file in the setting's place that can be written without effect."""
    stand_in.write_text(setting.read_text())
    mount(stand_in, setting, None, MS_BIND)


def hierarchies() -> list[Path]:
    """Where control groups are mounted: one place with version 2, one for each controller with version 1."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [Path(words[1]) for words in mounts if words[2] == "cgroup" and Path(words[1]).parent == CGROUPS]


def enter_cgroup(name: str) -> None:
    """Make a group at the top of each hierarchy the root of all that this process sees, and enter one below it.

    The groups of pods become the neighbours of that one; with version 2, only a group without processes has others.
    """
    for hierarchy in hierarchies():
        pass_on(hierarchy)
    owned = [(hierarchy, make_group(hierarchy, name)) for hierarchy in hierarchies()]
    for _, own in owned:
        (own / "cgroup.procs").write_text(str(os.getpid()))
    call(libc.unshare(CLONE_NEWCGROUP), "a namespace for control groups")
    for hierarchy, own in owned:
        (make_group(own, "host") / "cgroup.procs").write_text(str(os.getpid()))
        pass_on(own)
        mount(own, hierarchy, None, MS_BIND)


def pass_on(group: Path) -> None:
    """Let the groups below have the controllers, which version 2 does one by one from the top."""
    if (control := group / "cgroup.subtree_control").exists():
        control.write_text(" ".join(f"+{one}" for one in (group / "cgroup.controllers").read_text().split()))


def make_group(above: Path, name: str) -> Path:
    """A control group with what it needs from the one above it."""
    own = above / name
    own.mkdir()
    for setting in ("cpuset.cpus", "cpuset.mems"):  # version 1 gives a new group none, and then nothing may run in it
        if (above / "tasks").exists() and (above / setting).exists():
            (own / setting).write_text((above / setting).read_text())
    return own


def remove(group: Path) -> None:
    """A group is busy for a moment after its last process has ended."""
    for _ in range(100):
        with contextlib.suppress(OSError):
            group.rmdir()
            return
        time.sleep(0.02)
