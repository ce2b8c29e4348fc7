"""Baselines on disk."""

from pathlib import Path

from harden.errors import HardenError
from harden_secrets.durable import write_file
from harden_secrets.scan.baseline import Baseline, parse_baseline

_LARGEST = 64_000_000  # bytes, 300,000 findings


def read_baseline(path: Path, key_id: str) -> Baseline:
    """The baseline in a file. Raises HardenError if it cannot be read, is none, or was made under another key."""
    return parse_baseline(_text(path), str(path), key_id)


def write_baseline(path: Path, baseline: Baseline) -> bool:
    """Puts the baseline into the file, in one step; whether that changed anything.

    Raises HardenError if it cannot be written, or if something is there that is no baseline: a mistyped name must not
    cost anybody a file.
    """
    text = baseline.as_text()
    if path.exists():
        there = _text(path)
        if there == text:
            return False
        if '"fingerprint_key"' not in there[:200]:
            raise HardenError(f"{path}: there is a file of another kind, which is left alone", "give another name")
    try:
        write_file(path, text.encode(), 0o644)
    except OSError as error:
        raise HardenError(f"{path}: {error.strerror}") from error
    return True


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise HardenError(f"{path}: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise HardenError(f"{path}: too large for a baseline")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise HardenError(f"{path}: not a baseline: not UTF-8") from error
