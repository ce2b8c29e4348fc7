"""What the virtual machine runs: the gateway of ``lab.exchange`` with the kernel's own WireGuard.

Started as ``python -m tests.vm.gateway BACKEND…`` among the host's files; /run is empty and can be written to. Leaves a
document ``found.json`` in the folder that it shares with the host, with what was found for each backend.
"""

import importlib
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lab.exchange import observe
from lab.tunnel import Site

from tests.vm.machine import EXCHANGE

# Emulated, an import takes as long as a command: the commands below start with these.
IMPORTED = ("harden.cli", "wgfw.cli", "wgfw.commands.applying", "wgfw.commands.asking", "wgfw.commands.importing",
            "wgfw.commands.reporting", "pyroute2")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it said."""

    status: int
    stdout: str
    stderr: str


def harden(*arguments: str) -> Said:
    """``harden wg ARGUMENTS`` in a process of its own, which is a copy of this one."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            _become(arguments, out.fileno(), err.fileno())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        out.seek(0)
        err.seek(0)
        said = Said(status, out.read(), err.read())
    sys.stderr.write(f"{time.monotonic():.1f} s: harden wg {' '.join(arguments)}: {status}\n{said.stderr}")
    return said


def _become(arguments: tuple[str, ...], out: int, err: int) -> None:
    """Be the command, and end."""
    status = 70
    try:
        os.dup2(out, 1)
        os.dup2(err, 2)
        sys.argv = ["harden", "wg", *arguments]
        sys.modules["harden.cli"].main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main(backends: list[str]) -> None:
    """Go through it all, once for each backend."""
    for module in IMPORTED:
        importlib.import_module(module)
    folder = Path(tempfile.mkdtemp(dir="/run"))
    found = {}
    site = Site(folder, ("anca", "laptop"), "kernel")
    site.up()
    for backend in backends:
        policy = folder / f"{backend}.yaml"
        os.environ |= {"HARDEN_POLICY": str(policy), "HARDEN_STATE": str(folder / f"state-{backend}")}
        found[backend] = observe(site, harden, policy, "kernel", backend)
    site.close()
    (EXCHANGE / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
