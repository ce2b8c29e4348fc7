"""What a mount is: only KV version 2 will do."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote as url_quoted

from harden.document.wording import quote
from harden_secrets.vault.auth.port import UnauthenticatedError
from harden_secrets.vault.connection import Connection
from harden_secrets.vault.port import VaultDeniedError, VaultError
from harden_secrets.vault.trouble import Need

_HINT = "vault.mount of the inventory names the KV version 2 mount"


def check_version(connection: Connection, mount: str) -> None:
    """Raises VaultError unless ``mount`` is a KV store of version 2, whose writes heed ``cas``."""
    found = mounted(connection, mount)
    kind = str(found.get("type", ""))
    if kind not in ("kv", "generic"):
        raise VaultError(f"{connection.address}: the mount {quote(mount)} is of type {quote(kind)}, not kv", _HINT)
    options = found.get("options")
    version = options.get("version") if isinstance(options, Mapping) else None
    if version != "2":
        message = f"{connection.address}: the mount {quote(mount)} is KV version 1, which has no versions and no cas"
        upgrade = f"name a version 2 mount, or upgrade it: vault kv enable-versioning {mount}/"
        raise VaultError(message, upgrade)


def mounted(connection: Connection, mount: str) -> Mapping[str, Any]:
    """What the server says of a mount to everybody who may use anything in it."""
    path = f"sys/internal/ui/mounts/{mount}"
    try:
        answer = connection.ask(lambda vault: vault.adapter.get(f"/v1/{url_quoted(path)}"), Need("read", path))
    except UnauthenticatedError:
        raise
    except VaultDeniedError as error:
        message = f"{connection.address}: there is no mount {quote(mount)}, or the token may do nothing in it"
        raise VaultDeniedError(message, (_HINT, *error.hints[1:])) from None
    data = answer.get("data") if isinstance(answer, Mapping) else None
    if not isinstance(data, Mapping):
        raise VaultError(f"{connection.address}: what answers there is no Vault", "check the address")
    return data
