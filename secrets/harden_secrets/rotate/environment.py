"""The environment of the programs that an inventory names, whatever for: nothing in which a credential usually lies."""

import os
import shutil

PASSED_ON = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_MESSAGES", "TZ", "TMPDIR",
    "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
)  # fmt: skip
"""The variables of harden's own environment that they get: the last two lead to a user's own services."""

_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def environment() -> dict[str, str]:
    """The environment of a program, with a PATH in any case."""
    return {"PATH": _USUAL_PATH} | {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def is_there(program: str) -> bool:
    """Whether a program of that name or path is found in that environment, and may be executed."""
    return shutil.which(program, path=environment()["PATH"]) is not None
