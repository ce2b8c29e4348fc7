"""Store a key in Vault, and know that it is there."""

import json
from collections.abc import Mapping
from typing import Any

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import STORED
from harden_secrets.migrate.gather import gathered
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import PlannedSecret


class Store:
    """Writes the fields of a key as a new version; the adapter reads them back and compares."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """The version that was current, 0 for none."""
        known = self._site.vault.metadata(self._site.secret(step).vault_path)
        return Confidential(json.dumps({"version": known.current if known else 0}).encode())

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """A path that has these bytes is as it should be; others at their names are somebody else's."""
        secret = self._site.secret(step)
        there = self._site.vault.read(secret.vault_path)
        if there is not None and there.foreign:
            raise self._taken(secret)  # whoever wrote it reads texts, and would find base64
        if there is not None and self._has_all(secret, there.fields):
            return {"path": secret.vault_path, "version": there.version}
        fields = gathered(secret, lambda: self._site.cluster, self._site.fingerprints)
        if there is not None:
            self._check_none_differs(secret, there.fields)
            fields = {**there.fields, **fields}
        version = self._site.vault.write(secret.vault_path, fields, cas=there.version if there else _version(before))
        return {"path": secret.vault_path, "version": version}

    def undo(self, step: Step, before: Confidential) -> None:
        """Take back the version that this run wrote, and none that somebody else wrote before or after it.

        Nobody uses it any more: everything after it is undone. Where an earlier version was in use, its fields are
        written again: a deleted newest version would hide it from everybody who asks for the newest.
        """
        secret, version = self._site.secret(step), _version(before)
        ours = version + 1
        known = self._site.vault.metadata(secret.vault_path)
        if known is None or known.current < ours:
            return
        there = self._site.vault.read(secret.vault_path, ours)
        if there is None or not self._has_all(secret, there.fields):
            return
        old = self._site.vault.read(secret.vault_path, version) if version else None
        if known.current == ours and old is not None:
            self._site.vault.write(secret.vault_path, old.fields, cas=ours)
        self._site.vault.delete(secret.vault_path, (ours,))

    def _has_all(self, secret: PlannedSecret, fields: Mapping[str, Confidential]) -> bool:
        # By keyed digest: the copies may be gone already, where the run goes on after a crash.
        return all(one.name in fields and self._digest(fields[one.name]) == one.digest for one in secret.fields)

    def _check_none_differs(self, secret: PlannedSecret, fields: Mapping[str, Confidential]) -> None:
        if any(one.name in fields and self._digest(fields[one.name]) != one.digest for one in secret.fields):
            raise self._taken(secret)

    def _taken(self, secret: PlannedSecret) -> HardenError:
        return HardenError(
            f"{self._site.plan.vault_mount}/{secret.vault_path}: something else is stored there already",
            "nothing was overwritten; name another path for it in the inventory, or remove what is there",
        )

    def _digest(self, value: Confidential) -> str:
        return self._site.fingerprints.of_bytes(STORED, value)


def _version(before: Confidential) -> int:
    return int(json.loads(before.reveal())["version"])
