"""What performers work on: the plan, the ports, and how long to wait."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.port import Cluster, Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import Plan, PlannedSecret
from harden_secrets.vault.port import Vault
from harden_secrets.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Site:
    """Where a plan is carried out. ``cluster`` is None for a plan that changes files only.

    ``now`` and ``pause`` are the clock: seconds, and a sleep for some of them.
    """

    plan: Plan
    vault: Vault
    fingerprints: Fingerprinter
    now: Callable[[], float]
    pause: Callable[[float], None]
    connected: Cluster | None = None
    inventory: Path | None = None  # where what was moved is entered
    delivery_seconds: float = 120
    rollout_seconds: float = 600
    poll_seconds: float = 1

    @property
    def cluster(self) -> Cluster:
        """The API server. Raises HardenError for a plan without one."""
        if self.connected is None:
            raise HardenError("this plan changes a cluster, and none is given", "set KUBECONFIG, or --kubeconfig FILE")
        return self.connected

    def secret(self, step: Step) -> PlannedSecret:
        """The part of the plan that the step belongs to."""
        return self.plan.secrets[step.secret]

    def stored(self, secret: PlannedSecret) -> Mapping[str, Confidential]:
        """The fields of the secret in Vault. Raises HardenError where they are gone."""
        found = self.vault.read(secret.vault_path)
        if found is None or not {one.name for one in secret.fields} <= set(found.fields):
            raise HardenError(
                f"{self.plan.vault_mount}/{secret.vault_path}: what was stored there is gone",
                "bring that version back in Vault, or undo the run: harden secrets rollback",
            )
        return found.fields

    @property
    def waiting(self) -> Waiting:
        """How to wait here."""
        return Waiting(self.now, self.pause, self.poll_seconds)

    def until(self, seconds: float, done: Callable[[], bool]) -> bool:
        """Ask again and again whether something has happened; whether it did within that time."""
        return self.waiting.until(seconds, done)


def packed(manifest: Manifest | None) -> Confidential:
    """An object, or that there was none, as a journal keeps it."""
    return Confidential(json.dumps(manifest).encode())


def unpacked(before: Confidential) -> Any:
    """What :func:`packed` was given."""
    return json.loads(before.reveal())


def restorable(manifest: Manifest) -> Manifest:
    """The object without what the server decides, so that it can be created again."""
    metadata = {
        key: value
        for key, value in manifest["metadata"].items()
        if key not in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "selfLink")
    }
    return {key: value for key, value in manifest.items() if key != "status"} | {"metadata": metadata}


def existing(cluster: Cluster, name: ObjectName) -> Manifest:
    """The object. Raises HardenError where it is gone."""
    found = cluster.get(name)
    if found is None:
        raise HardenError(f"{name} is gone", "undo the run with: harden secrets rollback; then make a new plan")
    return found
