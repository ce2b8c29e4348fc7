"""Enter what was moved into the inventory, so that it can be rotated and delivered again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.durable import write_file
from harden_secrets.inventory.addition import appended
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Delivery, KeySource, SecretEntry, SecretKind
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import PlannedSecret


class Record:
    """Adds an entry at the end of the file; every byte of what a person wrote there stays."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """The file as it was; it holds no value. Empty where there is none."""
        return Confidential(_content(self._path))

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Nothing where the inventory has the name already: it is the person's."""
        secret, text = self._site.secret(step), _content(self._path).decode()
        known = read_inventory(text.encode(), str(self._path)).secrets if text.strip() else {}
        if secret.name not in known:
            _write(self._path, appended(text, [entry(secret)], str(self._path)))
        return {"inventory": str(self._path)}

    def undo(self, step: Step, before: Confidential) -> None:
        """Put back the file as it was, unless somebody has changed it since."""
        secret, text = self._site.secret(step), before.reveal().decode()
        now = _content(self._path).decode()
        if now == text:
            return
        if now == appended(text, [entry(secret)], str(self._path)):
            _write(self._path, text)
            return
        raise HardenError(
            f"{self._path}: was changed since harden entered {secret.name}",
            f"take the entry {secret.name} out by hand, then run: harden secrets rollback",
        )

    @property
    def _path(self) -> Path:
        assert self._site.inventory is not None, "who migrates has an inventory"
        return self._site.inventory


def entry(secret: PlannedSecret) -> SecretEntry:
    """The inventory's entry for a key that was moved."""
    deliveries = tuple(
        Delivery(
            to=one.to,
            namespace=one.namespace,
            secret=one.secret,
            type=one.type,
            keys={key.key: KeySource(key.field, key.form) for key in one.keys},
        )
        for one in secret.deliveries
    )
    return SecretEntry(name=secret.name, kind=SecretKind(secret.kind), path=secret.vault_path, deliver=deliveries)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise HardenError(f"{path}: cannot be read: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    try:
        if not text:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, text.encode(), 0o644)
    except OSError as error:
        raise HardenError(
            f"{path}: the inventory cannot be written: {error.strerror}",
            "name one that you may write with --inventory FILE or HARDEN_INVENTORY; then: harden secrets resume",
        ) from None
