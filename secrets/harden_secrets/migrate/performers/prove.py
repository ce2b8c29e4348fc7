"""Prove that a consumer sees what it saw before: ask in its pods, byte for byte; where none can say, by structure."""

from collections.abc import Mapping
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.port import ClusterError, Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.migrate.performers.deliver import wrong_keys
from harden_secrets.migrate.performers.site import DELIVERED, Site, existing
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import ConsumerChange, Sees

_NO_PROGRAM = (126, 127)  # not executable, not found: POSIX shell
BY_BYTES = "bytes in the pod"
BY_STRUCTURE = "structure"  # it refers to a Secret whose bytes are right, by the names it had


class ProveConsumer:
    """Reads each file and variable in every running container of a consumer. Changes nothing."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """Nothing: there will be nothing to undo."""
        return Confidential(b"")

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Raises HardenError where a pod sees other bytes, or a delivered Secret is not as Vault has it."""
        secret = self._site.secret(step)
        change = secret.consumers[step.index]
        for delivery in secret.deliveries:
            if delivery.namespace == change.object.namespace and (keys := wrong_keys(self._site, secret, delivery)):
                raise HardenError(f"secret {delivery.namespace}/{delivery.secret}: not as Vault has it: {keys}")
        pods = self._pods(change)
        proofs = {self._proved(pod, sees) for pod in pods for sees in change.sees}
        return {"pods": len(pods), "proof": BY_BYTES if proofs == {BY_BYTES} else BY_STRUCTURE}

    def undo(self, step: Step, before: Confidential) -> None:
        """Nothing was changed."""

    def _proved(self, pod: Manifest, sees: Sees) -> str:
        if not _runs(pod, sees.container):
            return BY_STRUCTURE
        try:
            said = self._site.cluster.execute(ObjectName.of(pod), sees.container, _question(sees.at))
        except ClusterError:
            return BY_STRUCTURE  # exec may be forbidden, or the image may have no program at all
        if said.status in _NO_PROGRAM:
            return BY_STRUCTURE
        got = said.stdout
        if sees.at.startswith("env:"):
            got = got.removesuffix(b"\n")  # printenv ends its answer with a newline of its own
        if said.status != 0 or self._site.fingerprints.of_bytes(DELIVERED, Confidential(got)) != sees.digest:
            name = ObjectName.of(pod)
            raise HardenError(
                f"{name}: container {sees.container} does not see at {sees.at} what it saw before",
                "nothing was removed; harden secrets rollback puts everything back",
            )
        return BY_BYTES

    def _pods(self, change: ConsumerChange) -> list[Manifest]:
        """The pods that the consumer has now, not those on their way out."""
        owner = existing(self._site.cluster, change.object)
        if change.object.kind == "Pod":
            return [owner]
        listed = self._site.cluster.list("v1", "Pod", change.object.namespace)
        selector = ((owner.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
        return [pod for pod in listed if selector and _is_current(pod, selector)]


def _is_current(pod: Manifest, selector: Mapping[str, str]) -> bool:
    metadata = pod["metadata"]
    labels = metadata.get("labels") or {}
    return "deletionTimestamp" not in metadata and all(labels.get(key) == value for key, value in selector.items())


def _runs(pod: Manifest, container: str) -> bool:
    states = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(one.get("name") == container and "running" in (one.get("state") or {}) for one in states)


def _question(at: str) -> tuple[str, ...]:
    return ("printenv", at.removeprefix("env:")) if at.startswith("env:") else ("cat", at)
