"""Where iptables is, and how its programs are run: argument lists, a time limit, no shell."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import IO

from harden.errors import HardenError
from wgfw.kernel.backend import Backend
from wgfw.kernel.namespace import entering

SECONDS = 120
_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")
_CAP_NET_ADMIN = 1 << 12


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended, and what it printed."""

    status: int
    output: str
    errors: str


class Running:
    """A program at work. What it prints goes to a file, so that nothing waits for us and we wait for it once."""

    def __init__(self, argv: tuple[str, ...], stdin: IO[bytes] | None = None) -> None:
        self.argv = argv
        self._output, self._errors = _memory_file(), _memory_file()
        try:
            self._process = subprocess.Popen(
                argv, stdin=stdin or subprocess.DEVNULL, stdout=self._output, stderr=self._errors, env=_environment()
            )
        except OSError as error:
            self._close()
            raise HardenError(f"{argv[0]} cannot be run: {error.strerror}") from error

    def finish(self, seconds: float = SECONDS) -> Finished:
        """Wait for its end. Raises HardenError when it does not come in time."""
        try:
            status = self._process.wait(seconds)
            return Finished(status, _content(self._output), _content(self._errors))
        except subprocess.TimeoutExpired as error:
            raise HardenError(f"{' '.join(self.argv)}: no answer within {seconds:g} seconds, given up") from error
        finally:
            self.cancel()

    def cancel(self) -> None:
        """End it if it still runs, and let its output go."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        self._output.close()
        self._errors.close()


def begin(argv: tuple[str, ...], text: str) -> Running:
    """Start a program. Its input is a file too, so that it gets all of it even if we are killed."""
    with _memory_file() as stdin:
        stdin.write(text.encode("utf-8", "surrogateescape"))
        stdin.seek(0)
        return Running(argv, stdin)


def run(argv: tuple[str, ...], seconds: float = SECONDS) -> Finished:
    """Run a program to its end."""
    return Running(argv).finish(seconds)


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one backend in one namespace: how each argument list begins."""

    backend: Backend
    netns: str | None
    begin: tuple[str, ...]
    found: dict[str, tuple[str, ...]]

    def command(self, family: int, action: str = "") -> tuple[str, ...]:
        """``iptables``, ``ip6tables-save``… as an argument list. Raises HardenError if it is missing."""
        name = f"ip{'6' if family == 6 else ''}tables{action}"
        if name not in self.found:
            raise HardenError(
                f"{name} for the {self.backend} backend is missing", "install it: `apt-get install iptables`"
            )
        return (*self.begin, *self.found[name])


def find_programs(backend: Backend, netns: str | None) -> Programs:
    """The programs of a backend: under their own names, in its multi-call binary, or as plain ``iptables``."""
    found: dict[str, tuple[str, ...]] = {}
    multi = _which(f"xtables-{backend}-multi")
    for base in ("iptables", "ip6tables"):
        plain = _plain_backend(base) == backend if not multi and not _which(f"{base}-{backend}") else False
        for action in ("", "-save", "-restore"):
            if path := _which(f"{base}-{backend}{action}"):
                found[base + action] = (path,)
            elif multi:
                found[base + action] = (multi, base + action)
            elif plain and (path := _which(base + action)):
                found[base + action] = (path,)
    return Programs(backend, netns, entering(netns), found)


def preferred_backend() -> Backend | None:
    """The backend that plain ``iptables`` of this host means, None where there is no iptables."""
    return _plain_backend("iptables")


def require_root() -> None:
    """Raises HardenError unless this process may administer the network.

    Asked before anything else: without that right ``iptables-legacy-save`` prints nothing and reports success.
    """
    with open("/proc/self/status", encoding="ascii") as status:
        match = re.search(r"^CapEff:\s*([0-9a-f]+)$", status.read(), re.MULTILINE)
    if match is None or not int(match[1], 16) & _CAP_NET_ADMIN:
        raise HardenError("reading and changing the kernel's rules needs root", "run it with sudo")


def _plain_backend(program: str) -> Backend | None:
    path = _which(program)
    if path is None:
        return None
    # before 1.8 there was only one, and it did not say which
    return "nft" if "nf_tables" in run((path, "--version"), seconds=10).output else "legacy"


def _which(name: str) -> str | None:
    return shutil.which(name, path=_search_path())


def _search_path() -> str:
    # cron and systemd units come without sbin, where iptables is
    return os.pathsep.join((os.environ.get("PATH", ""), *_FOLDERS))


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "PATH": _search_path()}


def _memory_file() -> IO[bytes]:
    # on no disk, which may be full
    return os.fdopen(os.memfd_create("harden"), "w+b")


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    # others' comments may hold any bytes, and what is put back must be what was there
    return file.read().decode("utf-8", "surrogateescape")
