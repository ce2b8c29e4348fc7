"""The libraries that speak with databases. They are extras of this package: who rotates no such password needs none."""

import importlib
import importlib.metadata
import re
from types import ModuleType

from harden.errors import HardenError

# PyMySQL before 1.2 logs in without TLS where a server, or somebody in between, says that it has none; pg8000 before
# 1.31.3 does not quote the name of a role, so that Shop would be shop, and current_user the admin.
_OLDEST = {"pymysql": ("PyMySQL", (1, 2)), "pg8000": ("pg8000", (1, 31, 3))}


def driver(name: str, database: str) -> ModuleType:
    """The module. Raises HardenError that says how to install it, or a newer one."""
    hint = "pip install --upgrade 'harden[databases]', or in a checkout: .venv/bin/pip install -e '.[databases]'"
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise HardenError(f"passwords of {database} need the library {name.partition('.')[0]}", hint) from error
    distribution, oldest = _OLDEST.get(name.partition(".")[0], ("", ()))
    if distribution and _numbers(found := importlib.metadata.version(distribution)) < oldest:
        wanted = ".".join(map(str, oldest))
        raise HardenError(f"passwords of {database} need {distribution} {wanted} or later: this is {found}", hint)
    return module


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])
