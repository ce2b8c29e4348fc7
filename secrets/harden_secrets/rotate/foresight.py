"""What a rotation would do, step by step, with its targets and times: for ``--dry-run``. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from harden_secrets.inventory.model import SecretEntry
from harden_secrets.rotate.event import doing
from harden_secrets.rotate.machine import BACKWARD, FORWARD, Site, units_of
from harden_secrets.rotate.values import Phase, Rotation, Unit

Step = tuple[str, dict[str, Any]]


def foreseen(
    entry: SecretEntry, rotation: Rotation | None, site: Site, now: datetime, *, impatient: bool = False
) -> Iterator[Step]:
    """Each step that is still to be taken, in words and for programs. ``rotation`` is the open one, or None."""
    done = rotation.done if rotation is not None else {}
    phases = BACKWARD if rotation is not None and rotation.abandoning else FORWARD
    for phase in phases:
        for unit in units_of(phase, site):
            if unit in done:
                continue
            if unit.phase is Phase.OVERLAP and impatient:
                yield f"{unit.phase}: not waited for", {"phase": str(unit.phase), "target": unit.name}
            else:
                yield _step(unit, entry, rotation, now)


def _step(unit: Unit, entry: SecretEntry, rotation: Rotation | None, now: datetime) -> Step:
    words = f"{unit.phase}: {doing(unit)}"
    document: dict[str, Any] = {"phase": str(unit.phase), "target": unit.name}
    until = _until(unit, entry, rotation, now)
    if until is None:
        return words, document
    return f"{words}, {until:%Y-%m-%d %H:%M} UTC", document | {"until": until.isoformat()}


def _until(unit: Unit, entry: SecretEntry, rotation: Rotation | None, now: datetime) -> datetime | None:
    """When a step that has to do with time would come, if all before it went at once."""
    overlap = entry.rotate.overlap if entry.rotate is not None else timedelta()
    if rotation is not None:
        overlap = rotation.overlap
    if unit.phase is Phase.OVERLAP:
        return (rotation.overlap_until if rotation is not None else None) or now + overlap
    if unit.phase is Phase.LIMIT:
        return (rotation.deadline if rotation is not None else None) or now + 2 * overlap
    return None
