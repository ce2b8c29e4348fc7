"""Prove that a consumer sees what it saw before: ask in its pods, byte for byte; where none can say, by structure."""

from collections.abc import Iterator, Mapping
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.port import (
    ClusterError,
    ClusterUnavailableError,
    Executed,
    Manifest,
    MissingError,
    ObjectName,
)
from harden_secrets.cluster.selector import selects
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import DELIVERED
from harden_secrets.migrate.performers.deliver import wrong_keys
from harden_secrets.migrate.performers.look import Look
from harden_secrets.migrate.performers.site import existing
from harden_secrets.migrate.performers.users import is_living, needs
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import ConsumerChange, PlannedSecret, Sees

_NO_PROGRAM = (126, 127)  # not executable, not found: POSIX shell
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
            except _PodWentError:
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
        if not _runs(pod, sees.container):
            return BY_STRUCTURE
        name = ObjectName.of(pod)
        try:
            said = self._site.cluster.execute(name, sees.container, _question(sees.at))
        except MissingError:
            raise _PodWentError from None
        except ClusterUnavailableError:
            if not self._is_there(pod):
                raise _PodWentError from None
            raise
        except ClusterError:
            return BY_STRUCTURE  # exec may be forbidden, or the image may have no program at all
        if said.status in _NO_PROGRAM:
            return BY_STRUCTURE
        if self._is_right(said, sees):
            return BY_BYTES
        if not self._is_there(pod):
            raise _PodWentError
        raise HardenError(
            f"{name}: container {sees.container} does not see at {sees.at} what it saw before",
            "nothing was removed; harden secrets rollback puts everything back",
        )

    def _is_right(self, said: Executed, sees: Sees) -> bool:
        # printenv ends its answer with a newline of its own
        got = said.stdout.removesuffix(b"\n") if sees.at.startswith("env:") else said.stdout
        return said.status == 0 and self._site.fingerprints.of_bytes(DELIVERED, Confidential(got)) == sees.digest

    def _is_there(self, pod: Manifest) -> bool:
        now = self._site.cluster.get(ObjectName.of(pod))
        return now is not None and now["metadata"]["uid"] == pod["metadata"]["uid"] and is_living(now)

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


class _PodWentError(Exception):
    """The pod was replaced while it was asked: ask its successor."""


def _runs(pod: Manifest, container: str) -> bool:
    states = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(one.get("name") == container and "running" in (one.get("state") or {}) for one in states)


def _question(at: str) -> tuple[str, ...]:
    return ("printenv", at.removeprefix("env:")) if at.startswith("env:") else ("cat", "--", at)
