"""The command harden, which stands still at one place of a rotation until somebody lets it go on.

    python halted_rotation.py FILE WHERE SKEW secrets rotate NAME

WHERE is a phase ("install": before the first of its units) or a change of the cluster ("patch Deployment": before the
first of those; with a star: before every one); empty for nowhere. FILE is made there, with the process's number, and
waited for to be gone. The clock that this process reads is SKEW seconds ahead of the machine's; programs that it starts
read the machine's own, and its lock lasts for 4 s then. It tries a server that does not answer as often as ever, but in
quick succession.
"""

import datetime as clock
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def skewed(seconds: float) -> None:
    """Let this process believe in another time; to be called before anything else is imported."""
    right, real = time.time, clock.datetime

    class Skewed(real):  # type: ignore[valid-type, misc]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.fromtimestamp(right() + seconds, tz)

    time.time = lambda: right() + seconds
    clock.datetime = Skewed  # type: ignore[misc]


class Halt:
    """The place where it stands still."""

    def __init__(self, file: Path, where: str) -> None:
        self._file, self._where = file, where
        self._guard = threading.Lock()  # whoever else comes there meanwhile waits too

    def at(self, place: str) -> None:
        """Stands still if this is the place."""
        with self._guard:
            if place != self._where.rstrip("*"):
                return
            if place == self._where:
                self._where = ""
            beside = self._file.with_suffix(".new")
            beside.write_text(str(os.getpid()))
            beside.rename(self._file)
            while self._file.exists():
                time.sleep(0.01)

    def before(self, call: Callable[..., Any], place: Callable[..., str]) -> Callable[..., Any]:
        """The same call, with this before it."""

        def surrounded(*args: Any, **options: Any) -> Any:
            if not options.get("dry_run"):
                self.at(place(*args))
            return call(*args, **options)

        return surrounded


def main() -> None:
    """Run it."""
    halt = Halt(Path(sys.argv.pop(1)), sys.argv.pop(1))
    skew = float(sys.argv.pop(1))
    if skew:
        skewed(skew)
    from harden import cli  # noqa: PLC0415 - after the clock was changed
    from harden_secrets.cluster import lease, transport  # noqa: PLC0415
    from harden_secrets.cluster.client import KubernetesCluster  # noqa: PLC0415
    from harden_secrets.cluster.port import ObjectName  # noqa: PLC0415
    from harden_secrets.rotate.steps import Steps  # noqa: PLC0415
    from harden_secrets.vault.connection import Connection, Patience  # noqa: PLC0415

    if skew:
        made = lease.Surroundings.__init__
        made.__defaults__ = (*(made.__defaults__ or ())[:-1], 4.0)
    transport.LONGEST_WAIT = 0.05
    Connection.__init__.__defaults__ = (Patience(first_pause=0.01, longest_pause=0.01), time.sleep)

    take: Any = halt.before(Steps.take, lambda _steps, _rotation, _pair, unit: str(unit.phase))
    Steps.take = take  # type: ignore[method-assign]
    for method in ("create", "replace", "patch"):

        def place(_cluster: Any, given: Any, *_: Any, method: str = method) -> str:
            return f"{method} {given.kind if isinstance(given, ObjectName) else given['kind']}"

        setattr(KubernetesCluster, method, halt.before(getattr(KubernetesCluster, method), place))
    cli.main()


if __name__ == "__main__":
    main()
