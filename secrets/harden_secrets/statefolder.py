"""Where this part keeps its state: the fingerprint key, the audit log, the journals of runs."""

from collections.abc import Mapping
from pathlib import Path

from harden.state import state_root

_SUBFOLDER = "secrets"


def secrets_state(option: Path | None, environment: Mapping[str, str], user: int) -> Path:
    """The folder for state: ``secrets`` under the option, HARDEN_STATE or /var/lib/harden.

    A ``user`` (a numeric id) other than root cannot write there: theirs is under XDG_STATE_HOME (XDG Base Directory
    Specification), which is ~/.local/state unless it is set to an absolute path.
    """
    if option is None and not environment.get("HARDEN_STATE") and user != 0:
        return _home_state(environment) / "harden" / _SUBFOLDER
    return state_root(option, environment) / _SUBFOLDER


def _home_state(environment: Mapping[str, str]) -> Path:
    given = Path(environment.get("XDG_STATE_HOME", ""))
    return given if given.is_absolute() else Path(environment.get("HOME") or "/", ".local", "state")
