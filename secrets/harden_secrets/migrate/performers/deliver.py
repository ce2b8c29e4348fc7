"""Bring a Secret into being that is backed by Vault, and prove its bytes."""

from collections.abc import Mapping
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.marks import is_ours, is_vault_backed
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.delivery import direct
from harden_secrets.delivery.comparing import contents, differing
from harden_secrets.delivery.putting import put
from harden_secrets.delivery.values import Delivery
from harden_secrets.migrate.performers.look import Look
from harden_secrets.migrate.performers.site import Site, packed, restorable, unpacked
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import PlannedSecret


class Deliver:
    """Creates the Secret, or what an operator makes it from. Never writes over what is not ours."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """The objects of these names that are there, by their place in :meth:`_wanted`."""
        names = [ObjectName.of(manifest) for manifest in self._wanted(step, {})]
        return packed({"there": [self._site.cluster.get(name) for name in names]})

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Create what is missing and bring up to date what is ours."""
        secret = self._site.secret(step)
        for manifest in self._wanted(step, self._site.stored(secret)):
            put(self._site.cluster, manifest)
        delivery = secret.deliveries[step.index]
        return {"secret": f"{delivery.namespace}/{delivery.secret}", "to": delivery.to}

    def undo(self, step: Step, before: Confidential) -> None:
        """Take away what was not there before; put back what was there and ours."""
        there = unpacked(before)["there"]
        for manifest, old in zip(self._wanted(step, {}), there, strict=True):
            name = ObjectName.of(manifest)
            now = self._site.cluster.get(name)
            if old is None and now is not None and is_ours(now):
                self._site.cluster.delete(name, uid=now["metadata"]["uid"])
            elif old is not None and now is None:
                self._site.cluster.create(restorable(old))
            elif old is not None and now is not None and is_ours(now):
                self._site.cluster.replace(_as_it_was(old, now))

    def _wanted(self, step: Step, fields: Mapping[str, Confidential]) -> tuple[Manifest, ...]:
        secret = self._site.secret(step)
        delivery = secret.deliveries[step.index]
        if delivery.to != "direct":
            return delivery.objects
        # Without values it is only looked at for its name.
        bare = fields or {one.name: Confidential(b"") for one in secret.fields}
        return (direct.secret(delivery, self._site.plan.vault_mount, secret.vault_path, bare),)


def _as_it_was(old: Manifest, now: Manifest) -> Manifest:
    bare = restorable(old)
    return {**bare, "metadata": {**bare["metadata"], "resourceVersion": now["metadata"]["resourceVersion"]}}


class ProveDelivery(Look):
    """Compares what is in the Secret with what is in Vault, byte for byte. Changes nothing."""

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Waits for an operator; a Secret that has other bytes when the time is up is an error."""
        secret = self._site.secret(step)
        delivery = secret.deliveries[step.index]
        seconds = 0 if delivery.to == "direct" else self._site.delivery_seconds
        if not self._site.until(seconds, lambda: not wrong_keys(self._site, secret, delivery)):
            keys = ", ".join(wrong_keys(self._site, secret, delivery))
            raise HardenError(
                f"secret {delivery.namespace}/{delivery.secret}: not as Vault has it: {keys}",
                f"nothing uses it yet; look at what {delivery.to} says about it, then run: harden secrets resume",
            )
        return {"keys": len(delivery.keys)}


def wrong_keys(site: Site, secret: PlannedSecret, delivery: Delivery) -> list[str]:
    """The keys of a delivered Secret whose bytes are not those of Vault; all of them where there is no Secret."""
    there = site.cluster.get(ObjectName("v1", "Secret", delivery.namespace, delivery.secret))
    if there is None or not is_vault_backed(there):
        return [entry.key for entry in delivery.keys]
    return differing(there, contents(delivery, site.stored(secret)))
