"""From what the inventory, the environment and the command line say to a Vault that can be used."""

from collections.abc import Mapping
from pathlib import Path

from harden.errors import HardenError
from harden_secrets.inventory.model import Inventory
from harden_secrets.statefolder import secrets_state
from harden_secrets.vault.auth.approle import AppRoleLogin
from harden_secrets.vault.connection import Connection
from harden_secrets.vault.kv import KeyValue
from harden_secrets.vault.server import lifecycle, record
from harden_secrets.vault.server.place import Place
from harden_secrets.vault.session import Session
from harden_secrets.vault.settings import ADDRESS, Local, Options, Settings, settings
from harden_secrets.vault.transport import client

LOCAL_FOLDER = "vault"
FROM_ELSEWHERE = Options()  # nothing on the command line


def local_place(state: Path | None, environment: Mapping[str, str], user: int) -> Place:
    """Where the embedded server has its files: ``vault`` in harden's state folder (``state`` is the option)."""
    return Place(secrets_state(state, environment, user).parent.absolute() / LOCAL_FOLDER)


def known_settings(
    inventory: Inventory, environment: Mapping[str, str], place: Place, options: Options = FROM_ELSEWHERE
) -> Settings:
    """Which Vault will be used, without a word to it. Raises HardenError where none is known."""
    named = options.address or environment.get(ADDRESS) or (inventory.vault is not None and inventory.vault.address)
    try:
        local = _local(place)
    except HardenError:
        if not named:
            raise
        local = None  # that of another user, which is not the one that is meant
    return settings(inventory.vault, options, environment, local)


def open_vault(
    inventory: Inventory, environment: Mapping[str, str], place: Place, options: Options = FROM_ELSEWHERE
) -> KeyValue:
    """That Vault. It logs in at the first request. Raises HardenError, VaultError.

    ``place`` is the embedded server's (:func:`local_place`); one with a certificate that runs out gets a new one.
    """
    return opened(known_settings(inventory, environment, place, options), place)


def opened(chosen: Settings, place: Place) -> KeyValue:
    """The Vault of those settings."""
    if chosen.local:
        lifecycle.renew_when_due(place)
    server = client(chosen.address, namespace=chosen.namespace, ca=chosen.ca, environment=not chosen.local)
    return KeyValue(Connection(Session(server, chosen.login)), chosen.mount)


def _local(place: Place) -> Local | None:
    known = record.load(place)
    if known is None or not known.ready:
        return None
    return Local(known.address, place.ca, AppRoleLogin(place.role_id, place.secret_id))
