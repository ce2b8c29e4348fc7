"""Two processes of a room: the first inside, which starts programs and hands out sockets, and one that waits outside.

`cluster.room` starts ``outside``, which starts ``inside`` as process 1 of new namespaces. That one lives as long as the
socket to the test run does, however the run ended. With it everything in the room dies, the kernel forgets the mounts
and the network, and the process outside removes the folder and the control groups. Only the standard library is used.

    python -m cluster.doorkeeper outside|inside SOCKET-FD FOLDER NAME
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from cluster.furniture import clear, furnish

OURS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)  # Ctrl-C is for the test run, which then closes the socket
NAMESPACES = ("--net", "--pid", "--mount", "--ipc", "--uts")


class Doorkeeper:
    """Answers requests: one JSON object a packet, the answer likewise, with a socket where one was asked for."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.ended: dict[int, int] = {}

    def serve(self) -> None:
        """Until the other side closes, or dies."""
        while True:
            self.reap()
            if not select.select([self.control], [], [], 0.2)[0]:
                continue
            packet = self.control.recv(1 << 20)
            if not packet:
                return
            self.reap()
            request = json.loads(packet)
            try:
                answer, sockets = getattr(self, "on_" + request.pop("do"))(**request)
            except OSError as error:
                answer, sockets = {"error": str(error)}, []
            socket.send_fds(self.control, [json.dumps(answer).encode()], [one.fileno() for one in sockets])
            for one in sockets:
                one.close()

    def on_run(self, argv: list[str], env: dict[str, str], log: str) -> tuple[Any, list[socket.socket]]:
        """Start a program; its output is added to the file ``log``."""
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        usual = [*OURS, signal.SIGPIPE]  # ignored here, and in what is started unless it is told otherwise
        pid = os.posix_spawn(argv[0], argv, env, file_actions=actions, setsid=True, setsigdef=usual)
        return {"pid": pid}, []

    def on_status(self, pid: int) -> tuple[Any, list[socket.socket]]:
        """The exit status of a program that was started, None while it runs."""
        return {"status": self.ended.get(pid)}, []

    def on_signal(self, pid: int, number: int) -> tuple[Any, list[socket.socket]]:
        if pid not in self.ended:
            os.kill(pid, number)
        return {}, []

    def on_connect(self, host: str, port: int) -> tuple[Any, list[socket.socket]]:
        return {}, [socket.create_connection((host, port), timeout=10)]

    def on_listen(self, host: str, port: int) -> tuple[Any, list[socket.socket]]:
        listener = socket.create_server((host, port))
        return {"port": listener.getsockname()[1]}, [listener]

    def reap(self) -> None:
        """Take note of what ended: also of processes whose parents are gone, as process 1 must."""
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                self.ended[found[0]] = os.waitstatus_to_exitcode(found[1])


def outside(descriptor: int, folder: Path, name: str) -> None:
    """Start the other one, wait for its end, and remove what it leaves."""
    again = [sys.executable, "-m", "cluster.doorkeeper", "inside", str(descriptor), str(folder), name]
    try:
        subprocess.run(
            ["unshare", *NAMESPACES, "--fork", "--kill-child", "--mount-proc", *again],
            stdin=subprocess.DEVNULL,
            pass_fds=[descriptor],
            check=False,
        )
    finally:
        clear(folder, name)


def inside(descriptor: int, folder: Path, name: str) -> None:
    """Prepare the room and serve; when this returns, the kernel kills all that runs in it."""
    control = socket.socket(fileno=descriptor)
    furnish(folder, name)
    control.send(b'{"ready": true}')
    Doorkeeper(control).serve()


def main() -> None:
    for number in OURS:
        signal.signal(number, signal.SIG_IGN)
    begin = {"outside": outside, "inside": inside}[sys.argv[1]]
    begin(int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])


if __name__ == "__main__":
    main()
