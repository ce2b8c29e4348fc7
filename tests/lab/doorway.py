"""A port of this namespace's loopback, reachable from another namespace's loopback by the same number.

with doorway(netns, 8200):     # what listens at 127.0.0.1:8200 here is there at 127.0.0.1:8200 too
    netns.run("curl", "https://127.0.0.1:8200/")
"""

import contextlib
import selectors
import socket
import threading
from collections.abc import Iterator

from lab.netns import Netns


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
        other = {inner: outer, outer: inner}
        with selectors.DefaultSelector() as waiting:
            for one in other:
                waiting.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in waiting.select():
                    assert isinstance(key.fileobj, socket.socket)
                    data = key.fileobj.recv(65536)
                    if not data:
                        return
                    other[key.fileobj].sendall(data)
