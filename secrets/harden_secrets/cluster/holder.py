"""Who holds a lock: a process, named so that others can tell whether it is still there."""

import hashlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path

_UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds a lock. ``machine`` tells hosts of one name apart, and restarts of one host."""

    host: str
    machine: str
    pid: int
    run: str

    def __str__(self) -> str:
        return f"{self.host}/{self.machine}/{self.pid}/{self.run}"

    @classmethod
    def parse(cls, identity: str) -> "Holder | None":
        """The holder that a Lease names; None where it is nobody of ours."""
        parts = identity.split("/", 3)
        if len(parts) != 4 or not parts[2].isdecimal():
            return None
        return cls(parts[0], parts[1], int(parts[2]), parts[3])


def this_process(run: str) -> Holder:
    """The holder that this process is."""
    return Holder(socket.gethostname(), _machine(), os.getpid(), run)


def process_ended(holder: Holder) -> bool:
    """Whether a holder was a process of this very machine that is no more."""
    if holder.machine != _machine() or holder.machine == _UNKNOWN:
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _machine() -> str:
    """A short name for this boot of this machine and its numbering of processes: containers have their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        numbering = os.readlink("/proc/self/ns/pid")
    except OSError:
        return _UNKNOWN  # where /proc has processes only: systemd.exec(5), ProcSubset
    return hashlib.sha256(f"{boot} {numbering}".encode()).hexdigest()[:12]
