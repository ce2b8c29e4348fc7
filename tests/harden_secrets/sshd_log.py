"""What a syslog daemon does on a host: takes what programs say at /dev/log, and writes it to a file with the time."""

import os
import re
import selectors
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

_MESSAGE = re.compile(rb"<\d+>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (.*)", re.DOTALL)


class Syslog:
    """One thread for any number of hosts. Lines are dated as rsyslog does it: ``iso``, or without year and zone."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._end, self._ended = os.pipe()
        self._selector.register(self._end, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def listen(self, folder: Path, log: Path, *, iso: bool) -> None:
        """Make the socket ``log`` in that folder; what comes there is appended to the file."""
        known = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            taker = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            taker.bind(f"/proc/self/fd/{known}/log")  # a socket's path may have 107 characters
        finally:
            os.close(known)
        (folder / "log").chmod(0o666)
        self._selector.register(taker, selectors.EVENT_READ, (log, iso))

    def close(self) -> None:
        """No more is taken."""
        os.write(self._ended, b"x")
        self._thread.join(5)
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        os.close(self._end)
        os.close(self._ended)

    def _collect(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if not isinstance(key.fileobj, socket.socket):
                    return
                log, iso = key.data
                match = _MESSAGE.match(key.fileobj.recv(1 << 16))
                if match is not None:
                    _append(log, match[1], iso=iso)


def _append(log: Path, said: bytes, *, iso: bool) -> None:
    now = datetime.now(UTC)
    time = now.isoformat(timespec="microseconds") if iso else f"{now:%b} {now.day:>2} {now:%H:%M:%S}"
    with log.open("ab") as opened:
        opened.write(f"{time} host ".encode() + said + b"\n")
