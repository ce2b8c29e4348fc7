"""A change to an ``authorized_keys`` file on a target, so that nobody else's change is lost."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from harden.errors import HardenError
from harden_secrets.rotate.kinds.ssh.session import DeclinedError, Session

_USUAL = ".ssh/authorized_keys"
_TRIES = 10
_LARGEST = 4 << 20
Edit = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Image:
    """The file as it was at one moment; ``digest`` is the target's own word for its content."""

    content: bytes
    digest: str


class KeysFile:
    """The file on one target, by way of a session there. Methods raise HardenError."""

    def __init__(self, session: Session, where: str, user: str, path: str) -> None:
        self._session = session
        self._where = where
        self.path = self._ask("locate", user, path or _USUAL)

    def read(self) -> bytes:
        """Its bytes."""
        return self._image().content

    def check(self) -> None:
        """Raises HardenError if it could not be changed. Changes nothing."""
        try:
            self._session.ask("able")
        except DeclinedError as refusal:
            raise self._failure("cannot be changed", refusal) from None

    def change(self, edit: Edit) -> bytes | None:
        """Make it what the edit makes of it, in one step; what it was before, or None if that is the same.

        Where somebody else has changed it meanwhile, the edit is made to what that has left.
        """
        for attempt in range(_TRIES):
            image = self._image()
            wanted = edit(image.content)
            if wanted == image.content:
                return None
            if self._store(wanted, image.digest):
                return image.content
            time.sleep(0.05 * attempt)
        raise HardenError(
            f"{self._where}: {self.path} was changed by another program each time that it was to be written",
            "it is as that program has left it; see what it is, then run it again",
        )

    def put_back(self, changed: bytes, before: bytes, undo: Edit) -> None:
        """What it was before a change, byte for byte; where somebody else has changed it since, the change undone."""
        self.change(lambda now: before if now == changed else undo(now))

    def _image(self) -> Image:
        for _ in range(_TRIES):
            try:
                reply = self._session.ask("fetch")
            except DeclinedError as refusal:
                raise self._failure("cannot be read", refusal) from None
            if reply.word == "ok":
                return Image(reply.body, reply.rest)
        raise HardenError(f"{self._where}: {self.path} changes while it is read, again and again")

    def _store(self, content: bytes, digest: str) -> bool:
        if len(content) > _LARGEST:
            raise HardenError(f"{self._where}: {self.path} is larger than {_LARGEST >> 20} MiB")
        try:
            return self._session.ask("store", digest, str(len(content)), content=content).word == "ok"
        except DeclinedError as refusal:
            raise self._failure("cannot be written, and is as it was", refusal) from None

    def _ask(self, verb: str, *arguments: str) -> str:
        try:
            return self._session.ask(verb, *arguments).rest
        except DeclinedError as refusal:
            raise self._failure("cannot be found", refusal, arguments[-1]) from None

    def _failure(self, what: str, refusal: DeclinedError, path: str = "") -> HardenError:
        reason = str(refusal)
        hints = []
        if "symbolic link" in reason:
            hints.append("name the file itself: `authorized_keys: /…` at the target in the inventory")
        elif "ermission denied" in reason or "owner, mode" in reason:
            hints.append("say who may change it: `login` and `sudo: true` at the target in the inventory")
        elif "No space" in reason:
            hints.append("make room on the target's disk, then run it again")
        elif "there is no " in reason:
            hints.append("say which file it is: `authorized_keys` at the target in the inventory")
        return HardenError(f"{self._where}: {path or self.path} {what}: {reason}", hints)
