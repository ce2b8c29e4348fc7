"""Enter what was moved into the inventory, so that it can be rotated and delivered again."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.delivery import values
from harden_secrets.fileimage import FileImage, exchange
from harden_secrets.inventory.addition import appended
from harden_secrets.inventory.extension import extended
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Delivery, KeySource, SecretEntry
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import PlannedSecret


class Record:
    """Adds an entry at the end of the file; every byte of what a person wrote there stays."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """The file as it is."""
        return FileImage.of(self._path).packed()

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """A new entry, or the deliveries that an entry for the same path has not got yet."""
        now = FileImage.of(self._path)
        wanted = self._with_entry(step, now)
        if wanted != now:
            wanted.put(self._path)
        return {"inventory": str(self._path)}

    def undo(self, step: Step, before: Confidential) -> None:
        """Put back the file as it was. Raises HardenError where somebody has changed it since."""
        old = FileImage.unpacked(before)
        name = self._site.secret(step).name
        exchange(self._path, self._with_entry(step, old), old, f"was changed since harden entered {name}")

    def _with_entry(self, step: Step, image: FileImage) -> FileImage:
        secret, text = self._site.secret(step), self._text(image)
        known = read_inventory(text.encode(), str(self._path)).secrets if text.strip() else {}
        wanted, path = entry(secret), str(self._path)
        if secret.name not in known:
            made = appended(text, [wanted], path)
        elif known[secret.name].path == secret.vault_path:
            made = extended(text, secret.name, wanted.deliver, path)  # what is rotated must reach those as well
        else:
            made = text  # the person's own entry of that name
        return replace(image, content=Confidential(made.encode()))

    def _text(self, image: FileImage) -> str:
        try:
            return image.content.reveal().decode() if image.content is not None else ""
        except UnicodeDecodeError:
            raise HardenError(f"{self._path}: is not UTF-8 text") from None

    @property
    def _path(self) -> Path:
        assert self._site.inventory is not None, "who migrates has an inventory"
        return self._site.inventory


def entry(secret: PlannedSecret) -> SecretEntry:
    """The inventory's entry for a key that was moved. One that harden has no way to make anew is ``opaque``."""
    # A manifest that leaves its namespace to whoever applies it says nothing of where it is delivered.
    deliveries = tuple(_delivery(one) for one in secret.deliveries if one.path or one.namespace)
    return SecretEntry(name=secret.name, kind=secret.kind, path=secret.vault_path, deliver=deliveries)


def _delivery(planned: values.Delivery) -> Delivery:
    made = Delivery(
        to=planned.to,
        namespace=planned.namespace,
        secret=planned.secret,
        type=planned.type,
        keys={key.key: KeySource(key.field, key.form) for key in planned.keys},
        path=planned.path,
    )
    spec = planned.objects[0]["spec"] if planned.objects else {}
    if planned.to == "external-secrets":
        store = spec["secretStoreRef"]
        return replace(made, store=store["name"], store_kind=store["kind"])
    auth = str(spec.get("vaultAuthRef", ""))
    return replace(made, auth=auth) if "/" not in auth else made  # the inventory knows those of its own namespace
