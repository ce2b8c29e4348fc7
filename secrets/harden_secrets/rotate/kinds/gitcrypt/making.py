"""From an entry of the inventory to what rotates it."""

from harden.errors import HardenError
from harden_secrets.inventory.model import Inventory, SecretEntry
from harden_secrets.rotate.kinds.gitcrypt.rotator import GitCryptRotator, Told
from harden_secrets.rotate.rotator import Pair, Report, Rotator


def gitcrypt_rotator(entry: SecretEntry, inventory: Inventory | None, told: Told | None = None) -> Rotator:
    """The rotator of a git-crypt key. ``told`` is what it says at the end. Raises HardenError."""
    del inventory
    if entry.repository is None:
        raise HardenError(f"{entry.name}: no repository is named", "enter `repository` for it in the inventory")
    return GitCryptRotator(entry.name, entry.repository, told or _nothing)


def _nothing(_pair: Pair) -> Report:
    return Report()
