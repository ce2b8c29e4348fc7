"""Keys of git-crypt: a repository encrypted anew, without its plaintext touching a disk."""

from harden.errors import HardenError
from harden_secrets.inventory.model import SecretEntry
from harden_secrets.rotate.kinds.gitcrypt.rotator import GitCryptRotator, Told, nothing_told
from harden_secrets.rotate.rotator import Rotator


def gitcrypt_rotator(entry: SecretEntry, told: Told = nothing_told) -> Rotator:
    """The rotator of an entry of kind ``git-crypt``. ``told`` is what it says at the end. Raises HardenError."""
    if entry.repository is None:
        raise HardenError(f"{entry.name}: no repository is named", "enter `repository` for it in the inventory")
    return GitCryptRotator(entry.name, entry.repository, told)
