"""A machine on which a tutorial is followed: files, processes and network of its own, and one shell as its reader has.

    with Sandbox(tmp_path) as sandbox:
        assert sandbox.type("harden --version").printed.startswith("harden")

Nothing of the machine's own is touched, and nothing is left: what is written lies over the folders of the machine, in
memory, and goes with the first process of the sandbox.
"""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

HARDEN = Path(sys.executable).with_name("harden")
_END = b"\x00end\n"
_SOURCED = '. "$block" < /dev/null'
# Its arguments are data: harden, and what is run in the end. The machine's own harden, where there is one, is hidden.
_ROOM = """
set -e
harden=$1
shift
mount -t proc none /proc
mount -t tmpfs -o mode=755 none /run
mkdir -p /run/own /run/sshd /run/lock /run/netns
for folder in etc opt root srv home var/lib var/log usr/local/bin; do
  [ -d "/$folder" ] || continue
  own=/run/own/$folder
  mkdir -p "$own/upper" "$own/work"
  mount -t overlay -o "lowerdir=/$folder,upperdir=$own/upper,workdir=$own/work" none "/$folder"
done
rm -rf /etc/harden /etc/wireguard /var/lib/harden /opt/harden /usr/local/bin/harden
rm -rf /root/.ssh /root/.vault-token /root/.kube
mkdir -p -m 700 /etc/wireguard /root/.ssh
mkdir -p /opt/harden/bin
ln -s "$harden" /opt/harden/bin/harden
ln -s /opt/harden/bin/harden /usr/local/bin/harden
mount -t tmpfs -o mode=755 none /srv
exec "$@"
"""
# The reader's shell. What ends with a status other than 0 is told to descriptor 3.
_SHELL = """
set -o errtrace
trap 'printf "%s %s\\n" "$?" "$BASH_COMMAND" >&3' ERR
cd /srv
while IFS= read -r block; do
  . "$block" < /dev/null
  printf '\\0end\\n'
done
"""


@dataclass(frozen=True)
class Answer:
    """What came of a block: what it printed, both streams as on a terminal, and what ended with a status but 0."""

    printed: str
    failures: tuple[str, ...]


class Sandbox:
    """``enter`` is an argument list that leads into the network to be in; else there is one with a loopback only."""

    def __init__(self, folder: Path, *, enter: Sequence[str] = (), settings: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._failures = folder / "failures"
        self._failures.touch()
        network = () if enter else ("--net",)
        argv = [
            *enter, "setpriv", "--pdeathsig", "KILL", "--",
            "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--propagation", "private", *network, "--",
            "sh", "-c", _ROOM, "sh", str(HARDEN),
            "bash", "--norc", "-c", f"exec 3>>'{self._failures}'\n{_SHELL}",
        ]  # fmt: skip
        environment = {
            "HOME": "/root",
            "USER": "root",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "160",
            "TZ": "UTC",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            **(settings or {}),
        }
        self._shell = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
        )
        self._blocks = 0
        self._pid: int | None = None
        if not enter:
            self.type("ip link set lo up")

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """All that runs in it ends."""
        self._shell.kill()
        for stream in (self._shell.stdin, self._shell.stdout):
            if stream is not None:
                stream.close()
        self._shell.wait(30)

    def type(self, text: str, timeout: float = 60) -> Answer:
        """Type this into the shell, and wait until it is done. Raises AssertionError if it does not end in time."""
        self._blocks += 1
        block = self._folder / f"block{self._blocks}"
        block.write_text(text)
        told = self._failures.stat().st_size
        assert self._shell.stdin is not None
        self._shell.stdin.write(f"{block}\n".encode())
        self._shell.stdin.flush()
        printed = self._read(text, timeout)
        failures = self._failures.read_text()[told:].splitlines()
        return Answer(printed, tuple(failure for failure in failures if not failure.endswith(_SOURCED)))

    def write(self, name: str, text: str) -> None:
        """Make a file of the sandbox; a relative name is one in the folder that the shell is in."""
        source = self._folder / f"file{self._blocks}"
        source.write_text(text)
        done = self.type(f"mkdir -p \"$(dirname '{name}')\" && cat '{source}' >'{name}'")
        assert done == Answer("", ())

    def read(self, name: str) -> str:
        """What a file of the sandbox says."""
        done = self.type(f"cat '{name}'")
        assert not done.failures, done.printed
        return done.printed

    def _read(self, text: str, timeout: float) -> str:
        assert self._shell.stdout is not None
        descriptor = self._shell.stdout.fileno()
        deadline = time.monotonic() + timeout
        printed = b""
        while not printed.endswith(_END):
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(descriptor, 65536) if ready else b""
            assert chunk, f"does not end, or has ended the shell:\n{text}\n{printed.decode(errors='replace')}"
            printed += chunk
        return re.sub(r"\x1b\[[0-9;]*m", "", printed.removesuffix(_END).decode(errors="replace"))
