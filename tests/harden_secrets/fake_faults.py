"""What may happen around a call to a fake server."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from harden_secrets.cluster.port import ObjectName

WRITES = ("create", "replace", "patch", "delete")


class Killed(BaseException):
    """The process is no more; nothing of it runs on."""


@dataclass(frozen=True)
class Call:
    """What was asked of the server."""

    method: str
    name: ObjectName
    dry_run: bool = False

    @property
    def writes(self) -> bool:
        """Whether it would change something."""
        return self.method in WRITES and not self.dry_run


@dataclass(frozen=True)
class Fault:
    """Something that happens at the n-th of the calls that it is for."""

    number: int
    error: BaseException
    after: bool
    methods: Sequence[str]


class Surrounded(Protocol):
    """A server whose calls are noted and have hooks around them."""

    dead: bool
    calls: list[Call]
    before: list[Callable[[Call], None]]
    after: list[Callable[[Call], None]]


class Around:
    """What surrounds a call: it is noted, and the faults get their chance before and after it."""

    def __init__(self, server: Surrounded, call: Call) -> None:
        self._server, self._call = server, call

    def __enter__(self) -> None:
        if self._server.dead:
            raise Killed
        self._server.calls.append(self._call)
        for hook in list(self._server.before):
            hook(self._call)

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: object) -> None:
        if kind is None:
            for hook in list(self._server.after):
                hook(self._call)
