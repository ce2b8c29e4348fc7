"""Bytes between two connected sockets, as they are, until one of them has no more."""

import selectors
import socket


def both_ways(inner: socket.socket, outer: socket.socket) -> None:
    """Returns when either side has ended."""
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
