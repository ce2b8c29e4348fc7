"""The adapter of :mod:`harden_secrets.vault.port` over hvac: KV version 2 of Vault and OpenBao."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import hvac

from harden.document.wording import quote
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.paths import path_fault
from harden_secrets.vault.connection import Connection
from harden_secrets.vault.customdata import annotate
from harden_secrets.vault.encoding import MARKER, decoded, encoded
from harden_secrets.vault.metadata import read_metadata
from harden_secrets.vault.mount import check_version
from harden_secrets.vault.port import CasMismatchError, Metadata, Stored, VaultError
from harden_secrets.vault.trouble import Need


def clock() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class KeyValue:
    """A KV version 2 mount. That it is one is checked before the first request; version 1 ignores ``cas``."""

    def __init__(self, connection: Connection, mount: str = "secret", now: Callable[[], datetime] = clock) -> None:
        if fault := path_fault(mount, "a mount in Vault"):
            raise VaultError(fault)
        self._connection = connection
        self._now = now
        self._checked = False
        self.mount = mount

    @property
    def address(self) -> str:
        """See the port."""
        return self._connection.address

    def read(self, path: str, version: int | None = None) -> Stored | None:
        """See the port."""
        where = self._place(path)
        answer = self._ask(
            lambda vault: vault.secrets.kv.v2.read_secret_version(
                path, version, self.mount, raise_on_deleted_version=True
            ),
            Need("read", f"{self.mount}/data/{path}"),
        )
        if answer is None or answer["data"]["data"] is None:
            return None
        data = answer["data"]["data"]
        return Stored(int(answer["data"]["metadata"]["version"]), decoded(data, where), MARKER not in data)

    def write(self, path: str, fields: Mapping[str, Confidential], *, cas: int) -> int:
        """See the port."""
        where = self._place(path)
        texts = encoded(fields)
        attempts: list[int] = []

        def call(vault: hvac.Client) -> Any:
            attempts.append(1)
            return vault.secrets.kv.v2.create_or_update_secret(path, texts, cas, self.mount)

        try:
            answer = self._ask(call, Need("update" if cas else "create", f"{self.mount}/data/{path}"))
        except CasMismatchError:
            # An attempt whose answer was lost may have been the one that wrote.
            if len(attempts) == 1 or not self._holds(path, fields, cas + 1):
                raise
            return cas + 1
        version = int(answer["data"]["version"])
        if not self._holds(path, fields, version):
            message = f"{where}: version {version}, just written, reads back differently from what was sent"
            raise VaultError(message, "do not rely on that version; look at the server's log and its storage")
        return version

    def metadata(self, path: str) -> Metadata | None:
        """See the port."""
        self._place(path)
        answer = self._raw_metadata(path)
        return None if answer is None else read_metadata(answer, self._now())

    def annotate(self, path: str, changes: Mapping[str, str | None], *, cas: int | None = None) -> None:
        """See the port. OpenBao checks that nobody changes other keys in between; with Vault a moment remains."""
        where = self._place(path)
        annotate(self._ask, self._raw_metadata, (self.mount, path, where), changes, cas)

    def delete(self, path: str, versions: tuple[int, ...]) -> None:
        """See the port."""
        self._on_versions("delete", path, versions)

    def undelete(self, path: str, versions: tuple[int, ...]) -> None:
        """See the port."""
        self._on_versions("undelete", path, versions)

    def destroy(self, path: str, versions: tuple[int, ...]) -> None:
        """See the port."""
        self._on_versions("destroy", path, versions)

    def _on_versions(self, verb: str, path: str, versions: tuple[int, ...]) -> None:
        self._place(path)
        if not versions:
            return

        def call(vault: hvac.Client) -> Any:
            store = vault.secrets.kv.v2
            act = {
                "delete": store.delete_secret_versions,
                "undelete": store.undelete_secret_versions,
                "destroy": store.destroy_secret_versions,
            }
            return act[verb](path, list(versions), self.mount)

        self._ask(call, Need("update", f"{self.mount}/{verb}/{path}"))

    def _holds(self, path: str, fields: Mapping[str, Confidential], version: int) -> bool:
        """Whether that version has these very fields; Confidential compares in constant time."""
        stored = self.read(path, version)
        return stored is not None and dict(stored.fields) == dict(fields)

    def _raw_metadata(self, path: str) -> Mapping[str, Any] | None:
        need = Need("read", f"{self.mount}/metadata/{path}")
        answer = self._ask(lambda vault: vault.secrets.kv.v2.read_secret_metadata(path, self.mount), need)
        return None if answer is None else answer["data"]

    def _ask(self, call: Callable[[hvac.Client], Any], need: Need) -> Any:
        if not self._checked:
            check_version(self._connection, self.mount)
            self._checked = True
        return self._connection.ask(call, need)

    def _place(self, path: str) -> str:
        """How messages name the path."""
        if fault := path_fault(path):
            raise VaultError(fault)
        return f"{self.mount}/{quote(path)[1:-1]}"
