"""``harden secrets handover``: the script that takes people's clones to a new git-crypt key."""

from collections.abc import Iterator

from harden.errors import HardenError
from harden.output import Output
from harden_secrets.commands.chosen import chosen
from harden_secrets.commands.stored import nothing_stored
from harden_secrets.commands.workplace import Workplace
from harden_secrets.inventory.model import SecretEntry
from harden_secrets.rotate.kinds.gitcrypt.handing import hand_over
from harden_secrets.rotate.kinds.gitcrypt.handover import handover_script
from harden_secrets.rotate.kinds.gitcrypt.keyfields import found
from harden_secrets.rotate.kinds.gitcrypt.keyfile import KeyFile
from harden_secrets.rotate.kinds.gitcrypt.rekeying import Succession
from harden_secrets.rotate.kinds.gitcrypt.site import site
from harden_secrets.rotate.store import Store
from harden_secrets.vault.port import Vault


def handover(name: str, place: Workplace, output: Output) -> int:
    """Prints the script for the newest key of a secret. There is no value in it. Raises HardenError."""
    (entry,) = chosen([name], place)
    if entry.repository is None:
        raise HardenError(f"{entry.name}: has no repository, so that there are no clones of it")
    vault = place.vault(output)
    keys = _succession(entry, vault)
    last = Store(vault).load(entry.path)
    with site(entry.repository) as here:
        script = handover_script(hand_over(here, keys, last.rotation.id if last is not None else ""))
    output.raw(script)
    return 0


def _succession(entry: SecretEntry, vault: Vault) -> Succession:
    """The newest key and the one before it."""
    keys = _keys(entry, vault)
    new = next(keys, None)
    if new is None:
        raise nothing_stored(vault, entry)
    old = next((key for key in keys if key.entries != new.entries), None)
    if old is None:
        raise HardenError(f"{entry.name}: Vault has one key of it only", "after a rotation there are two")
    return Succession(old, new)


def _keys(entry: SecretEntry, vault: Vault) -> Iterator[KeyFile]:
    """The key of each version that is there, the newest first."""
    known = vault.metadata(entry.path)
    for one in sorted(known.versions if known else (), key=lambda one: -one.number):
        stored = None if one.deleted or one.destroyed else vault.read(entry.path, one.number)
        if stored is not None:
            yield found(entry.name, stored.fields, entry.repository.key_name if entry.repository else "").file
