"""``harden wg import``."""

import os
import tempfile
from pathlib import Path

from harden.errors import HardenError
from harden.output import Output
from wgfw.peers.file import read
from wgfw.policy.starting import starting_policy


def import_peers(wg_conf: Path, to: Path | None, output: Output, *, dry_run: bool) -> int:
    """Writes a starting policy for the peers of a wg-quick file."""
    peers = read(str(wg_conf))
    for warning in peers.warnings:
        output.warning(warning)
    text = starting_policy(peers, str(wg_conf.absolute()))
    if to is None:
        output.raw(text)
        return 0
    if _says(to, text):
        output.note(f"{to} is there already and says the same")
    elif dry_run:
        output.line(f"would write {to}: {len(peers.peers)} clients, all in quarantine")
    else:
        _write_new(to, text)
        output.note(f"wrote {to}: {len(peers.peers)} clients, all in quarantine")
        output.note(f"edit it, then run: harden wg check --policy {to}")
    return 0


def _says(path: Path, text: str) -> bool:
    """Whether the file says this already. Raises HardenError if it says something else."""
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise HardenError(f"{path}: {error.strerror}") from error
    if there != text.encode():
        raise HardenError(f"{path}: is there already, and edited", "name another file with -o, or move this one away")
    return True


def _write_new(path: Path, text: str) -> None:
    """Writes beside and links into place: whole or not at all, and never over something."""
    try:
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            os.chmod(file.name, 0o644)
            os.link(file.name, path)
    except OSError as error:
        raise HardenError(f"{path}: cannot be written: {error.strerror}") from error
