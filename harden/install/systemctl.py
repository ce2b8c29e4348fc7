"""The systemd that runs this host: takes new units in, starts timers, stops what is to go."""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harden.errors import HardenError

_RUNNING = Path("/run/systemd/system")  # sd_booted(3)
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class State:
    """``active``: started, or on its way. ``stale``: its file has changed since systemd read it."""

    active: bool
    stale: bool


def is_running() -> bool:
    """Whether systemd is what runs this host."""
    return _RUNNING.is_dir()


def states(names: Sequence[str]) -> Mapping[str, State]:
    """How systemd sees these units. Raises HardenError."""
    if not names:
        return {}
    said = _call("show", "--property=Id,ActiveState,NeedDaemonReload", "--", *names)
    found = {}
    for part in said.split("\n\n"):
        fields = dict(line.split("=", 1) for line in part.splitlines() if "=" in line)
        active = fields.get("ActiveState") in ("active", "activating", "reloading")
        found[fields.get("Id", "")] = State(active, fields.get("NeedDaemonReload") == "yes")
    return found


def read_again() -> None:
    """Have systemd read all units anew. Raises HardenError."""
    _call("daemon-reload")


def start(names: Iterable[str]) -> None:
    """Start them. Raises HardenError."""
    _each("start", names)


def restart(names: Iterable[str]) -> None:
    """Start them anew. Raises HardenError."""
    _each("restart", names)


def stop(names: Iterable[str]) -> None:
    """Stop them; a failure of theirs is forgotten. Raises HardenError."""
    _each("stop", names)


def _each(verb: str, names: Iterable[str]) -> None:
    if several := tuple(names):
        _call(verb, "--", *several)


def _call(*arguments: str) -> str:
    command = ("systemctl", "--no-pager", *arguments)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=_SECONDS,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HardenError(f"{' '.join(command)}: {type(error).__name__}", "see: systemctl status") from error
    if done.returncode != 0:
        raise HardenError(f"{' '.join(command)}: {done.stderr.strip()}", "see: journalctl -b -u 'harden-*'")
    return done.stdout
