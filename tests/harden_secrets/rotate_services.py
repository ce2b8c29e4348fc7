"""Two small services over HTTP, whose credentials the examples of docs/examples/rotate change."""

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def serving(is_good: Callable[[str], bool]) -> Iterator[str]:
    """A service that answers 200 to the ``Authorization`` that is good, else 401; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if is_good(self.headers.get("Authorization", "")) else 401)
            self.end_headers()

        def log_message(self, *_parts: object) -> None:
            """Not on the terminal of the suite."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def token_service(folder: Path) -> Callable[[str], bool]:
    """Takes each bearer token whose SHA-256 is the name of a file in the folder."""

    def is_good(authorization: str) -> bool:
        digest = hashlib.sha256(authorization.removeprefix("Bearer ").encode()).hexdigest()
        return (folder / digest).exists()

    return is_good


def password_service(file: Path, user: str) -> Callable[[str], bool]:
    """Takes the one password that the file holds."""

    def is_good(authorization: str) -> bool:
        wanted = base64.b64encode(user.encode() + b":" + file.read_bytes()).decode() if file.exists() else None
        return authorization == f"Basic {wanted}"

    return is_good
