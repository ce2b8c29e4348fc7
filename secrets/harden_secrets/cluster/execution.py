"""Running a command in a container, over a WebSocket (the protocol ``v5.channel.k8s.io``, or v4).

Each message begins with a byte that says which stream it belongs to. The library's own client decodes the output as
text unless told otherwise, and waits for a connection without limit; so the protocol is spoken here.
"""

import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests.utils
import websocket

from harden_secrets.cluster.access import Access
from harden_secrets.cluster.port import ClusterError, ClusterUnavailableError, Executed
from harden_secrets.cluster.refusal import Answer, Wish, refusal

LARGEST = 64 * 1024 * 1024  # bytes of output
_STDOUT, _STDERR, _ERROR, _CLOSE = 1, 2, 3, 255
_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
_CONNECT = 10.0  # seconds


def execute(access: Access, path: str, command: Sequence[str], wish: Wish, seconds: float) -> Executed:
    """Run it and give its status and output. Raises ClusterError, also when ``seconds`` are over."""
    end = time.monotonic() + seconds
    try:
        stream = _connected(access, path, command, min(seconds, _CONNECT))
        try:
            streams = _read(stream, end, wish)
        finally:
            stream.shutdown()  # no farewell: the server has had its say, or its time is over
    except websocket.WebSocketBadStatusException as error:
        raise refusal(Answer(error.status_code, error.resp_body or b""), wish, f"context {access.context}") from None
    except websocket.WebSocketTimeoutException:
        raise _late(wish, seconds) from None
    except (websocket.WebSocketException, OSError) as error:
        raise ClusterUnavailableError(f"{wish.what}: the connection failed: {error}") from None
    if time.monotonic() >= end and _ERROR not in streams:
        raise _late(wish, seconds)
    return Executed(_status(streams, wish), bytes(streams.get(_STDOUT, b"")), bytes(streams.get(_STDERR, b"")))


def _late(wish: Wish, seconds: float) -> ClusterUnavailableError:
    return ClusterUnavailableError(f"{wish.what}: the command did not end within {seconds:g} seconds")


def _connected(access: Access, path: str, command: Sequence[str], seconds: float) -> Any:
    query = urlencode([("command", word) for word in command])
    url = f"ws{access.server.removeprefix('http')}{path}&{query}"
    tls: dict[str, Any] = {"context": access.tls}
    if access.server_name:
        tls["server_hostname"] = access.server_name
    stream: Any = websocket.WebSocket(sslopt=tls, skip_utf8_validation=True)
    headers = [f"{name}: {value}" for name, value in access.headers().items()]
    stream.connect(
        url, header=headers, subprotocols=_PROTOCOLS, timeout=seconds, suppress_origin=True, **_proxy(access)
    )
    return stream


def _proxy(access: Access) -> dict[str, Any]:
    if not access.proxy or requests.utils.should_bypass_proxies(access.server, access.no_proxy):
        return {"http_no_proxy": ["*"]}  # else the library looks at the environment by itself
    proxy = urlsplit(access.proxy)
    return {"http_proxy_host": proxy.hostname, "http_proxy_port": proxy.port, "proxy_type": proxy.scheme or "http"}


def _read(stream: Any, end: float, wish: Wish) -> dict[int, bytearray]:
    """What came on each stream until the server closed the connection."""
    streams: dict[int, bytearray] = {}
    size = 0
    while (left := end - time.monotonic()) > 0:
        stream.settimeout(left)
        try:
            opcode, message = stream.recv_data()
        except websocket.WebSocketConnectionClosedException:
            break
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            break
        size += len(message)
        if size > LARGEST:
            raise ClusterError(f"{wish.what}: the command printed more than {LARGEST} bytes")
        if message and message[0] != _CLOSE:
            streams.setdefault(message[0], bytearray()).extend(message[1:])
    return streams


def _status(streams: dict[int, bytearray], wish: Wish) -> int:
    """The exit status, from the Status object that the error stream ends with."""
    try:
        document = json.loads(streams.get(_ERROR, b""))
        if document["status"] == "Success":
            return 0
        causes = (document.get("details") or {}).get("causes") or ()
        if document.get("reason") == "NonZeroExitCode":
            return next(int(cause["message"]) for cause in causes if cause.get("reason") == "ExitCode")
    except (ValueError, KeyError, TypeError, StopIteration):
        raise ClusterUnavailableError(f"{wish.what}: the connection ended before the command did") from None
    raise ClusterError(f"{wish.what}: the command could not be run: {document.get('message')}")
