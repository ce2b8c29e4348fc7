"""``harden secrets status``."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Literal

from dateutil import tz

from harden.errors import ANSWER_IS_NO, HardenError
from harden.output import Cell, Column, Output, Tone
from harden_secrets.commands.chosen import chosen
from harden_secrets.commands.workplace import Workplace
from harden_secrets.inventory.model import SecretEntry, SecretKind
from harden_secrets.rotate.atwork import at_work
from harden_secrets.rotate.metrics import prometheus
from harden_secrets.rotate.status import Condition, Found, SecretStatus, status_of
from harden_secrets.rotate.statusdocument import document
from harden_secrets.rotate.statuswords import age_text, at, when, words
from harden_secrets.rotate.store import Store
from harden_secrets.rotate.values import Rotation
from harden_secrets.vault.port import Vault, VaultError

Form = Literal["text", "prometheus"]

_COLUMNS = ("secret", Column("version", "right"), Column("age", "right"), "state", "due", "next run")
_TONES: dict[Condition, Tone] = {
    Condition.FINE: "good",
    Condition.OVERDUE: "bad",
    Condition.STUCK: "bad",
    Condition.NOT_STORED: "bad",
    Condition.NOT_SCHEDULED: "faint",
}


def status(names: Sequence[str], form: Form, to: Path | None, place: Workplace, output: Output) -> int:
    """How the secrets of these names fare; without any, all. 3: one is overdue, or its rotation is stuck."""
    vault = place.vault(output)
    now, zone = datetime.now(UTC), tz.tzlocal()
    statuses = [status_of(entry, _found(entry, vault, now), now, zone) for entry in chosen(names, place)]
    if output.as_json:
        output.document(document(statuses, zone))
    elif form == "prometheus":
        output.published(prometheus(statuses, now), to)
    else:
        _print(statuses, zone, output)
    return 0 if all(one.is_in_order for one in statuses) else ANSWER_IS_NO


def _found(entry: SecretEntry, vault: Vault, now: datetime) -> Found:
    metadata = vault.metadata(entry.path)
    if entry.kind is SecretKind.OPAQUE:
        return Found(metadata, None)  # never rotated, and the policy does not let us look
    trouble = ""
    rotation: Rotation | None = None
    try:
        loaded = Store(vault).load(entry.path)
        rotation = loaded.rotation if loaded is not None else None
    except VaultError:
        raise
    except HardenError as error:  # a damaged record of one secret is no reason to say nothing of the others
        trouble = "; ".join((*error.messages, *error.hints))
    return Found(metadata, rotation, at_work(vault, entry.path, now), trouble)


def _print(statuses: Sequence[SecretStatus], zone: tzinfo, output: Output) -> None:
    output.table(_COLUMNS, [_row(one, zone) for one in statuses])
    told = [line for one in statuses for line in _lines(one, zone, details=output.verbosity > 0)]
    if told:
        output.line()
    for line in told:
        output.line(line)


def _row(one: SecretStatus, zone: tzinfo) -> Sequence[object]:
    due = when(one.standing.due_at, one.now, zone) if one.standing is not None else "-"
    following = "-" if one.next_run is None else "now" if one.next_run <= one.now else when(one.next_run, one.now, zone)
    age = age_text(one.age) if one.age is not None else "-"
    state = Cell(str(one.condition), _TONES.get(one.condition, "plain"))
    return one.entry.name, one.version or "-", age, state, due, following


def _lines(one: SecretStatus, zone: tzinfo, *, details: bool) -> Iterator[str]:
    said = words(one, zone)
    if said:
        yield f"{one.entry.name}: {said}"
    if one.is_stuck:
        for unit, failure in one.failures[1:]:
            yield f"{one.entry.name}: and at {at(unit)}: {'; '.join((*failure.words, *failure.hints))}"
    if one.last_proof is not None and (details or one.open_rotation is not None):
        unit, proof = one.last_proof
        yield f"{one.entry.name}: last proof {when(proof.at, one.now, zone)}, {at(unit)}: {proof.words}"
