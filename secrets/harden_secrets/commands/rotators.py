"""From an entry of the inventory to what rotates and delivers it."""

from harden.document.wording import quote
from harden.errors import HardenError
from harden_secrets.commands.stored import stored
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.inventory.model import Inventory, SecretEntry, SecretKind
from harden_secrets.rotate.rotator import Fields, Rotator
from harden_secrets.vault.port import Vault


def rotator_for(
    entry: SecretEntry, inventory: Inventory, vault: Vault, fingerprinter: Fingerprinter | None = None
) -> Rotator:
    """What rotates secrets of its kind. Raises HardenError where nothing does.

    ``fingerprinter`` names keys in reports as the scan names them.

    Each kind is imported only when it is needed: a host that rotates SSH keys needs no client of databases.
    """
    kept = _KeptSecrets(inventory, vault)
    match entry.kind:
        case SecretKind.SSH_KEY:
            from harden_secrets.rotate.kinds.ssh import ssh_rotator  # noqa: PLC0415

            return ssh_rotator(entry, kept.only_field)
        case SecretKind.GIT_CRYPT:
            from harden_secrets.rotate.kinds.gitcrypt import gitcrypt_rotator  # noqa: PLC0415
            from harden_secrets.rotate.kinds.gitcrypt.telling import told  # noqa: PLC0415

            return gitcrypt_rotator(entry, told(entry, inventory, vault, fingerprinter))
        case SecretKind.PASSWORD:
            from harden_secrets.rotate.kinds.password import password_rotator  # noqa: PLC0415

            return password_rotator(entry, kept.fields)
        case SecretKind.COMMAND:
            from harden_secrets.rotate.kinds.command import command_rotator  # noqa: PLC0415

            return command_rotator(entry)
    raise HardenError(
        f"{entry.name}: harden does not know how to rotate a secret of kind {entry.kind}",
        "give it kind command, with a program that does: see the reference of the command protocol",
    )


class _KeptSecrets:
    """Other secrets of the inventory, as Vault has them."""

    def __init__(self, inventory: Inventory, vault: Vault) -> None:
        self._inventory, self._vault = inventory, vault

    def fields(self, name: str) -> Fields:
        """Its fields. Raises HardenError where there is no such secret."""
        entry = self._inventory.secrets.get(name)
        if entry is None:
            raise HardenError(f"{self._inventory.path}: has no secret {quote(name)}", "enter it, or name another one")
        return stored(self._vault, entry).fields

    def only_field(self, name: str) -> Confidential:
        """Its private key: the field of that name, or its only one."""
        fields = self.fields(name)
        if "private_key" in fields:
            return fields["private_key"]
        if len(fields) == 1:
            return next(iter(fields.values()))
        raise HardenError(f"{name}: which of its fields is the key does not show", "call that field private_key")
