"""The connection below the driver of PostgreSQL: a socket of ours, with TLS where that is due.

pg8000 would make one itself, but leaves it to the garbage collector when a login fails; and where a server has no TLS
it must hear nothing of us.
"""

import os
import socket
import struct

from harden.errors import HardenError
from harden_secrets.rotate.kinds.password.server import Endpoint

_SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # PostgreSQL's manual, 55.7: SSLRequest


def open_channel(endpoint: Endpoint) -> socket.socket:
    """A connection to the server. Raises OSError, and HardenError where it has no TLS and should."""
    connection = _connect(endpoint)
    try:
        context = endpoint.tls()
        if context is None:
            return connection
        connection.sendall(_SSL_REQUEST)
        if connection.recv(1) != b"S":
            raise HardenError(f"{endpoint} has no TLS", "turn it on there: ssl = on in postgresql.conf")
        return context.wrap_socket(connection, server_hostname=endpoint.host.strip("[]"))
    except BaseException:
        close_channel(connection)
        raise


def close_channel(connection: socket.socket) -> None:
    """Closes it at once, whoever else still has a file of it."""
    descriptor = connection.detach()
    if descriptor >= 0:
        os.close(descriptor)


def _connect(endpoint: Endpoint) -> socket.socket:
    if not endpoint.host.startswith("/"):
        return socket.create_connection((endpoint.host.strip("[]"), endpoint.port), endpoint.seconds)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(endpoint.seconds)
        connection.connect(f"{endpoint.host}/.s.PGSQL.{endpoint.port}")
    except OSError:
        connection.close()
        raise
    return connection
