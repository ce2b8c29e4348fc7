"""A room of a machine's own for a test run: processes, mounts and network that end with it.

What runs in a room sees the host's files, but has its own network with nothing in it but itself, its own mounts and
its own process numbers. Two rooms on one host do not know of each other, so ports and names in them need not differ.
When the test run ends, by whatever means, the room and all that is in it are gone.
"""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ADDRESS = "10.199.0.1"  # of the room, for who lives in it
TESTS = Path(__file__).resolve().parents[1]


class RoomError(AssertionError):
    """Something of the test's surroundings does not work; the message says what, and ends with the log's end."""


@dataclass(frozen=True)
class Program:
    """A program that was started in a room."""

    name: str
    pid: int
    log: Path

    def tail(self) -> str:
        """The last 3,000 characters of what it printed."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""


class Room:
    """See above. Needs root. ``folder`` is seen inside and outside; ``folder / "node"`` is different in each."""

    def __init__(self) -> None:
        self.name = f"harden-test-{secrets.token_hex(4)}"
        self.folder = Path(tempfile.mkdtemp(prefix="harden-test-"))
        (self.folder / "node").mkdir()
        self._lock = threading.Lock()
        self._relays: list[Relay] = []
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        log = self.folder / "room.log"
        with theirs, log.open("wb") as output:
            command = [sys.executable, "-m", "cluster.doorkeeper", "outside", str(theirs.fileno())]
            self._process = subprocess.Popen(
                [*command, str(self.folder), self.name],
                cwd=TESTS,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=[theirs.fileno()],
            )
        self._control.settimeout(60)
        if not self._control.recv(100):
            message = log.read_text(errors="replace") if log.exists() else "it did not say why"
            self.close()
            hint = "" if os.geteuid() == 0 else " (these tests need root)"
            raise RoomError(f"no namespaces for the cluster{hint}: {message.strip()[-1500:]}")

    def run(self, name: str, argv: Sequence[str], env: dict[str, str] | None = None) -> Program:
        """Start a program in the room; its output goes to a file of its own."""
        found = shutil.which(argv[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if found is None:
            raise RoomError(f"{argv[0]} is not installed: run scripts/bootstrap.sh test")
        log = self.folder / f"{name}.log"
        surroundings = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", **(env or {})}
        answer, _ = self._ask(do="run", argv=[found, *argv[1:]], env=surroundings, log=str(log))
        return Program(name, int(answer["pid"]), log)

    def status(self, program: Program) -> int | None:
        """The exit status (negative: the signal that ended it), None while it runs."""
        answer, _ = self._ask(do="status", pid=program.pid)
        status: int | None = answer["status"]
        return status

    def signal(self, program: Program, number: int) -> None:
        """Send it a signal, unless it has ended."""
        self._ask(do="signal", pid=program.pid, number=number)

    def wait(self, what: str, program: Program, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Until ``ready``; RoomError when the program ends before, or the time does."""
        deadline = time.monotonic() + seconds
        while not ready():
            status = self.status(program)
            if status is not None or time.monotonic() > deadline:
                ended = f"{program.name} ended with status {status}" if status is not None else f"not in {seconds:g} s"
                raise RoomError(f"{what}: {ended}:\n{program.tail()}")
            time.sleep(0.1)

    def finish(self, program: Program, seconds: float = 60) -> int:
        """Wait for its end; returns the exit status."""
        deadline = time.monotonic() + seconds
        while (status := self.status(program)) is None:
            if time.monotonic() > deadline:
                raise RoomError(f"{program.name} did not end in {seconds:g} s:\n{program.tail()}")
            time.sleep(0.05)
        return status

    def connect(self, port: int, host: str = "127.0.0.1") -> socket.socket:
        """A connection to what listens in the room."""
        _, sockets = self._ask(do="connect", host=host, port=port)
        return sockets[0]

    def reach(self, port: int, host: str = "127.0.0.1") -> int:
        """A port on this side's 127.0.0.1 that leads to ``host`` and ``port`` of the room: an API server's, a pod's."""
        listener = socket.create_server(("127.0.0.1", 0))
        self._relays.append(Relay(listener, lambda: self.connect(port, host)))
        return int(listener.getsockname()[1])

    def expose(self, port: int, host: str = "127.0.0.1", inside: int = 0) -> int:
        """A port in the room, on its address and on 127.0.0.1, that leads to ``host`` and ``port`` of this side.

        Pods find it at `room.ADDRESS`. It is ``inside``, or any that is free.
        """
        answer, (listener,) = self._ask(do="listen", host="0.0.0.0", port=inside)
        self._relays.append(Relay(listener, lambda: socket.create_connection((host, port), timeout=10)))
        return int(answer["port"])

    def close(self) -> None:
        """End it; returns when all of it is gone."""
        for relay in self._relays:
            relay.close()
        self._control.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ask(self, **request: Any) -> tuple[dict[str, Any], list[socket.socket]]:
        with self._lock:
            self._control.send(json.dumps(request).encode())
            packet, descriptors, _, _ = socket.recv_fds(self._control, 1 << 20, 1)
        if not packet:
            raise RoomError("the cluster's room is gone")
        answer = json.loads(packet)
        if "error" in answer:
            raise ConnectionError(answer["error"])
        return answer, [socket.socket(fileno=one) for one in descriptors]


class Relay:
    """Takes connections of one side and carries their bytes to the other."""

    def __init__(self, listener: socket.socket, connect: Callable[[], socket.socket]) -> None:
        self._listener = listener
        self._connect = connect
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more; what is connected lives on until either end closes."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for a connection
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError), self._connect() as far:
            for one in (near, far):
                one.settimeout(None)
            back = threading.Thread(target=copy, args=(far, near), daemon=True)
            back.start()
            copy(near, far)
            back.join()


def copy(source: socket.socket, target: socket.socket) -> None:
    """All bytes until the source ends, and then tell the target so."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
