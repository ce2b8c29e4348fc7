"""A small virtual machine with a kernel of its own and this host's files, read-only.

QEMU emulates it without KVM, which hosts that are virtual themselves often have in name only.
"""

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.vm.initramfs import archive, folder, in_order, plain, program

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".vm_cache"  # made by scripts/fetch-vm.sh
KERNEL, BUSYBOX = CACHE / "vmlinuz", CACHE / "busybox"
QEMU = "qemu-system-x86_64"
INSTALL = "scripts/bootstrap.sh test"
# crc32c is needed by modules that do not say so among their dependencies.
FOUNDATION = ("virtio_pci", "9pnet_virtio", "9p", "crc32c_generic")
EXCHANGE = Path("/run/exchange")  # as the machine sees the folder that it shares with us


@dataclass(frozen=True, slots=True)
class Ended:
    """How it went: whether the machine turned itself off in time, and what stood on its console."""

    in_time: bool
    console: str


def missing() -> list[str]:
    """What the virtual machine needs and this host has not; ``INSTALL`` is the command that brings it."""
    programs = [] if shutil.which(QEMU) else [QEMU]
    return programs + [str(path) for path in (KERNEL, BUSYBOX) if not path.exists()]


def run(command: Sequence[str], modules: Sequence[str], exchange: Path, seconds: float) -> Ended:
    """Boot, run the command as root among the host's files, turn off.

    ``modules`` are loaded before; the folder ``exchange`` is there for both to write to, in the machine as
    ``EXCHANGE``. The machine is ended after so many seconds.
    """
    (exchange / "command").write_text(f"cd {shlex.quote(str(CHECKOUT))} || exit\n{shlex.join(command)}\n")
    (exchange / "initramfs").write_bytes(_first_files(modules))
    console = exchange / "console"
    argv = [
        QEMU, "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "512",
        "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", f"file:{console}",
        "-kernel", str(KERNEL), "-initrd", str(exchange / "initramfs"),
        "-append", "console=ttyS0 quiet panic=-1 mitigations=off rcupdate.rcu_expedited=1",
        "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
        "-virtfs", f"local,path={exchange},mount_tag=exchange,security_model=none",
    ]  # fmt: skip
    try:
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace", timeout=seconds, check=False)
        in_time, said = done.returncode == 0, done.stderr
    except subprocess.TimeoutExpired:
        in_time, said = False, f"still running after {seconds:.0f} s"
    return Ended(in_time, said + (console.read_text(errors="replace") if console.exists() else ""))


def _first_files(modules: Sequence[str]) -> bytes:
    loaded = list(in_order((*FOUNDATION, *modules), CACHE / "modules"))
    order = "".join(f"{path.name}\n" for path in loaded)
    return archive(
        {
            "bin": folder(),
            "bin/busybox": program(BUSYBOX.read_bytes()),
            "init": program((Path(__file__).parent / "init.sh").read_bytes()),
            "modules": folder(),
            "modules/order": plain(order.encode()),
            **{f"modules/{path.name}": plain(path.read_bytes()) for path in loaded},
        }
    )
