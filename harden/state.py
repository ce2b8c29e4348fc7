"""Where harden keeps what it must remember: the last good rules, journals, keys of its own."""

from collections.abc import Mapping
from pathlib import Path

DEFAULT_ROOT = Path("/var/lib/harden")


def state_root(option: Path | None, environment: Mapping[str, str]) -> Path:
    """Where state lives: the option, or HARDEN_STATE, or /var/lib/harden."""
    return option or Path(environment.get("HARDEN_STATE") or DEFAULT_ROOT)
