"""Running programs: argument lists, never a shell, with a time limit, and their own words in the error."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache

from harden.errors import HardenError

TIME_LIMIT = 60.0


@cache
def prefix() -> str:
    """What the names of all our network namespaces begin with. Fixed by the first call, so make it on the host."""
    return f"hdemo-{os.getpid()}-"


def netns(machine: str) -> str:
    """The name of a machine's network namespace."""
    return prefix() + machine


def in_machine(machine: str, command: Sequence[str]) -> list[str]:
    """The command, to be run in a machine's network namespace."""
    return ["nsenter", f"--net=/run/netns/{netns(machine)}", *command]


def capture(command: Sequence[str], stdin: str = "", settings: Mapping[str, str] | None = None) -> str:
    """What a program prints. Raises HardenError when it is missing, fails or takes too long.

    ``settings`` are variables of its environment, beside ours.
    """
    try:
        done = subprocess.run(
            command, input=stdin, env=os.environ | (settings or {}),
            capture_output=True, text=True, timeout=TIME_LIMIT, check=False,
        )  # fmt: skip
    except FileNotFoundError as e:
        hint = "./demo installs what it needs when it is run as root"
        raise HardenError(f"{e.filename} is not installed", hint) from e
    except subprocess.TimeoutExpired as e:
        raise HardenError(f"{' '.join(command)}: no end after {TIME_LIMIT:.0f} s") from e
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip()
        raise HardenError(f"{' '.join(command)}: status {done.returncode}: {said}")
    return done.stdout
