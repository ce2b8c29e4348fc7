"""One call of a program: a document on its stdin, what it says on stdout and stderr, and its end in time.

The program leads a session of its own. When it has ended, or its time is over, or we are cut off ourselves, whatever is
left of its process group is killed: nothing that it has begun goes on behind our back.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO

from harden.document.wording import quote
from harden.errors import HardenError
from harden_secrets.rotate.environment import environment

MOST_ANSWER = 1024 * 1024
MOST_REMARKS = 64 * 1024
_PIECE = 64 * 1024
_LAST_SECONDS = 5  # what a killed process may take to be gone


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended. ``status`` is the exit status, or minus the number of the signal."""

    status: int
    stdout: bytes = field(repr=False)
    stderr: bytes = field(repr=False)
    seconds: float = 0.0


class TimeOverError(HardenError):
    """The program did not end in time, and was killed."""


def call(
    arguments: Sequence[str], question: bytes, seconds: float, started: Callable[[int], None] | None = None
) -> Ending:
    """Calls the program. ``started`` is told the number of its process, which is that of its session too.

    Raises TimeOverError after ``seconds``, and HardenError where it cannot be started or says more than 1 MiB.
    """
    began = time.monotonic()
    process = _start(arguments)
    try:
        if started is not None:
            started(process.pid)
        with _Talk(process, question) as talk:
            in_time = talk.until_end(began + seconds)
    finally:
        _end(process)
    if not in_time:
        raise TimeOverError(
            f"{quote(arguments[0])} did not end within {seconds:g} seconds and was killed",
            'give it more time with "timeout" in the inventory, if it needs that',
        )
    if len(talk.said) > MOST_ANSWER:
        raise HardenError(f"{quote(arguments[0])} wrote more than {MOST_ANSWER // 1024} KiB to its stdout")
    return Ending(process.returncode, bytes(talk.said), bytes(talk.remarked), time.monotonic() - began)


def _start(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            env=environment(),
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        hint = "it has to be there, be executable, and begin with #! where it is a script"
        raise HardenError(f"{quote(arguments[0])} cannot be started: {reason}", hint) from error


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the group, then reap its leader: till then no other process can have its number."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        process.wait(_LAST_SECONDS)
    except subprocess.TimeoutExpired:
        raise HardenError(
            "the program did not end in time and cannot be killed: it goes on as another user",
            "run harden as that user, or have the program end by itself: sudo timeout 60 …",
        ) from None


class _Talk:
    """The conversation, in one thread: stdin is fed and both outputs read as they come."""

    def __init__(self, process: subprocess.Popen[bytes], question: bytes) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.said = bytearray()
        self.remarked = bytearray()
        self._stdin, self._stdout, self._stderr = process.stdin, process.stdout, process.stderr
        self._left = memoryview(question)
        self._exit = os.pidfd_open(process.pid)
        self._waiting = selectors.DefaultSelector()

    def __enter__(self) -> "_Talk":
        for pipe in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(pipe.fileno(), False)
        self._waiting.register(self._exit, selectors.EVENT_READ, self._nothing)
        self._waiting.register(self._stdin, selectors.EVENT_WRITE, self._feed)
        self._waiting.register(self._stdout, selectors.EVENT_READ, lambda: self._read(self._stdout, self.said))
        self._waiting.register(self._stderr, selectors.EVENT_READ, lambda: self._read(self._stderr, self.remarked))
        return self

    def __exit__(self, *_reason: object) -> None:
        self._waiting.close()
        os.close(self._exit)
        for pipe in (self._stdin, self._stdout, self._stderr):
            pipe.close()

    def until_end(self, deadline: float) -> bool:
        """Whether the program ended by then. What it had written when it ended is read; its children may live on."""
        while (left := deadline - time.monotonic()) > 0 and len(self.said) <= MOST_ANSWER:
            ready = [key for key, _ in self._waiting.select(left)]
            ended = any(key.fd == self._exit for key in ready)
            for key in ready:
                key.data()
            if ended:
                self._drain()
                return True
        return len(self.said) > MOST_ANSWER

    def _feed(self) -> None:
        try:
            self._left = self._left[os.write(self._stdin.fileno(), self._left[:_PIECE]) :]
        except BrokenPipeError:
            self._left = self._left[:0]  # it need not read what it does not want to know
        if not self._left:
            self._waiting.unregister(self._stdin)
            self._stdin.close()

    def _read(self, pipe: IO[bytes], into: bytearray) -> bool:
        """Whether more may be there at once."""
        try:
            piece = os.read(pipe.fileno(), _PIECE)
        except BlockingIOError:
            return False
        if not piece:
            self._waiting.unregister(pipe)
            return False
        most = MOST_ANSWER + 1 if into is self.said else MOST_REMARKS
        into += piece[: most - len(into)]
        return True

    def _drain(self) -> None:
        open_pipes = {key.fd for key in self._waiting.get_map().values()}
        for pipe, into in ((self._stdout, self.said), (self._stderr, self.remarked)):
            while pipe.fileno() in open_pipes and len(into) <= MOST_ANSWER and self._read(pipe, into):
                pass

    @staticmethod
    def _nothing() -> None:
        """The end itself is looked for by its number."""
