"""What a run of ansible-playbook came to: its recap and what became of each task, as values."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

_COUNT = re.compile(r"(\w+)=(\d+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Recap:
    """One host's line at the end."""

    ok: int = 0
    changed: int = 0
    unreachable: int = 0
    failed: int = 0
    skipped: int = 0
    rescued: int = 0
    ignored: int = 0


@dataclass(frozen=True)
class TaskOutcome:
    """What became of a task on a host; ``outcome`` is ok, failed, ignored, unreachable or skipped."""

    host: str
    task: str
    action: str
    outcome: str
    result: Mapping[str, Any]

    @property
    def changed(self) -> bool:
        """Whether it says that it has changed something."""
        return bool(self.result.get("changed"))


@dataclass(frozen=True)
class Run:
    """A run that has ended."""

    status: int
    stdout: str
    stderr: str
    seconds: float
    tasks: tuple[TaskOutcome, ...]

    @property
    def output(self) -> str:
        """All that was printed."""
        return self.stdout + self.stderr

    @property
    def recap(self) -> Mapping[str, Recap]:
        """By the name of the host."""
        return parse_recap(self.stdout)

    def of(self, action: str, host: str | None = None) -> list[TaskOutcome]:
        """What became of a module's tasks, by its full name, in the order in which they ended."""
        return [task for task in self.tasks if task.action == action and host in (None, task.host)]

    def result(self, action: str, host: str) -> Mapping[str, Any]:
        """What the only task of that module, on that host, has returned."""
        (task,) = self.of(action, host)
        return task.result

    def succeed(self) -> "Run":
        """Itself. Raises AssertionError with all that was printed if it has failed."""
        assert self.status == 0, self.output
        return self

    def fail(self) -> "Run":
        """Itself. Raises AssertionError with all that was printed if it has not failed."""
        assert self.status != 0, self.output
        return self


def parse_recap(stdout: str) -> Mapping[str, Recap]:
    """The lines under ``PLAY RECAP``; nothing where there is none, as after a run that was killed."""
    _, _, lines = _COLOUR.sub("", stdout).rpartition("\nPLAY RECAP ")
    known = {field.name for field in fields(Recap)}
    found = {}
    for line in lines.splitlines()[1:]:
        host, colon, counts = line.partition(" : ")
        if colon:
            found[host.strip()] = Recap(**{name: int(n) for name, n in _COUNT.findall(counts) if name in known})
    return found


def parse_record(text: str) -> tuple[TaskOutcome, ...]:
    """What the callback has written; a line that a kill has cut off is left out."""
    return tuple(TaskOutcome(**json.loads(line)) for line in text.splitlines(keepends=True) if line.endswith("\n"))
