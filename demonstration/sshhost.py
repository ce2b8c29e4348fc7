"""A host to log in to, as whoever sets it up sees it. What runs on it: :mod:`demonstration.sshroom`."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from demonstration.sshroom import UID, has_uid
from harden.errors import HardenError

ADDRESS, PORT, USER = "127.0.0.1", 2222, "backup"
_KEYS = f"home/{USER}/.ssh/authorized_keys"
_PATIENCE = 20.0
_CONFIG = """\
Port {port}
ListenAddress {address}
HostKey {folder}/etc/host_key
PidFile none
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
"""


class SshHost:
    """The host, in a folder that is made; ``authorized`` is the line of the key that it lets in.

    ``host_key`` is the public half of its own key. It ends with the demonstration's namespace.
    """

    def __init__(self, folder: Path, authorized: str) -> None:
        self.folder = folder
        key = Ed25519PrivateKey.generate()
        self.host_key = key.public_key().public_bytes(*_PUBLIC).decode()
        private = key.private_bytes(serialization.Encoding.PEM, *_PRIVATE).decode()
        for path, content in _files(folder, authorized, private).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        (folder / "dev").mkdir()
        self._give_to_user()

    def start(self) -> None:
        """Returns when sshd listens. HardenError: it does not."""
        with (self.folder / "said").open("wb") as said:
            command = [sys.executable, "-m", "demonstration.sshroom", str(self.folder)]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        end = time.monotonic() + _PATIENCE
        while not _listens():
            if process.poll() is not None or time.monotonic() > end:
                raise HardenError(f"sshd does not start: {(self.folder / 'said').read_text().strip()}")
            time.sleep(0.05)

    @property
    def keys_file(self) -> Path:
        """The user's authorized_keys, as it is seen from outside."""
        return self.folder / _KEYS

    def _give_to_user(self) -> None:
        """Nobody but the user may read it, but for who is who; in a namespace of one user we are that one."""
        for path in (self.folder, *self.folder.rglob("*")):
            open_to_all = path.parent.name == "etc" and path.name in ("passwd", "group")
            path.chmod(0o700 if path.is_dir() else 0o644 if open_to_all else 0o600)
            if has_uid():
                os.chown(path, UID, UID)


_PUBLIC = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
_PRIVATE = serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()


def _files(folder: Path, authorized: str, private: str) -> dict[str, str]:
    return {
        "etc/passwd": f"root:x:0:0::/root:/bin/sh\n{USER}:x:{UID}:{UID}::/home/{USER}:/bin/sh\n",
        "etc/group": f"root:x:0:\n{USER}:x:{UID}:\n",
        "etc/host_key": private,
        "etc/sshd_config": _CONFIG.format(port=PORT, address=ADDRESS, folder=folder),
        "log/auth.log": "",
        _KEYS: f"{authorized}\n",
    }


def _listens() -> bool:
    try:
        with socket.create_connection((ADDRESS, PORT), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
