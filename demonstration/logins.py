"""Logins by the real ssh(1), that know nothing of harden: what comes of a key, a session that stays, a consumer."""

import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demonstration.commands import TIME_LIMIT
from demonstration.sshhost import ADDRESS, PORT, USER
from harden.errors import HardenError

_OPTIONS = (
    "BatchMode=yes",
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "ControlPath=none",
    "StrictHostKeyChecking=yes",
    "GlobalKnownHostsFile=none",
)
_REFUSED = "Permission denied (publickey)"
_PAUSE = 0.4


class Logins:
    """Logs in to the host whose own key is given. ``folder`` is where ssh's files go; nobody else may read there."""

    def __init__(self, folder: Path, host_key: str) -> None:
        self.folder = folder
        self._known = folder / "known_hosts"
        self._known.write_text(f"[{ADDRESS}]:{PORT} {host_key}\n")

    def lets_in(self, key: bytes) -> bool:
        """Whether a command can be run with that key; False: sshd refuses it. HardenError: anything else."""
        with self._command(key, "echo", "in") as command:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIME_LIMIT, check=False
            )
        if done.returncode == 0 and done.stdout == "in\n":
            return True
        if _REFUSED in done.stderr:
            return False
        raise HardenError(f"ssh: status {done.returncode}: {done.stderr.strip()}")

    def stay(self, key: bytes) -> "Session":
        """A session that was opened with that key. HardenError: there is none."""
        with self._command(key, "cat") as command:
            session = Session(command)
            if not session.is_alive():
                raise HardenError("ssh does not let the person in who was to stay")
        return session

    @contextmanager
    def _command(self, key: bytes, *what: str) -> Iterator[list[str]]:
        """The argument list. The key is in a file for as long as the block lasts: ssh reads it to log in."""
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix="identity-") as file:
            file.write(key)
            file.flush()
            options = [part for option in (*_OPTIONS, f"UserKnownHostsFile={self._known}") for part in ("-o", option)]
            yield ["ssh", "-F", "none", "-T", *options, "-i", file.name, "-p", str(PORT), f"{USER}@{ADDRESS}", *what]


class Session:
    """Somebody who has logged in and stays."""

    def __init__(self, command: list[str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)

    def is_alive(self) -> bool:
        """Whether what is typed comes back."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            print("there?", file=self._process.stdin, flush=True)
        except BrokenPipeError:
            return False
        return self._process.stdout.readline() == "there?\n"

    def has_ended(self, patience: float) -> bool:
        """Whether it ends in so many seconds, by no doing of ours."""
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return False
        return True


class Consumer(threading.Thread):
    """Logs in again and again with the key that lies in a file, as a job would. Read the results after :meth:`stop`.

    ``count`` is how often; ``refusals`` what went wrong, in words.
    """

    def __init__(self, logins: Logins, file: Path) -> None:
        super().__init__(daemon=True)
        self.count = 0
        self.refusals: list[str] = []
        self._logins, self._file = logins, file
        self._ended = threading.Event()

    def run(self) -> None:
        """What the thread does."""
        while not self._ended.wait(_PAUSE):
            self.count += 1
            try:
                if not self._logins.lets_in(self._file.read_bytes()):
                    self.refusals.append(f"login {self.count} with the delivered key was refused")
            except (HardenError, OSError, subprocess.TimeoutExpired) as e:
                self.refusals.append(f"login {self.count} with the delivered key: {e}")

    def stop(self) -> None:
        """No more logins."""
        self._ended.set()
        self.join()
