"""The example program for deploy keys, against a forge: an API that keeps keys, and a real git behind a real sshd."""

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from lab.doorway import doorway

from tests.harden_secrets.sshd_lab import SshdLab
from tests.harden_secrets.sshd_target import SshdTarget

pytestmark = pytest.mark.kernel

PROGRAM = Path(__file__).parents[2] / "docs" / "examples" / "rotate" / "deploy_key.py"
TOKEN = "token-of-the-tests"


class Forge:
    """Keeps deploy keys as Gitea's API does; its host lets in whoever has one of them."""

    def __init__(self, host: SshdTarget) -> None:
        self.keys: dict[int, str] = {}
        self._host, self._last = host, 0
        self._guard = threading.Lock()
        host.authorize()

    def add(self, key: str) -> int:
        with self._guard:
            if key in self.keys.values():
                return 422  # a key has one place, as at a real forge
            self._last += 1
            self.keys[self._last] = key
            self._host.authorize(*self.keys.values())
            return 201

    def remove(self, number: int) -> int:
        with self._guard:
            gone = self.keys.pop(number, None)
            self._host.authorize(*self.keys.values())
            return 404 if gone is None else 204

    def listed(self) -> bytes:
        return json.dumps([{"id": number, "key": key} for number, key in self.keys.items()]).encode()


@contextlib.contextmanager
def serving(forge: Forge) -> Iterator[int]:
    """The API; its port on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, forge.listed())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._answer(forge.add(body["key"]))

        def do_DELETE(self) -> None:
            self._answer(forge.remove(int(self.path.rpartition("/")[2])))

        def _answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status if self.headers.get("Authorization") == f"token {TOKEN}" else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_parts: object) -> None:
            """Not on the terminal of the suite."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_example_for_deploy_keys_keeps_to_the_protocol(tmp_path: Path) -> None:
    """Made, installed, used by git, taken out and refused; killed in the middle; nothing is left at the forge."""
    with SshdLab(tmp_path) as lab:
        host = lab.host()
        repository = host.folder / "srv" / "app" / "site.git"
        lab.hub.run("git", "init", "--quiet", "--bare", str(repository))
        tree = lab.hub.run("git", "-C", str(repository), "hash-object", "-t", "tree", "-w", "/dev/null").stdout.strip()
        who = ("-c", "user.name=Dana", "-c", "user.email=dana@example.org")
        commit = lab.hub.run("git", "-C", str(repository), *who, "commit-tree", "-m", "Begin", tree).stdout.strip()
        lab.hub.run("git", "-C", str(repository), "update-ref", "refs/heads/main", commit)
        lab.hub.run("chown", "-R", "61001:61001", str(repository))
        (tmp_path / "token").write_text(f"{TOKEN}\n")
        (tmp_path / "hosts").write_text(f"{host.address} {host.host_key}\n")
        forge = Forge(host)
        with serving(forge) as port, doorway(lab.hub, port):
            program = [str(PROGRAM), f"http://127.0.0.1:{port}", str(tmp_path / "token")]
            program += [f"ssh://app@{host.address}/srv/app/site.git", str(tmp_path / "hosts")]
            harden = [sys.executable, "-c", "from harden.cli import main; main()", "secrets", "conform", "--json", "--"]
            done = subprocess.run(
                lab.command(*harden, *program), capture_output=True, text=True, timeout=200, check=False
            )
        answer = json.loads(done.stdout or "{}")
        broken = [one for one in answer.get("requirements", []) if one["kept"] is False]
        assert (done.returncode, broken) == (0, []), done.stderr
        assert answer["conforms"] is True
        assert len(forge.keys) <= 1
