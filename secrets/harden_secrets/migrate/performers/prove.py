"""Prove that a consumer sees what it saw before: ask in its pods, byte for byte; where none can say, by structure."""

from collections.abc import Iterator, Mapping
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.pods import is_living
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.cluster.selector import selects
from harden_secrets.cluster.sight import PodWentError, is_there, look
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import DELIVERED
from harden_secrets.migrate.performers.deliver import wrong_keys
from harden_secrets.migrate.performers.look import Look
from harden_secrets.migrate.performers.site import existing
from harden_secrets.migrate.performers.users import needs
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import ConsumerChange, PlannedSecret, Sees

BY_BYTES = "bytes in the pod"
BY_STRUCTURE = "structure"  # it refers to a Secret whose bytes are right, by the names it had


class ProveConsumer(Look):
    """Reads each file and variable in every running container of a consumer. Changes nothing."""

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Raises HardenError where a pod sees other bytes, or a delivered Secret is not as Vault has it."""
        secret = self._site.secret(step)
        change = secret.consumers[step.index]
        for delivery in secret.deliveries:
            if delivery.namespace == change.object.namespace and (keys := wrong_keys(self._site, secret, delivery)):
                raise HardenError(
                    f"secret {delivery.namespace}/{delivery.secret}: not as Vault has it: {', '.join(keys)}",
                    "see who changed it; nothing was removed",
                )
        proofs: list[str] = []

        def looked() -> bool:
            nonlocal proofs
            try:
                proofs = list(self._proofs(secret, change))
            except PodWentError:
                return False
            return True

        if not self._site.until(self._site.delivery_seconds, looked):
            raise HardenError(
                f"{change.object}: its pods come and go; none stayed long enough to be asked",
                "nothing was removed; see why they restart, then run: harden secrets resume",
            )
        by_bytes = bool(proofs) and set(proofs) == {BY_BYTES}
        return {"asked": len(proofs), "proof": BY_BYTES if by_bytes else BY_STRUCTURE}

    def _proofs(self, secret: PlannedSecret, change: ConsumerChange) -> Iterator[str]:
        for pod in self._pods(secret, change):
            for sees in change.sees:
                yield self._proved(pod, sees)

    def _proved(self, pod: Manifest, sees: Sees) -> str:
        sight = look(self._site.cluster, pod, sees.container, sees.at)
        if not sight.known:
            return BY_STRUCTURE
        content = sight.content
        if content is not None and self._site.fingerprints.of_bytes(DELIVERED, content) == sees.digest:
            return BY_BYTES
        if not is_there(self._site.cluster, pod):
            raise PodWentError
        raise HardenError(
            f"{ObjectName.of(pod)}: container {sees.container} does not see at {sees.at} what it saw before",
            "nothing was removed; harden secrets rollback puts everything back",
        )

    def _pods(self, secret: PlannedSecret, change: ConsumerChange) -> list[Manifest]:
        """The pods that the consumer has now; not those of its older template, which prove nothing."""
        owner = existing(self._site.cluster, change.object)
        selector = (owner.get("spec") or {}).get("selector")
        if not selector:
            return []
        listed = self._site.cluster.list("v1", "Pod", change.object.namespace)
        old = [one for one in secret.copies if one.object and one.removal in ("delete-object", "remove-key")]
        return [
            pod
            for pod in listed
            if is_living(pod)
            and selects(selector, pod["metadata"].get("labels") or {})
            and not any(needs(pod, secret, one) for one in old)
        ]
