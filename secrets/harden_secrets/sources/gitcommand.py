"""How git is run: an argument list, no environment or configuration that could make it run something else."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO

from harden.errors import HardenError
from harden_secrets.missingprogram import not_run
from harden_secrets.timelimit import limited

SECONDS = 600
# What a repository's own configuration could have git start, fetch or verify while it only reads.
_HARMLESS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "log.showSignature=false",
    "protocol.allow=never",
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
)


_REMEDIES = {  # strerror(3), as git prints it
    "Read-only file system": "mount it so that it can be written, then run this again",
    "No space left on device": "make room there, then run this again",
    "Permission denied": "let this user write there, or run this as the repository's owner",
}


class Repository:
    """A git repository: bare or not, a worktree, a submodule, a folder in any of these.

    Raises HardenError, from any call, with git's own words if it is none or cannot be read.
    """

    def __init__(
        self, path: str, *, environment: Mapping[str, str] | None = None, settings: Sequence[str] = ()
    ) -> None:
        """``environment``: variables for git beside the usual ones; ``settings``: ``name=value``, which win."""
        self.path = path
        self._variables = dict(environment or {})
        self._settings = (*_HARMLESS, *settings)

    def run(self, *arguments: str, stdin: bytes = b"", seconds: float = SECONDS) -> bytes:
        """What git prints."""
        done = self.attempt(*arguments, stdin=stdin, seconds=seconds)
        if done.returncode:
            raise self.failed(arguments[0], done.stderr)
        return done.stdout

    def attempt(
        self, *arguments: str, stdin: bytes = b"", seconds: float = SECONDS
    ) -> "subprocess.CompletedProcess[bytes]":
        """How git ended, and what it said, for those to whom its refusal is an answer."""
        try:
            argv = self._argv(arguments)
            return subprocess.run(
                argv, input=stdin, capture_output=True, check=False, timeout=seconds, env=self._environment()
            )
        except subprocess.TimeoutExpired as error:
            raise HardenError(f"{self.path}: git {arguments[0]}: no answer in {seconds:g} seconds, given up") from error
        except OSError as error:
            raise not_run("git", "git", error) from error

    @contextmanager
    def running(self, *arguments: str, seconds: float = SECONDS) -> Iterator[Callable[[], bytes]]:
        """Starts git and goes on; what is given waits for its end and returns what it printed."""
        with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    self._argv(arguments),
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=errors,
                    env=self._environment(),
                )
            except OSError as error:
                raise not_run("git", "git", error) from error

            def finish() -> bytes:
                with limited(process, seconds):
                    status = process.wait()
                for file in (printed, errors):
                    file.seek(0)
                if status:
                    raise self.failed(arguments[0], errors.read())
                return printed.read()

            try:
                yield finish
            finally:
                process.kill()
                process.wait()

    def start(
        self,
        *arguments: str,
        stdin: IO[bytes] | int = subprocess.PIPE,
        stderr: IO[bytes] | int = subprocess.DEVNULL,
    ) -> "subprocess.Popen[bytes]":
        """A git that one talks to. Its end is the caller's matter."""
        argv, pipe = self._argv(arguments), subprocess.PIPE
        try:
            return subprocess.Popen(
                argv, stdin=stdin, stdout=pipe, stderr=stderr, env=self._environment(), bufsize=1 << 18
            )
        except OSError as error:
            raise not_run("git", "git", error) from error

    def failed(self, command: str, stderr: bytes) -> HardenError:
        """What to say of a git that failed."""
        words = stderr.decode("utf-8", "replace").strip()
        line = words.splitlines()[0] if words else "failed without a word"
        if "dubious ownership" in line:
            hint = f"`git config --global --add safe.directory {self.path}` says that you trust it, or run as its owner"
            return HardenError(f"{self.path}: the repository belongs to another user, so git does not read it", hint)
        if "not a git repository" in line:
            return HardenError(f"{self.path}: not a git repository", "`harden secrets scan PATH` looks at plain files")
        hint = next((remedy for said, remedy in _REMEDIES.items() if said in words), "`git fsck` says more")
        return HardenError(f"{self.path}: git {command}: {line.removeprefix('fatal: ')}", hint)

    def _argv(self, arguments: tuple[str, ...]) -> list[str]:
        settings = [part for setting in self._settings for part in ("-c", setting)]
        return ["git", "--no-pager", "--no-replace-objects", *settings, "-C", self.path, *arguments]

    def _environment(self) -> dict[str, str]:
        return scrubbed_environment() | self._variables


def scrubbed_environment() -> dict[str, str]:
    """The environment without what would turn git to another repository, configuration or program."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    nothing = {"GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
    return kept | nothing | {"LC_ALL": "C", "GIT_CONFIG_COUNT": "0"}
