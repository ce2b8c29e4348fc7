# Copyright: the harden authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""What ``harden secrets rotate --json`` tells while it works, and what it comes to for each secret.

It prints one object a line: ``secret``, ``event`` and what belongs to that event; docs/rotate-keys.md lists them. There
is no value in any of them.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Mapping, NamedTuple, Sequence

from ansible_collections.harden.toolkit.plugins.module_utils.command import DONE, Harden, RefusalError, Spoken

Event = Mapping[str, Any]

ROTATED, WAITING, ABANDONED, FAILED = "rotated", "waiting", "abandoned", "failed"
LISTS = {"rotated": ROTATED, "waiting": WAITING, "abandoned": ABANDONED, "failed_names": FAILED}  # of names, by result


class Told(NamedTuple):
    """What a run of ``rotate`` told: its exit status, its events in their order, and what it said on stderr."""

    status: int
    events: list[Event]
    spoken: Spoken

    @property
    def refusal(self) -> RefusalError | None:
        """Why not all went well; None if it did. Each failure has its secret's name in front."""
        if self.status == DONE:
            return None
        failures = [event for event in self.events if event["event"] == FAILED]
        messages = _once([*(_line(event) for event in failures), *self.spoken.errors])
        hints = _once([*(hint for event in failures for hint in event.get("hints", ())), *self.spoken.hints])
        return RefusalError(messages or self.spoken.other or [f"exit status {self.status}"], hints, self.status)


class Rotation(Harden):
    """``harden secrets rotate`` on this host."""

    def rotate(self, *arguments: str, named: Sequence[str] = ()) -> Told:
        """Runs it. Raises RefusalError where it cannot be run; what failed in it is in the answer."""
        done = self._run(self._argv(["secrets", "rotate", *arguments], named))
        stdout, stderr = (self.renamed(text.decode("utf-8", "replace")) for text in (done.stdout, done.stderr))
        return Told(done.returncode, parse_events(stdout), Spoken(stderr))


class SecretOutcome:
    """What became of one secret in a run, or in a dry run what would."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps: list[dict[str, Any]] = []  # those that were taken, or would be now
        self.later: list[dict[str, Any]] = []  # those that a dry run foresees for after a time
        self.words = ""
        self.result = ""

    def hear(self, event: Event, now: datetime) -> None:
        """One event more. ``now`` tells which steps of a dry run are for later."""
        kind = event["event"]
        if kind == "done":
            self.steps.append(_step(event))
        elif kind == "would":
            self._foresee(event, now)
        elif kind in _RESULTS and self.result != FAILED:  # of several targets one that failed is what counts
            self.words = event.get("words", "")
            self.result = _RESULTS[kind]
            if kind == "ended" and self.words.startswith("abandoned"):
                self.result = ABANDONED
        elif kind == "none":
            self.words = "no rotation is open"

    def as_result(self) -> dict[str, Any]:
        """For the answer of the module."""
        return {"name": self.name, "result": self.result or "none", "words": self.words, "steps": self.steps}

    def _foresee(self, event: Event, now: datetime) -> None:
        until = event.get("until") if event["phase"] == "overlap" else None
        if self.later or (until and _moment(until) > now):
            self.later.append(_step(event))
            self.result = WAITING
            self.words = self.later[0]["words"]
            return
        self.steps.append(_step(event))
        self.result = ABANDONED if event["phase"] == "withdraw" else self.result or ROTATED


def parse_events(text: str) -> list[Event]:
    """The objects of the lines. A line that is none, as of a run that was cut off in it, raises RefusalError."""
    events: list[Event] = []
    for line in text.splitlines():
        try:
            event = json.loads(line)
            if not isinstance(event, dict) or not {"secret", "event"} <= set(event):
                raise ValueError
        except ValueError:
            raise RefusalError(["rotate answers with something else than its events"], [_OTHER_RELEASE]) from None
        events.append(event)
    return events


def outcomes(events: Sequence[Event], now: datetime) -> list[SecretOutcome]:
    """What became of each secret of which something was told, in the order in which it was."""
    found: dict[str, SecretOutcome] = {}
    for event in events:
        found.setdefault(event["secret"], SecretOutcome(event["secret"])).hear(event, now)
    return list(found.values())


def summary(told: Told, now: datetime) -> dict[str, Any]:
    """The answer of a run: changed is what took a step, whether it went well to the end or not."""
    found = outcomes(told.events, now)
    return {
        "changed": any(one.steps for one in found),
        **{key: [one.name for one in found if one.result == result] for key, result in LISTS.items()},
        "secrets": [one.as_result() for one in found],
        "report": reports(told.events),
    }


def reports(events: Sequence[Event]) -> list[Event]:
    """What remains for a person to do after it, as the kinds of keys tell it."""
    return [
        {key: value for key, value in event.items() if key != "event"} for event in events if event["event"] == "report"
    ]


def diff(told: Sequence[SecretOutcome]) -> dict[str, str]:
    """The steps that would be taken now, one a line, and what would have to wait."""
    lines = [f"+ {one.name}: {step['words']}" for one in told for step in one.steps]
    lines += [f"  {one.name}: later: {step['words']}" for one in told for step in one.later]
    return {"prepared": "".join(f"{line}\n" for line in lines)}


_RESULTS = {"waiting": WAITING, "failed": FAILED, "ended": ROTATED}
_OTHER_RELEASE = "the collection and the installed harden may be of different releases"


def _step(event: Event) -> dict[str, Any]:
    return {key: event[key] for key in ("phase", "target", "words", "until") if key in event}


def _line(event: Event) -> str:
    where = f"{event['target']}: " if event.get("target") else ""
    name, words = f"{event['secret']}: ", str(event.get("words", ""))
    return words if words.startswith(name) else f"{name}{where}{words}"


def _moment(text: str) -> datetime:
    """ISO 8601; without an offset it is in UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _once(lines: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(lines))
