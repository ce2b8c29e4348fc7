"""The libraries that speak with databases. They are extras of this package: who rotates no such password needs none."""

import importlib
from types import ModuleType

from harden.errors import HardenError


def driver(name: str, database: str) -> ModuleType:
    """The module. Raises HardenError that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        hint = "pip install 'harden[databases]', or in a checkout: .venv/bin/pip install -e '.[databases]'"
        raise HardenError(f"passwords of {database} need the library {name.partition('.')[0]}", hint) from error
