"""The process that puts the confirmed rules back when nobody confirms the new ones.

It is a command of harden's own that waits. It is started before the new rules are written, and they are not written
before it says that it runs: whatever breaks afterwards, it has all that it needs in memory. Where systemd runs, it is a
transient unit, which systemd starts again if it is killed; elsewhere a process in a session of its own.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from harden.errors import HardenError
from wgfw.kernel.namespace import name_of_this
from wgfw.kernel.state import StateDirectory

_ARMED_WITHIN = 20.0  # seconds; it has to import what it needs on a busy machine
_PAUSE = 0.02
_HINT = "nothing was changed; `harden wg apply` without --confirm keeps the new rules at once"


def arm(trial: str, state: StateDirectory, netns: str | None) -> None:
    """Have the watchdog of ``trial`` run. Raises HardenError if it does not."""
    netns = netns or name_of_this()
    command = [sys.executable, "-P", "-m", "harden", "wg", "expire", trial, "--state", str(state.root.absolute())]
    command += ["--netns", netns] if netns else []
    if _systemd_reaches_this(netns):
        _start_unit(trial, command)
        _wait(state.armed(trial), None)
    else:
        _wait(state.armed(trial), _start_process(command))


def _systemd_reaches_this(netns: str | None) -> bool:
    """Whether what systemd starts is in our network namespace, or can get there by name."""
    if not os.path.isdir("/run/systemd/system") or shutil.which("systemd-run") is None:  # sd_booted(3)
        return False
    return netns is not None or os.stat("/proc/self/ns/net").st_ino == os.stat("/proc/1/ns/net").st_ino


def _start_unit(trial: str, command: list[str]) -> None:
    settings = {
        "Description": "Put the confirmed rules of harden back unless the new ones are confirmed",
        "Restart": "on-failure",
        "RestartSec": "1",
        "StartLimitIntervalSec": "0",
        "OOMScoreAdjust": "-900",
    }
    properties = [f"--property={name}={value}" for name, value in settings.items()]
    environment = [f"--setenv=PYTHONPATH={os.environ['PYTHONPATH']}"] if os.environ.get("PYTHONPATH") else []
    unit = f"--unit=harden-wg-trial-{trial}"
    argv = ["systemd-run", "--quiet", "--collect", unit, *properties, *environment, "--", *command]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False, errors="replace"
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HardenError(f"systemd-run: {error}", _HINT) from error
    if done.returncode:
        raise HardenError(f"systemd does not start the watchdog: {done.stderr.strip()}", _HINT)


def _start_process(command: list[str]) -> int:
    """Started by a child that ends at once, so that it is nobody's and goes on when we are killed."""
    nowhere = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDWR, 0)
    copies = [(os.POSIX_SPAWN_DUP2, 0, descriptor) for descriptor in (1, 2)]
    try:
        return os.posix_spawn(command[0], command, os.environ, file_actions=[nowhere, *copies], setsid=True)
    except OSError as error:
        raise HardenError(f"{command[0]}: {error.strerror}", _HINT) from error


def _wait(armed: Path, pid: int | None) -> None:
    end = time.monotonic() + _ARMED_WITHIN
    while not armed.exists():
        if pid is not None and os.waitpid(pid, os.WNOHANG)[0]:
            raise HardenError("the watchdog that would put the confirmed rules back ended at once", _HINT)
        if time.monotonic() > end:
            raise HardenError("the watchdog that would put the confirmed rules back does not start", _HINT)
        time.sleep(_PAUSE)
