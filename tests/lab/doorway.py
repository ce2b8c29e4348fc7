"""A port of this namespace's loopback, reachable from another namespace's loopback by the same number.

with doorway(netns, 8200):     # what listens at 127.0.0.1:8200 here is there at 127.0.0.1:8200 too
    netns.run("curl", "https://127.0.0.1:8200/")
"""

import contextlib
import socket
import threading
from collections.abc import Iterator

from lab.netns import Netns
from lab.passing import both_ways


@contextlib.contextmanager
def doorway(netns: Netns, port: int) -> Iterator[None]:
    """It is open while the block runs."""
    listener = netns.call(lambda: socket.create_server(("127.0.0.1", port), backlog=64))
    accepting = threading.Thread(target=_accept, args=(listener, port), daemon=True)
    accepting.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        listener.close()


def _accept(listener: socket.socket, port: int) -> None:
    while True:
        try:
            inner, _ = listener.accept()
        except OSError:  # shut down
            return
        threading.Thread(target=_pass_on, args=(inner, port), daemon=True).start()


def _pass_on(inner: socket.socket, port: int) -> None:
    with inner, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as outer:
        both_ways(inner, outer)
