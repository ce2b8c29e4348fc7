"""A port before a server, which can be closed in the middle: whoever is connected is cut off, nobody else gets in."""

import contextlib
import socket
import threading
from collections.abc import Iterator

from lab.passing import both_ways


class Gate:
    """``port`` is where it listens while it is open. What comes in and out is passed on as it is."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._accepting = self._accept()

    def close(self) -> None:
        """As if the server were no more."""
        with contextlib.suppress(OSError):  # closed already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def reopen(self) -> None:
        """As if it were back, at the same port; nothing if it was never away."""
        if self._accepting.is_alive():
            return
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._accepting = self._accept()

    def _accept(self) -> threading.Thread:
        thread = threading.Thread(target=self._let_in, args=(self._listener,), daemon=True)
        thread.start()
        return thread

    def _let_in(self, listener: socket.socket) -> None:
        while True:
            try:
                inner, _ = listener.accept()
            except OSError:  # shut down
                return
            threading.Thread(target=self._pass_on, args=(inner,), daemon=True).start()

    def _pass_on(self, inner: socket.socket) -> None:
        with inner, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._to)) as outer:
            self._open |= {inner, outer}
            try:
                both_ways(inner, outer)
            finally:
                self._open -= {inner, outer}


@contextlib.contextmanager
def gate(to: int) -> Iterator[Gate]:
    """One before a port of this host, as long as the block runs."""
    made = Gate(to)
    try:
        yield made
    finally:
        made.close()
