"""A server before a server that answers wrongly when it is told to: any status, an answer that gets lost, silence."""

import contextlib
import http.server
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import requests
from bao.devserver import DevServer

SPILT = "value-spilt-in-an-answer"


@dataclass
class Trouble:
    """One wrong answer. ``lost``: the request is done, its answer is not sent; ``cut``: not even that."""

    kind: Literal["status", "lost", "cut", "junk"] = "status"
    status: int = 503
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Troubled:
    """Where it listens, in clear; ``plan`` are the troubles to come; ``seen`` the methods and paths of requests.

    ``only`` is a part of the paths that troubles are for, others are left alone.
    """

    address: str
    plan: list[Trouble] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    only: str = "/v1/"

    def next_for(self, path: str) -> Trouble | None:
        return self.plan.pop(0) if self.plan and self.only in path else None


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, bao: DevServer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bao = bao
        self.made = Troubled(f"http://127.0.0.1:{self.server_address[1]}")


class Handler(http.server.BaseHTTPRequestHandler):
    server: "Server"
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.made.seen.append(f"{self.command} {self.path}")
        trouble = self.server.made.next_for(self.path)
        if trouble is None or trouble.kind == "lost":
            answer = self.forwarded(body)
            if trouble is None:
                self.answer(answer.status_code, answer.content, {})
                return
        if trouble.kind in ("lost", "cut"):
            self.reset()
        elif trouble.kind == "junk":
            self.answer(200, b"<html>a page</html>", {"Content-Type": "text/html"})
        else:
            text = f'{{"errors": ["{trouble.message or "said"} {SPILT}"], "data": {{"x": "{SPILT}"}}}}'
            self.answer(trouble.status, text.encode(), trouble.headers)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def forwarded(self, body: bytes) -> requests.Response:
        kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length", "connection")}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                self.command,
                self.server.bao.address + self.path,
                data=body,
                headers=kept,
                verify=str(self.server.bao.ca),
                timeout=30,
            )

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reset(self) -> None:
        """End the connection as a machine does that loses power."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        return

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()


@contextlib.contextmanager
def troubled(bao: DevServer) -> Iterator[Troubled]:
    """One that runs as long as the block does."""
    with Server(bao) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.made
        finally:
            server.shutdown()
