"""Where this harden is installed, for those who are to start it later."""

import os
import shutil
import sys
from pathlib import Path

from harden.errors import HardenError


def program() -> Path:
    """The command harden that belongs to this process, by its absolute path. Raises HardenError where there is none."""
    beside = Path(sys.prefix, "bin", "harden")
    if os.access(beside, os.X_OK):
        return beside
    if on_path := shutil.which("harden"):
        return Path(on_path).absolute()
    raise HardenError("the program harden is not installed", f"install it: {sys.executable} -m pip install harden")


def installed() -> tuple[str, ...]:
    """The folders in which it and its interpreter lie."""
    return tuple(dict.fromkeys((sys.prefix, sys.base_prefix, str(Path(__file__).parents[1]))))
