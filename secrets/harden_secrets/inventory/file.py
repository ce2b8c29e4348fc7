"""Which file the inventory is, and reading it."""

from collections.abc import Mapping
from pathlib import Path

from harden.file import read_file
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Inventory

DEFAULT = Path("/etc/harden/secrets.yaml")
VARIABLE = "HARDEN_INVENTORY"


def load(option: Path | None, environment: Mapping[str, str]) -> Inventory:
    """The inventory that the option, HARDEN_INVENTORY or the default names.

    One that nobody named need not be there: then it is empty, with the local Vault. Raises HardenError with every
    problem of the file, each as ``path:line: …``.
    """
    path, named = location(option, environment)
    if not named and not path.exists():
        return Inventory()
    hint = f"say where the inventory is with --inventory FILE or {VARIABLE}"
    return read_inventory(read_file(str(path), hint), str(path))


def location(option: Path | None, environment: Mapping[str, str]) -> tuple[Path, bool]:
    """The inventory's path, and whether somebody named it."""
    named = option or (Path(environment[VARIABLE]) if environment.get(VARIABLE) else None)
    return named or DEFAULT, named is not None
