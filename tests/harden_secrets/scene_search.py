"""Where a secret value must not be: arguments and variables of processes, logs, objects of git, files that stay."""

import base64
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from tests.harden_secrets.keys.programs import run

PAUSE = 0.01  # seconds between two looks at the processes
LOOKS = 6  # at each: when it begins it still has the arguments of who started it


def traces_of_git_crypt(key: bytes) -> list[bytes]:
    """A key file as it may stand somewhere: as it is, as text, and the two keys in it by themselves."""
    encryption, authentication = key[-112:-80], key[-68:-4]  # see git-crypt's key.cpp: entries 3 and 5, and the end
    return [part for one in (key, encryption, authentication) for part in _written(one)]


def traces_of_ssh(key: bytes) -> list[bytes]:
    """A private key file as it may stand somewhere: a line of it, all of it as text, and the secret number in it."""
    loaded = load_ssh_private_key(key, None)
    assert isinstance(loaded, Ed25519PrivateKey)
    return [key.split(b"\n")[3], *_written(key), *_written(loaded.private_bytes_raw())]


def _written(value: bytes) -> list[bytes]:
    return [value, value.hex().encode(), base64.b64encode(value)]


class Processes:
    """All that stood in the arguments and variables of this machine's processes, pods' too, while it looked."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._looks: dict[str, int] = {}

    def look(self) -> None:
        """At every process that it has not looked at often enough."""
        now = [path.name for path in Path("/proc").iterdir() if path.name.isdecimal()]
        self._looks = {pid: self._looks.get(pid, 0) + 1 for pid in now}
        for pid in now:
            if self._looks[pid] <= LOOKS:
                with contextlib.suppress(OSError):  # it has ended
                    self.seen |= {Path("/proc", pid, name).read_bytes() for name in ("cmdline", "environ")}


@contextlib.contextmanager
def watching_processes() -> Iterator[Processes]:
    """Look all the time while the block runs."""
    processes, ended = Processes(), threading.Event()

    def looking() -> None:
        while not ended.wait(PAUSE):
            processes.look()

    thread = threading.Thread(target=looking, daemon=True)
    thread.start()
    try:
        yield processes
    finally:
        ended.set()
        thread.join(30)


def git_objects(repository: Path) -> bytes:
    """Every object of a repository, unpacked, also those that nothing refers to."""
    return run("git", "-c", "safe.directory=*", "-C", repository, "cat-file", "--batch", "--batch-all-objects")


def files_below(folder: Path) -> bytes:
    """All files of a folder, one after the other."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())
