"""How the secrets fare, as one document for programs. Pure."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from harden_secrets.rotate.status import SecretStatus
from harden_secrets.rotate.statuswords import reached, words
from harden_secrets.rotate.values import Failure, Proof, Rotation, Unit

Document = dict[str, Any]


def document(statuses: Sequence[SecretStatus], zone: tzinfo) -> Document:
    """``in_order``: nobody has to do anything. Moments are ISO 8601 in UTC, lengths of time in seconds."""
    return {
        "in_order": all(status.is_in_order for status in statuses),
        "secrets": [_secret(status, zone) for status in statuses],
    }


def _secret(status: SecretStatus, zone: tzinfo) -> Document:
    stands, failure = status.standing, status.failure or status.delay or status.refusal
    return {
        "name": status.entry.name,
        "kind": str(status.entry.kind),
        "path": status.entry.path,
        "version": status.version,
        "created": _text(status.created),
        "age": None if status.age is None else int(status.age.total_seconds()),
        "state": str(status.condition),
        "due": stands is not None and stands.is_due,
        "overdue": status.is_overdue,
        "stuck": status.is_stuck,
        "due_at": _text(stands.due_at if stands is not None else None),
        "overdue_at": _text(stands.overdue_at if stands is not None else None),
        "next_run": _text(status.next_run),
        "about": words(status, zone),
        "worker": status.worker,
        "rotation": None if status.rotation is None else _rotation(status.rotation),
        "last_proof": None if status.last_proof is None else _proof(*status.last_proof),
        "last_error": None if failure is None else _failure(*failure),
        "errors": [_failure(*one) for one in status.failures],
    }


def _rotation(rotation: Rotation) -> Document:
    return {
        "id": rotation.id,
        "open": rotation.is_open,
        "phase": str(reached(rotation)),
        "began": _text(rotation.began),
        "old_version": rotation.old_version,
        "new_version": rotation.new_version,
        "overlap_until": _text(rotation.overlap_until),
        "deadline": _text(rotation.deadline),
        "abandoning": rotation.abandoning,
        "outcome": None if rotation.outcome is None else str(rotation.outcome),
        "ended": _text(rotation.ended),
    }


def _proof(unit: Unit, proof: Proof) -> Document:
    return {"phase": str(unit.phase), "target": unit.name, "words": proof.words, "at": _text(proof.at)}


def _failure(unit: Unit, failure: Failure) -> Document:
    return {
        "phase": str(unit.phase),
        "target": unit.name,
        "words": list(failure.words),
        "hints": list(failure.hints),
        "first": _text(failure.first),
        "last": _text(failure.last),
        "times": failure.times,
        "delays": failure.delays,
    }


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
