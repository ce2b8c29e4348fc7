"""A CronJob that runs `rotate --due`, and all that it needs in the cluster. Pure.

Two of them at once do no harm, because the lock over a secret lies in Vault; ``Forbid`` keeps them from waiting for
each other. A run that fails is not repeated: the next one goes on from there. What has to be written, the state and
what is temporary, lies in memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from harden_secrets.inventory.model import Inventory
from harden_secrets.rotate.units.role import rules

NAME, INVENTORY = "harden-rotate", "harden-inventory"
FOLDER, STATE = "/etc/harden", "/var/lib/harden"
LABELS = {"app.kubernetes.io/name": "harden", "app.kubernetes.io/component": "rotation"}
USER = 65532  # nobody in particular
_LONGEST_RUN = timedelta(hours=6)
_RBAC = "rbac.authorization.k8s.io"

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pod:
    """What the pods are to be. ``claims``: PersistentVolumeClaims by the path at which they are mounted.

    ``files``: those of the ConfigMap, the inventory among them. ``environment``: variables, none of them secret.
    """

    namespace: str
    image: str
    files: Mapping[str, str]
    environment: Mapping[str, str] = field(default_factory=dict)
    claims: Mapping[str, str] = field(default_factory=dict)


def manifests(pod: Pod, inventory: Inventory, between: timedelta) -> Sequence[Manifest]:
    """All objects, in the order in which they can be made. The namespaces have to be there."""
    return [
        _object("v1", "ServiceAccount", NAME, pod.namespace, automountServiceAccountToken=False),
        *_roles(pod, inventory),
        _object("v1", "ConfigMap", INVENTORY, pod.namespace, data=dict(pod.files)),
        _object("batch/v1", "CronJob", NAME, pod.namespace, spec=_cronjob(pod, inventory, between)),
    ]


def _roles(pod: Pod, inventory: Inventory) -> Iterator[Manifest]:
    account = {"kind": "ServiceAccount", "name": NAME, "namespace": pod.namespace}
    for namespace, found in rules(inventory).items():
        yield _object(f"{_RBAC}/v1", "Role", NAME, namespace, rules=list(found))
        reference = {"apiGroup": _RBAC, "kind": "Role", "name": NAME}
        yield _object(f"{_RBAC}/v1", "RoleBinding", NAME, namespace, roleRef=reference, subjects=[account])


def _cronjob(pod: Pod, inventory: Inventory, between: timedelta) -> Manifest:
    seconds = int(between.total_seconds())
    return {
        "schedule": f"*/{seconds // 60} * * * *",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": seconds,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {
            "spec": {
                "backoffLimit": 0,
                "activeDeadlineSeconds": int(_LONGEST_RUN.total_seconds()),
                "template": {"metadata": {"labels": dict(LABELS)}, "spec": _pod(pod, inventory)},
            }
        },
    }


def _pod(pod: Pod, inventory: Inventory) -> Manifest:
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 60,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(pod, inventory)],
        "volumes": [
            {"name": "inventory", "configMap": {"name": INVENTORY, "defaultMode": 0o444}},
            {"name": "state", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
            {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi" if _git(inventory) else "64Mi"}},
            *_claims(pod),
        ],
    }


def _container(pod: Pod, inventory: Inventory) -> Manifest:
    # harden closes its state's root, which it can do with a folder of its own only: a volume's belongs to root
    given = {"HARDEN_INVENTORY": f"{FOLDER}/secrets.yaml", "HARDEN_STATE": f"{STATE}/state", "HOME": "/tmp"}  # noqa: S108  a volume of the pod's own
    mounts = [("inventory", FOLDER, True), ("state", STATE, False), ("tmp", "/tmp", False)]  # noqa: S108  the same
    mounts += [(one["name"], path, False) for one, path in zip(_claims(pod), pod.claims, strict=True)]
    memory = "3Gi" if _git(inventory) else "512Mi"
    return {
        "name": "harden",
        "image": pod.image,
        "command": ["harden", "secrets", "rotate", "--due"],
        "env": [{"name": name, "value": value} for name, value in {**given, **pod.environment}.items()],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": memory}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": name, "mountPath": path, **({"readOnly": True} if read_only else {})}
            for name, path, read_only in mounts
        ],
    }


def _claims(pod: Pod) -> list[Manifest]:
    return [
        {"name": f"claim-{number}", "persistentVolumeClaim": {"claimName": claim}}
        for number, claim in enumerate(pod.claims.values())
    ]


def _git(inventory: Inventory) -> bool:
    return any(entry.repository is not None for entry in inventory.secrets.values())


def _object(api_version: str, kind: str, name: str, namespace: str, **more: Any) -> Manifest:
    metadata = {"name": name, "namespace": namespace, "labels": dict(LABELS)}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **more}
