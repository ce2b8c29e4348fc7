"""Where this part keeps its state: the fingerprint key, the audit log, the journals of runs."""

from collections.abc import Mapping
from pathlib import Path

from harden.errors import HardenError
from harden.state import make_state_folder, state_root

_SUBFOLDER = "secrets"
_ELSEWHERE = "name a folder that can be written with --state or HARDEN_STATE"


def secrets_state(option: Path | None, environment: Mapping[str, str], user: int) -> Path:
    """The folder for state: ``secrets`` under the option, HARDEN_STATE or /var/lib/harden.

    A ``user`` (a numeric id) other than root cannot write there: theirs is under XDG_STATE_HOME (XDG Base Directory
    Specification), which is ~/.local/state unless it is set to an absolute path.
    """
    if option is None and not environment.get("HARDEN_STATE") and user != 0:
        return _home_state(environment) / "harden" / _SUBFOLDER
    return state_root(option, environment) / _SUBFOLDER


def make_folder(folder: Path, *below: str, hint: str = _ELSEWHERE) -> Path:
    """The folder that :func:`secrets_state` gave, or its sibling or one below, made where there is none, 0700.

    Raises HardenError where it cannot be, with ``hint``, and where others could write in it.
    """
    try:
        return make_state_folder(folder.parent, folder.name, *below)
    except OSError as error:
        raise HardenError(f"{error.filename or folder}: {error.strerror}", hint) from error


def _home_state(environment: Mapping[str, str]) -> Path:
    given = Path(environment.get("XDG_STATE_HOME", ""))
    return given if given.is_absolute() else Path(environment.get("HOME") or "/", ".local", "state")
