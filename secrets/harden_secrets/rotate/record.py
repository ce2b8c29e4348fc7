"""A rotation as JSON, the way it lies in Vault beside the pending key. Pure; no value is in it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from harden_secrets.inventory.model import SecretKind
from harden_secrets.rotate.values import Failure, Outcome, Phase, Proof, Rotation, Unit

FORMAT = 1


class UnreadableRecordError(ValueError):
    """It is no record. The text says what it is."""


class NewerRecordError(UnreadableRecordError):
    """It is a record of a newer harden, which can go on with it."""


def as_json(rotation: Rotation) -> bytes:
    """The record as one JSON document."""
    document = {
        "format": FORMAT,
        "id": rotation.id,
        "kind": str(rotation.kind),
        "began": _text(rotation.began),
        "old_version": rotation.old_version,
        "old_made": _optional(rotation.old_made),
        "new_version": rotation.new_version,
        "overlap_seconds": rotation.overlap.total_seconds(),
        "overlap_began": _optional(rotation.overlap_began),
        "overlap_until": _optional(rotation.overlap_until),
        "deadline": _optional(rotation.deadline),
        "switching": rotation.switching,
        "abandoning": rotation.abandoning,
        "outcome": None if rotation.outcome is None else str(rotation.outcome),
        "ended": _optional(rotation.ended),
        "done": [
            {"phase": str(unit.phase), "name": unit.name, "words": proof.words, "at": _text(proof.at)}
            for unit, proof in rotation.done.items()
        ],
        "failures": [_failure(unit, failure) for unit, failure in rotation.failures.items()],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def from_json(data: bytes) -> Rotation:
    """The record in ``data``. Raises UnreadableRecordError."""
    try:
        document = json.loads(data)
        written = document["format"]
        if written == FORMAT:
            return _read(document)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UnreadableRecordError("is damaged") from None
    raise NewerRecordError("was written by a newer harden")


def _read(document: Mapping[str, Any]) -> Rotation:
    return Rotation(
        id=str(document["id"]),
        kind=SecretKind(document["kind"]),
        began=_moment(document["began"]),
        old_version=int(document["old_version"]),
        old_made=_maybe(document.get("old_made")),
        overlap=timedelta(seconds=document["overlap_seconds"]),
        new_version=int(document["new_version"]),
        done={_unit(one): Proof(str(one["words"]), _moment(one["at"])) for one in document["done"]},
        failures={_unit(one): _read_failure(one) for one in document["failures"]},
        overlap_began=_maybe(document["overlap_began"]),
        overlap_until=_maybe(document["overlap_until"]),
        deadline=_maybe(document["deadline"]),
        switching=bool(document["switching"]),
        abandoning=bool(document["abandoning"]),
        outcome=None if document["outcome"] is None else Outcome(document["outcome"]),
        ended=_maybe(document["ended"]),
    )


def _failure(unit: Unit, failure: Failure) -> dict[str, Any]:
    return {
        "phase": str(unit.phase),
        "name": unit.name,
        "words": list(failure.words),
        "hints": list(failure.hints),
        "first": _text(failure.first),
        "last": _text(failure.last),
        "times": failure.times,
        "delays": failure.delays,
    }


def _read_failure(document: Mapping[str, Any]) -> Failure:
    return Failure(
        tuple(map(str, document["words"])),
        tuple(map(str, document["hints"])),
        _moment(document["first"]),
        _moment(document["last"]),
        int(document["times"]),
        bool(document["delays"]),
    )


def _unit(document: Mapping[str, Any]) -> Unit:
    return Unit(Phase(document["phase"]), str(document["name"]))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _optional(moment: datetime | None) -> str | None:
    return None if moment is None else _text(moment)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else _moment(text)
