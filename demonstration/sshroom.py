"""``python -m demonstration.sshroom FOLDER``: a host with a real sshd(8), until somebody ends it.

Its users, home folder, log and /dev are those in the folder, in a mount namespace of its own, and what is said at
/dev/log goes to its log as a syslog daemon would have it. Without root there is one user in the demonstration's
namespace, and setgroups(2) is forbidden (user_namespaces(7)): sshd could become nobody else. So it runs as the user
that is logged in to, as anybody may run one: under a uid of its own, or else in one more user namespace.
"""

import re
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from demonstration import sandbox

UID = 61001  # nobody's: 60000 to 64999 are given out by Debian's base-passwd on demand, from the beginning
LOG = Path("/var/log/auth.log")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_OVER = {"etc/passwd": "/etc/passwd", "etc/group": "/etc/group", "home": "/home", "log": "/var/log", "dev": "/dev"}
_MESSAGE = re.compile(rb"<\d+>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (.*)", re.DOTALL)  # RFC 3164, 4.1


def has_uid() -> bool:
    """Whether our user namespace has that uid."""
    ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(int(first) <= UID < int(first) + int(count) for first, _, count in ranges)


def as_user(command: list[str]) -> list[str]:
    """The argument list that runs a program as the user."""
    if has_uid():
        return ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", *command]
    return ["unshare", "--user", f"--map-user={UID}", f"--map-group={UID}", *command]


def move_in(folder: Path) -> None:
    """Lay the host's own files over ours, where only it sees them."""
    sandbox.leave_mounts()
    for name in _DEVICES:
        (folder / "dev" / name).touch()
        sandbox.bind(Path("/dev", name), folder / "dev" / name)
    for name, where in _OVER.items():
        sandbox.bind(folder / name, Path(where))


def main(folder: Path) -> None:
    """Start sshd, and write down what it logs."""
    sshd = shutil.which("sshd") or "sshd"
    move_in(folder)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as said:
        said.bind("/dev/log")
        Path("/dev/log").chmod(0o666)
        with subprocess.Popen(as_user([sshd, "-D", "-f", str(folder / "etc/sshd_config")])):
            while True:
                if match := _MESSAGE.match(said.recv(1 << 16)):
                    with LOG.open("ab") as log:
                        log.write(f"{datetime.now(UTC).isoformat()} nas ".encode() + match[1] + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
