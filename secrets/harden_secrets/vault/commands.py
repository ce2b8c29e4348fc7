"""What the commands of ``harden vault`` do and say."""

import os
from collections.abc import Sequence
from pathlib import Path

from harden.errors import ANSWER_IS_NO, HardenError
from harden.output import Output
from harden.progress import progress
from harden_secrets.inventory.file import load
from harden_secrets.inventory.paths import path_fault
from harden_secrets.vault.opening import local_place
from harden_secrets.vault.policy import grants, render
from harden_secrets.vault.server import binary, lifecycle, systemd
from harden_secrets.vault.server.configuration import MOUNT
from harden_secrets.vault.server.lifecycle import Outcome, Status
from harden_secrets.vault.server.place import Place

_SWAPS = Path("/proc/swaps")


def place_of(state: Path | None) -> Place:
    """The local server's folder for this user and environment."""
    return local_place(state, os.environ, os.geteuid())


def bring_up(state: Path | None, port: int | None, output: Output, *, dry_run: bool) -> int:
    """Makes the server run."""
    place = place_of(state)
    with progress(output, "starting the local Vault"):
        outcome = lifecycle.up(place, port, dry_run=dry_run)
    if output.as_json:
        changed = bool(outcome.done) and not dry_run
        output.document({**_whereabouts(place, outcome), "changed": changed, "done": list(outcome.done)})
        return 0
    _say(outcome, "the local Vault runs already", output)
    if outcome.record is not None and not dry_run:
        output.line(f"address    {outcome.record.address}")
        output.line(f"authority  {place.ca}")
        output.line(f"mount      {MOUNT}")
    if "made a new Vault" in outcome.done:
        output.note(f"back up {place.folder}, its seal.key apart from the rest: without that key nobody can read it")
        if _swaps() and not systemd.is_installed(place):
            output.note("this host swaps: encrypt its swap space, or run the Vault by the unit of `harden vault unit`")
    return 0


def print_status(state: Path | None, output: Output) -> int:
    """Says how the server is."""
    place = place_of(state)
    status = lifecycle.status(place)
    if output.as_json:
        output.document(_status_document(place, status))
    else:
        for name, text in _status_lines(place, status):
            output.line(f"{name:<12} {text}")
    for fault in status.lost.messages if status.lost is not None else ():
        output.warning(f"the local Vault will not start again: {fault}")
    return 0 if status.good else ANSWER_IS_NO


def bring_down(state: Path | None, output: Output, *, dry_run: bool) -> int:
    """Stops the server."""
    place = place_of(state)
    with progress(output, "stopping the local Vault"):
        outcome = lifecycle.down(place, dry_run=dry_run)
    if output.as_json:
        output.document({"changed": bool(outcome.done) and not dry_run, "done": list(outcome.done)})
        return 0
    if dry_run and outcome.done:
        outcome = Outcome(outcome.record, ("would stop it",))
    _say(outcome, "the local Vault does not run", output)
    return 0


def print_unit(state: Path | None, output: Output) -> int:
    """Prints the unit for systemd."""
    place = place_of(state)
    if not place.record.exists():
        output.warning(f"there is no Vault in {place.folder} yet: `harden vault up` makes it, then `harden vault down`")
    output.raw(systemd.unit_text(binary.find(), place))
    return 0


def print_policy(inventory: Path | None, paths: Sequence[str], output: Output) -> int:
    """Prints the policy that the inventory needs."""
    for path in paths:
        if fault := path_fault(path):
            raise HardenError(fault)
    known = load(inventory, os.environ)
    mount = known.vault.mount if known.vault is not None else MOUNT
    output.raw(render(grants(known, paths), mount))
    return 0


def _say(outcome: Outcome, otherwise: str, output: Output) -> None:
    for words in outcome.done or (otherwise,):
        output.note(words)


def _whereabouts(place: Place, outcome: Outcome) -> dict[str, object]:
    address = outcome.record.address if outcome.record is not None else None
    return {"address": address, "mount": MOUNT, "ca_file": str(place.ca)}


def _status_document(place: Place, status: Status) -> dict[str, object]:
    ends = status.certificate_ends
    return {
        "running": status.health is not None,
        "initialised": status.record is not None and status.record.ready,
        "sealed": status.health.sealed if status.health is not None else None,
        "address": status.record.address if status.record is not None else None,
        "mount": MOUNT,
        "ca_file": str(place.ca),
        "version": status.health.version if status.health is not None else None,
        "pid": status.pid,
        "certificate_ends": ends.isoformat() if ends is not None else None,
        "folder": str(place.folder),
    }


def _status_lines(place: Place, status: Status) -> list[tuple[str, str]]:
    if status.record is None:
        return [("state", "there is none: harden vault up")]
    lines = [("state", _state(status)), ("address", status.record.address), ("folder", str(place.folder))]
    if status.health is not None:
        lines.append(("version", f"OpenBao {status.health.version}"))
    if status.certificate_ends is not None:
        lines.append(("certificate", f"until {status.certificate_ends:%Y-%m-%d}"))
    return lines


def _state(status: Status) -> str:
    if status.record is not None and not status.record.ready:
        return "its first start was cut off: harden vault up"
    if status.health is None:
        return "does not run: harden vault up" if status.pid is None else f"process {status.pid} does not answer"
    if status.health.sealed:
        return "sealed: harden vault up"
    return "runs" if status.health.good else "starting"


def _swaps() -> bool:
    try:
        return len(_SWAPS.read_text().splitlines()) > 1
    except OSError:
        return False
