"""How the secrets fare, for Prometheus: the text exposition format, version 0.0.4, for node_exporter's textfile
collector. No value is in it, nor what a failure said.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from harden.printable import printable
from harden_secrets.rotate.status import SecretStatus
from harden_secrets.rotate.statuswords import reached

CHECKED = "harden_secrets_status_timestamp_seconds"


@dataclass(frozen=True, slots=True)
class Metric:
    """A gauge with one sample a secret; none where ``value`` says None."""

    name: str
    text: str
    value: Callable[[SecretStatus], float | None]


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


METRICS = (
    Metric("harden_secret_version", "Version in Vault, 0 where nothing is stored", lambda one: one.version),
    Metric("harden_secret_created_timestamp_seconds", "When that version was made", lambda one: _seconds(one.created)),
    Metric(
        "harden_secret_due_timestamp_seconds",
        "When its rotation is due",
        lambda one: _seconds(one.standing.due_at if one.standing is not None else None),
    ),
    Metric(
        "harden_secret_overdue_timestamp_seconds",
        "When it is overdue",
        lambda one: _seconds(one.standing.overdue_at if one.standing is not None else None),
    ),
    Metric(
        "harden_secret_next_run_timestamp_seconds",
        "When there is something to do next",
        lambda one: _seconds(one.next_run),
    ),
    Metric(
        "harden_secret_overdue", "Whether a whole window has gone by without its rotation", lambda one: one.is_overdue
    ),
    Metric("harden_secret_stuck", "Whether its rotation cannot go on by itself", lambda one: one.is_stuck),
    Metric("harden_secret_rotation_open", "Whether a rotation is under way", lambda one: one.open_rotation is not None),
    Metric(
        "harden_secret_rotation_began_timestamp_seconds",
        "When the rotation under way began",
        lambda one: _seconds(one.open_rotation.began if one.open_rotation is not None else None),
    ),
    Metric(
        "harden_secret_rotation_failures",
        "How often what is in the way of the rotation under way has failed in a row",
        lambda one: (
            sum(each.times for each in one.open_rotation.failures.values() if not each.delays)
            if one.open_rotation is not None
            else 0
        ),
    ),
    Metric(
        "harden_secret_last_success_timestamp_seconds",
        "When its last rotation was done, if no other has begun since",
        lambda one: _seconds(one.last_success),
    ),
)
PHASE = "harden_secret_rotation_phase"


def prometheus(statuses: Sequence[SecretStatus], now: datetime) -> str:
    """All metrics of all secrets."""
    return "".join(f"{line}\n" for line in _lines(statuses, now))


def _lines(statuses: Sequence[SecretStatus], now: datetime) -> Iterator[str]:
    yield from _head(CHECKED, "When this was looked at")
    yield f"{CHECKED} {_number(now.timestamp())}"
    for metric in METRICS:
        yield from _head(metric.name, metric.text)
        for status in statuses:
            value = metric.value(status)
            if value is not None:
                yield f"{metric.name}{_labels(status)} {_number(value)}"
    yield from _head(PHASE, "1 for the phase that the rotation under way has reached")
    for status in statuses:
        if status.open_rotation is not None:
            yield f"{PHASE}{_labels(status, phase=str(reached(status.open_rotation)))} 1"


def _head(name: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} gauge"


def _labels(status: SecretStatus, **more: str) -> str:
    entry = status.entry
    labels = {"secret": entry.name, "kind": str(entry.kind), "path": entry.path, **more}
    return "{" + ",".join(f'{name}="{_escaped(printable(value))}"' for name, value in labels.items()) + "}"


def _number(value: float) -> str:
    return str(int(value))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')  # there is no line break left in it
