"""The server as a process of this machine: found by its command line, whoever started it."""

import contextlib
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

from harden.errors import HardenError
from harden_secrets.vault.server.place import Place

_LARGEST_LOG = 4 * 1024 * 1024
_STOP_SECONDS = 30.0
_PROC = Path("/proc")


def arguments(program: Path, place: Place) -> list[str]:
    """The command line; a process with this configuration is our server."""
    return [str(program), "server", f"-config={place.configuration}"]


def running(place: Place) -> int | None:
    """The server's process ID, or None."""
    mark = f"-config={place.configuration}".encode()
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                if mark in words and b"server" in words:
                    return int(folder.name)
    return None


def start(program: Path, place: Place) -> int:
    """Start it, free of this process and its terminal, and give its process ID.

    It gets a clean environment, and nothing that it has in memory is ever written to a core file.
    """
    _turn_log(place)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # inherited
    descriptor = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            arguments(program, place),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=place.folder,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(place.folder)},
            start_new_session=True,
        )
    except OSError as error:
        raise HardenError(f"{program}: cannot be started: {error.strerror}") from error
    finally:
        os.close(descriptor)
    process.returncode = 0  # it outlives us: subprocess is not to wait for it, nor to warn that nobody did
    return process.pid


def stop(place: Place) -> bool:
    """End it and wait for that; False where it did not run. What was answered is on the disk anyway."""
    pid = running(place)
    if pid is None:
        return False
    for number, seconds in ((signal.SIGTERM, _STOP_SECONDS), (signal.SIGKILL, _STOP_SECONDS)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _gone(place, seconds):
            return True
    raise HardenError(f"the server (process {pid}) does not end", f"look at it: {place.log}")


def reload(place: Place) -> None:
    """Let it read its certificate anew, if it runs."""
    pid = running(place)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGHUP)


def last_words(place: Place) -> str:
    """The last line with an error that it logged, for messages."""
    try:
        lines = place.log.read_text(errors="replace").splitlines()[-50:]
    except OSError:
        return ""
    telling = [line for line in lines if "error" in line.lower()]
    return (telling or lines or [""])[-1][:300]


def _gone(place: Place, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if running(place) is None:
            return True
        time.sleep(0.05)
    return False


def _turn_log(place: Place) -> None:
    """Keep one older log."""
    with contextlib.suppress(FileNotFoundError):
        if place.log.stat().st_size > _LARGEST_LOG:
            os.replace(place.log, place.log.with_suffix(".log.1"))
