"""Looks over a program's shoulder: which of its processes have a value on their command line or in their environment.

It samples /proc (proc_pid_cmdline(5), proc_pid_environ(5)), as any user of the host could for the former. A process
that lives for less than a millisecond can be missed in one call; the same call comes often.
"""

import contextlib
import os
import threading
from collections.abc import Iterable
from pathlib import Path

from harden_secrets.confidential import Confidential
from harden_secrets.rotate.masking import forms_of

_INTERVAL_SECONDS = 0.001
_PROC = Path("/proc")


class Watch:
    """Watches the sessions that it is told of while its block lasts."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.looks = 0
        self._forms: set[bytes] = set()
        self._sessions: set[int] = set()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_reason: object) -> None:
        self._done.set()
        self._thread.join()

    def look_for(self, values: Iterable[Confidential]) -> None:
        """These too."""
        self._forms = self._forms | {form for value in values for form in forms_of(value.reveal())}

    def started(self, session: int) -> None:
        """A session that is to be watched from now on; those before it have ended."""
        self._sessions = {session}

    def _run(self) -> None:
        while not self._done.wait(_INTERVAL_SECONDS):
            for name in os.listdir(_PROC) if self._sessions else ():
                if name.isdigit():
                    with contextlib.suppress(OSError):
                        self._look(int(name))

    def _look(self, pid: int) -> None:
        if os.getsid(pid) not in self._sessions:
            return
        self.looks += 1
        for where, words in (("cmdline", "on the command line"), ("environ", "in the environment")):
            text = (_PROC / str(pid) / where).read_bytes()
            if any(form in text for form in self._forms):
                program = (_PROC / str(pid) / "comm").read_text(errors="replace").strip()
                self.seen.add(f"{words} of {program}")
