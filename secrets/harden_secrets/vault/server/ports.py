"""Ports on loopback for the server: the usual one where it is free."""

import socket

from harden_secrets.vault.server.configuration import HOST

USUAL = 8200


def choose(wanted: int | None) -> tuple[int, int]:
    """The port, and one for the storage's own use. Whoever looks for the server reads the record, so any will do."""
    port = wanted or (USUAL if is_free(USUAL) else _any_free())
    cluster = port + 1 if port < 65535 and is_free(port + 1) else _any_free()
    return port, cluster


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    try:
        with socket.create_server((HOST, port)):
            return True
    except OSError:
        return False


def _any_free() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])
