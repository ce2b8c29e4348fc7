"""An HTTP server that answers as a test says: for the faults that a real API server does not show on demand."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

KINDS = {"resources": [{"name": "secrets", "kind": "Secret", "namespaced": True, "verbs": ["get", "list"]}]}
CUT = 0  # as a status: the connection is closed without an answer


@dataclass
class Answer:
    """One answer: a status, a document, headers."""

    status: int = 200
    document: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Scripted:
    """``answers`` are given in turn, the last one again and again; ``asked`` is what was asked for."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    def next(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def kubeconfig(self, folder: Path, token: str = "nothing-to-hide", **user: Any) -> Path:
        """A kubeconfig that leads here."""
        path = folder / "kubeconfig"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "scripted",
            "contexts": [{"name": "scripted", "context": {"cluster": "c", "user": "u", "namespace": "here"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": user or {"token": token}}],
        }
        path.write_text(yaml.safe_dump(config))
        return path


def status(code: int, message: str = "", reason: str = "", **details: Any) -> Answer:
    """A Status object, as the server's refusals are."""
    document = {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "details": details}
    return Answer(code, document)


@contextmanager
def scripted_server() -> Iterator[Scripted]:
    """The server runs while the block does. What asks for kinds gets `KINDS`, unless the answers say otherwise."""
    script = Scripted()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            script.tokens.append(self.headers.get("Authorization", ""))
            if self.path == "/api/v1":
                self.send(Answer(document=KINDS))
                return
            script.asked.append((self.command, self.path, body))
            answer = script.next()
            if answer.status == CUT:
                self.close_connection = True
                self.connection.close()
                return
            self.send(answer)

        def send(self, answer: Answer) -> None:
            content = answer.document if isinstance(answer.document, bytes) else json.dumps(answer.document).encode()
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the names that the base class wants

        def log_message(self, *_args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
