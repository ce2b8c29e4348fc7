"""A real OpenBao for tests: in memory, with TLS, gone when the test run is, by whatever means that ends.

Works in a network namespace with nothing but its loopback, too.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hvac

from harden_secrets.confidential import Confidential
from harden_secrets.vault.auth.token import TokenLogin
from harden_secrets.vault.connection import Connection, Patience
from harden_secrets.vault.kv import KeyValue
from harden_secrets.vault.server import binary
from harden_secrets.vault.session import Session
from harden_secrets.vault.transport import client

ROOT_TOKEN = "root-of-the-tests"
NAME = "localhost.localdomain"  # stands in its certificate, so pods can be told to know it by that name
START_SECONDS = 30.0
_UNSEAL_KEY = re.compile(r"^Unseal Key: (\S+)$", re.MULTILINE)
QUICK = Patience(attempts=3, seconds=5, first_pause=0.01, longest_pause=0.05)


@dataclass(frozen=True)
class DevServer:
    """Where it is and how to get in. Its KV version 2 store is mounted at ``secret``."""

    address: str
    ca: Path
    root_token: str = ROOT_TOKEN

    def root(self) -> hvac.Client:
        """hvac as root: for policies, mounts and auth methods that a test wants."""
        made = hvac.Client(url=self.address, token=self.root_token, verify=str(self.ca))
        made.session.trust_env = False
        return made

    def vault(self, mount: str = "secret", token: str = ROOT_TOKEN) -> KeyValue:
        """Our own adapter with a token."""
        login = TokenLogin(Confidential(token.encode()))
        session = Session(client(self.address, ca=self.ca, environment=False), login)
        return KeyValue(Connection(session, QUICK), mount)

    def token(self, policy: str, ttl: str = "1h", *, renewable: bool = True) -> str:
        """A new token of a policy that is already there."""
        made = self.root().auth.token.create(policies=[policy], ttl=ttl, renewable=renewable)
        return str(made["auth"]["client_token"])

    def seal(self) -> None:
        """From now on it answers nobody, until :meth:`unseal`."""
        assert self.unseal_key, "who seals it has to be able to unseal it"
        self.root().sys.seal()

    def unseal(self) -> None:
        """As somebody does who has the key."""
        self.root().sys.submit_unseal_key(self.unseal_key)

    @property
    def unseal_key(self) -> str:
        """What it prints soon after it has begun to serve."""
        deadline = time.monotonic() + START_SECONDS
        while (found := _UNSEAL_KEY.search((self.ca.parent / "log").read_text())) is None:
            assert time.monotonic() < deadline, "OpenBao does not say its unseal key"
            time.sleep(0.02)
        return found[1]


@contextlib.contextmanager
def dev_server(*, audited: bool = False) -> Iterator[DevServer]:
    """A server that runs as long as the block does. ``audited``: requests are noted in ``audit.log`` beside ``ca``."""
    with tempfile.TemporaryDirectory(prefix="harden-bao-") as folder:
        port = free_port()
        process = start(Path(folder), port, *(_audit(Path(folder)) if audited else ()))
        try:
            server = DevServer(f"https://127.0.0.1:{port}", Path(folder, "vault-ca.pem"))
            wait(server, process, Path(folder, "log"))
            yield server
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait(10)


def free_port() -> int:
    """A port on loopback that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _audit(folder: Path) -> list[str]:
    """The options for a file as audit device: what it notes is all of a request and its answer, values as HMACs."""
    config = folder / "audit.hcl"
    config.write_text(f'audit "file" "file" {{\n  options {{\n    file_path = "{folder}/audit.log"\n  }}\n}}\n')
    return [f"-config={config}"]


def start(folder: Path, port: int, *more: str) -> "subprocess.Popen[bytes]":
    """The program in development mode, tied to our life by the kernel (PR_SET_PDEATHSIG)."""
    options = [
        "-dev", "-dev-tls", f"-dev-tls-cert-dir={folder}", f"-dev-root-token-id={ROOT_TOKEN}", "-dev-no-store-token",
        f"-dev-listen-address=127.0.0.1:{port}", *more,
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", str(binary.find()), "server", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(folder)},
        )


def wait(server: DevServer, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until it serves requests."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        with contextlib.suppress(Exception):
            if server.ca.exists() and server.root().secrets.kv.v2.read_configuration():
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"OpenBao does not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
