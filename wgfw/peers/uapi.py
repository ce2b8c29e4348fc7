"""Userspace WireGuard (wireguard-go, boringtun…) by its socket, the cross-platform protocol.

``/var/run/wireguard/NAME.sock`` answers ``get=1`` with ``key=value`` lines up to an empty one; ``errno=`` is the last.
The protocol: https://www.wireguard.com/xplatform/. A socket is a file: it belongs to no network namespace.
"""

import base64
import os
import socket
import time
from collections.abc import Iterable

from harden.errors import HardenError
from wgfw.peers.allowed import parse_prefix
from wgfw.peers.state import DevicePeer
from wgfw.peers.values import AllowedIP

FOLDER = "/var/run/wireguard"
_TIMEOUT = 10.0  # seconds for the whole answer
_LARGEST = 256 << 20
_LARGEST_ERRNO = 4095
_SECRET = (b"private_key=", b"preshared_key=")


def socket_path(interface: str) -> str:
    """Where the implementation listens for this interface."""
    return f"{FOLDER}/{interface}.sock"


def peers(interface: str) -> tuple[DevicePeer, ...]:
    """The peers of a userspace interface. Raises HardenError where nobody answers, or with nonsense."""
    path = socket_path(interface)
    try:
        return decode(_ask(path))
    except PermissionError as error:
        raise HardenError(f"{path}: permission denied", "ask as root: the socket tells keys") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        hint = f"is the program that runs {interface} alive? `wg show {interface}` asks the same socket"
        raise HardenError(f"{path}: {reason}", hint) from error


def _ask(path: str) -> list[bytes]:
    """The lines of the answer, without those that hold secrets."""
    end = time.monotonic() + _TIMEOUT
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT)
        connection.connect(path)
        connection.sendall(b"get=1\n\n")
        answer = bytearray()
        while not answer.endswith(b"\n\n"):
            connection.settimeout(max(end - time.monotonic(), 0.001))
            part = connection.recv(1 << 18)
            answer += part
            if not part or len(answer) > _LARGEST:
                raise ValueError("the answer breaks off" if not part else "the answer does not end")
    return [line for line in bytes(answer).split(b"\n") if line and not line.startswith(_SECRET)]


def decode(lines: Iterable[bytes]) -> tuple[DevicePeer, ...]:
    """The peers in the lines of an answer. Raises ValueError for what is none, or the device's own error."""
    found: list[DevicePeer] = []
    current: list[tuple[bytes, bytes]] = []
    ended = False
    for line in lines:
        name, _, value = line.partition(b"=")
        if name == b"public_key":
            if current:
                found.append(_peer(current))
            current = [(name, value)]
        elif name == b"errno":
            ended = True
            code = abs(int(value))
            if code:
                raise ValueError(f"the device answers: {os.strerror(min(code, _LARGEST_ERRNO))}")
        elif current:
            current.append((name, value))
    if not ended:
        raise ValueError("the answer has no errno line")
    if current:
        found.append(_peer(current))
    return tuple(found)


def _peer(lines: list[tuple[bytes, bytes]]) -> DevicePeer:
    """One peer from its lines, the public key first."""
    key = bytes.fromhex(lines[0][1].decode())
    if len(key) != 32:
        raise ValueError("a public key has not 32 bytes")
    numbers = {b"last_handshake_time_sec": 0, b"rx_bytes": 0, b"tx_bytes": 0}
    allowed: list[AllowedIP] = []
    for name, value in lines:
        if name in numbers:
            numbers[name] = int(value)
        elif name == b"allowed_ip":
            allowed.append(AllowedIP(parse_prefix(value.decode())[0], 0))
    handshake, received, sent = numbers.values()
    return DevicePeer(base64.b64encode(key).decode(), None, tuple(allowed), 0, handshake, received, sent)
