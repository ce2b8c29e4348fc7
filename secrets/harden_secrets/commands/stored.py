"""What Vault has of a secret of the inventory."""

from harden.errors import HardenError
from harden_secrets.inventory.model import SecretEntry
from harden_secrets.vault.port import Stored, Vault


def stored(vault: Vault, entry: SecretEntry) -> Stored:
    """Its newest version. Raises HardenError where there is none."""
    found = vault.read(entry.path)
    if found is None:
        raise nothing_stored(vault, entry)
    return found


def nothing_stored(vault: Vault, entry: SecretEntry) -> HardenError:
    """What to say where there is none."""
    return HardenError(f"{vault.mount}/{entry.path}: nothing is stored there", f"it should hold {entry.name}")
