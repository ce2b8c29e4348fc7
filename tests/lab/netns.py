"""Network namespaces for one test each: made, entered and removed without touching the root namespace."""

import ctypes
import os
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

SYSCTLS = {
    "net.ipv4.ip_forward": "1",
    "net.ipv6.conf.all.forwarding": "1",
    "net.ipv6.conf.all.disable_ipv6": "0",
    "net.ipv6.conf.default.disable_ipv6": "0",
    "net.ipv6.conf.default.accept_dad": "0",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    # A refusal that a rate limit swallows looks like a silent drop.
    "net.ipv4.icmp_ratemask": "0",
    "net.ipv4.icmp_ratelimit": "0",
    "net.ipv6.icmp.ratelimit": "0",
    "net.ipv4.icmp_echo_ignore_broadcasts": "1",
}


class Netns:
    """A network namespace of its own, forwarding both families; ``close`` or leaving ``with`` removes it."""

    def __init__(self, prefix: str = "hlab") -> None:
        self.name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        subprocess.run(["ip", "netns", "add", self.name], check=True, capture_output=True, timeout=30)
        self.path = f"/run/netns/{self.name}"
        self.lock = f"/run/{self.name}.lock"
        try:
            self.run("ip", "link", "set", "lo", "up")
            self.call(lambda: _write_sysctls(SYSCTLS.items()))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Netns":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the namespace's name; the kernel frees it with the last descriptor inside."""
        Path(self.lock).unlink(missing_ok=True)
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True, timeout=30, check=False)

    def command(self, *argv: str) -> list[str]:
        """The argument list that runs ``argv`` inside."""
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(self, *argv: str, text: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a program inside, with ``text`` as its input.

        A lock file of the namespace's own keeps the tests of other namespaces from waiting for each other.
        Raises AssertionError with its stderr when it fails and ``check`` is set.
        """
        env = {**os.environ, "XTABLES_LOCKFILE": self.lock}
        done = subprocess.run(
            self.command(*argv), input=text, text=True, capture_output=True, timeout=60, check=False, env=env
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr}\n{done.stdout}")
        return done

    def call(self, function: Callable[[], T]) -> T:
        """The value of ``function``, called by a thread that is inside; sockets it opens stay inside."""
        result: list[T] = []
        failure: list[BaseException] = []

        def inside() -> None:
            try:
                enter(self.path)
                result.append(function())
            except BaseException as error:  # noqa: BLE001 - handed over to the calling thread
                failure.append(error)

        thread = threading.Thread(target=inside)
        thread.start()
        thread.join()
        if failure:
            raise failure[0]
        return result[0]


def enter(path: str) -> None:
    """Move the calling thread into the network namespace at ``path`` (setns(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")
    finally:
        os.close(descriptor)


def _write_sysctls(values: Iterable[tuple[str, str]]) -> None:
    """Set sysctls of the namespace that the calling thread is in."""
    for name, value in values:
        with open("/proc/sys/" + name.replace(".", "/"), "w") as file:
            file.write(value)
