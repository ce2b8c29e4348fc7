"""Whether one machine reaches another: a server that says what it got, and a client that says what became of it."""

import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Literal

from lab.netns import Netns

Answer = Literal["open", "refused", "silent"]
PATIENCE = 3.5  # seconds: long enough for a SYN that got lost to be sent twice more (RFC 6298)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of an attempt, and after how many seconds."""

    answer: Answer
    seconds: float


class Echo:
    """Sends back whatever comes to some ports of a machine, over both families, until it is closed.

    ``datagrams`` counts what came by UDP, by what it said.
    """

    def __init__(self, netns: Netns, tcp: Iterable[int] = (), udp: Iterable[int] = ()) -> None:
        self.datagrams: Counter[bytes] = Counter()
        self._stack = ExitStack()
        self._selector = self._stack.enter_context(selectors.DefaultSelector())
        self._wake, self._woken = socket.socketpair()
        self._stack.callback(self._wake.close)
        self._open: set[socket.socket] = {self._woken}
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        for kind, ports, act in ((socket.SOCK_STREAM, tcp, self._accept), (socket.SOCK_DGRAM, udp, self._return)):
            for port in ports:
                self._add(netns.call(partial(_listen, kind, port)), act)
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def __enter__(self) -> "Echo":
        return self

    def __exit__(self, *_: object) -> None:
        self._wake.send(b"end")
        self._thread.join()
        for connection in self._open:
            connection.close()
        self._stack.close()

    def _add(self, connection: socket.socket, act: object) -> None:
        self._open.add(connection)
        self._selector.register(connection, selectors.EVENT_READ, act)

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    return
                key.data(key.fileobj)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        connection.settimeout(PATIENCE)
        self._add(connection, self._echo)

    def _echo(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
            connection.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._selector.unregister(connection)
            self._open.discard(connection)
            connection.close()

    def _return(self, connection: socket.socket) -> None:
        data, sender = connection.recvfrom(65536)
        self.datagrams[data] += 1
        connection.sendto(data, sender)


def _listen(kind: socket.SocketKind, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6, kind)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.bind(("::", port))
    if kind == socket.SOCK_STREAM:
        listener.listen(64)
    return listener


def connect(netns: Netns, address: str, port: int) -> tuple[socket.socket, Tried]:
    """Try to open a TCP connection from a machine; the caller closes the socket."""
    connection = netns.call(lambda: socket.socket(_family(address), socket.SOCK_STREAM))
    connection.settimeout(PATIENCE)
    begin = time.monotonic()
    answer: Answer = "open"
    try:
        connection.connect((address, port))
    except ConnectionRefusedError:
        answer = "refused"
    except TimeoutError:
        answer = "silent"
    return connection, Tried(answer, time.monotonic() - begin)


def attempt(netns: Netns, address: str, port: int) -> Tried:
    """Whether a TCP connection can be opened."""
    connection, tried = connect(netns, address, port)
    connection.close()
    return tried


def converse(connection: socket.socket, text: bytes, patience: float = PATIENCE) -> bool:
    """Whether what is said on a connection to an ``Echo`` comes back in so many seconds."""
    connection.settimeout(patience)
    heard = b""
    try:
        connection.sendall(text)
        while len(heard) < len(text):
            part = connection.recv(len(text) - len(heard))
            if not part:
                return False
            heard += part
    except OSError:
        return False
    return heard == text


def throw(netns: Netns, address: str, port: int, text: bytes, count: int) -> None:
    """Send so many datagrams from a machine, one flow, expecting nothing."""
    with netns.call(lambda: socket.socket(_family(address), socket.SOCK_DGRAM)) as sender:
        for _ in range(count):
            sender.sendto(text, (address, port))


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
