"""A session on a target that is held open, in which the program ``target.sh`` does what is asked of it."""

import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from harden.errors import HardenError
from harden_secrets.rotate.kinds.ssh.access import Access
from harden_secrets.rotate.kinds.ssh.speech import Speech, speech
from harden_secrets.rotate.kinds.ssh.verdict import Answer, Verdict
from harden_secrets.timelimit import limited

_SECONDS = 60
_MOST = 32 << 20  # of an answer


@dataclass(frozen=True, slots=True)
class Reply:
    """``word`` is ok, changed, or no; ``rest`` follows it on its line; ``body`` came before."""

    word: str
    rest: str
    body: bytes


class DeclinedError(Exception):
    """The target said no, and why."""


class Session:
    """One of :func:`opened`. Methods raise HardenError when it breaks, and DeclinedError when the target says no."""

    def __init__(self, access: Access, process: "subprocess.Popen[bytes]", said: Speech, sudo: bool) -> None:
        self._access = access
        self._process = process
        self._said = said
        self._sudo = sudo
        self._mark = secrets.token_hex(16).encode()
        self._received = b""
        self.source = ("", "")  # where the target sees us come from: address and port

    @property
    def verdict(self) -> Verdict:
        """What ssh has said up to now."""
        return self._access.verdict(self._said)

    def begin(self) -> None:
        """Send the program and wait until it answers."""
        reply = self._exchange(_program() + self._mark + b"\n")
        words = reply.rest.split()
        self.source = (words[0], words[1]) if len(words) >= 2 else ("", "")
        if self.verdict.answer is not Answer.LET_IN:
            raise self._access.failure(self.verdict)

    def ask(self, verb: str, *arguments: str, content: bytes = b"") -> Reply:
        """What the target answers. Arguments are one line each."""
        if any("\n" in argument for argument in arguments):
            raise ValueError("an argument is one line")
        lines = "".join(f"{line}\n" for line in (verb, *arguments)).encode()
        reply = self._exchange(lines + content)
        if reply.word == "no":
            raise DeclinedError(reply.body.decode("utf-8", "replace").strip() or f"{verb} failed")
        return reply

    def _exchange(self, request: bytes) -> Reply:
        began = time.monotonic()
        with limited(self._process, _SECONDS):
            self._send(request)
            reply = self._receive()
        if reply is None:
            raise self._broken(in_time=time.monotonic() - began < _SECONDS)
        return reply

    def _send(self, request: bytes) -> None:
        assert self._process.stdin is not None
        rest = memoryview(request)
        try:
            while rest:
                rest = rest[self._process.stdin.write(rest) or 0 :]
        except BrokenPipeError:
            pass  # the answer says why

    def _receive(self) -> Reply | None:
        assert self._process.stdout is not None
        begin = b"\n" + self._mark + b" "
        while (at := self._received.find(begin)) < 0 or (end := self._received.find(b"\n", at + len(begin))) < 0:
            more = self._process.stdout.read(1 << 16)
            if not more or len(self._received) > _MOST:
                return None
            self._received += more
        word, _, rest = self._received[at + len(begin) : end].decode("utf-8", "replace").partition(" ")
        body, self._received = self._received[:at], self._received[end + 1 :]
        return Reply(word, rest, body)

    def _broken(self, *, in_time: bool) -> HardenError:
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
        verdict, where = self.verdict, self._access.where
        if verdict.answer is not Answer.LET_IN:
            return self._access.failure(verdict)
        if self._sudo and "sudo:" in verdict.words:
            user = self._access.user
            hint = f"let {user} run sh as root without a password, in sudoers: {user} ALL=(root) NOPASSWD: ALL"
            return HardenError(f"{where}: {verdict.words}", hint)
        hint = (
            "is the login shell one that runs commands, and the key not bound to one? `login` names who edits the file"
        )
        ended = "the session ended" if in_time else f"no answer in {_SECONDS} seconds, given up"
        return HardenError(f"{where}: {ended}: {verdict.words}", hint)


@contextmanager
def opened(access: Access, *, sudo: bool = False) -> Iterator[Session]:
    """A session, held open for the block. Raises HardenError where there can be none."""
    with speech() as said, access.started([_command(sudo)], said) as process:
        session = Session(access, process, said, sudo)
        session.begin()
        yield session


def _command(sudo: bool) -> str:
    """Read by the user's own login shell, whichever that is: a line without a name or value in it.

    The shell that it starts reads the program byte by byte, so that what follows is left for the program.
    """
    read = f'eval "$(dd bs=1 count={len(_program())} 2>/dev/null)"'
    return f"exec {'sudo -n ' if sudo else ''}sh -c '{read}' sh \"$SSH_CONNECTION\""


@cache
def _program() -> bytes:
    return files(__package__).joinpath("target.sh").read_bytes()
