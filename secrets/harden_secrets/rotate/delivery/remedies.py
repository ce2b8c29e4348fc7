"""Who would replace a pod that keeps an old value, and what a person does where nobody does."""

from collections.abc import Mapping
from typing import Any

from harden_secrets.cluster.port import Cluster, ClusterDeniedError, Manifest, MissingError, ObjectName
from harden_secrets.cluster.rollout import RESTARTED


def remedy(cluster: Cluster, pod: Manifest) -> str:  # noqa: PLR0911 - a table of cases
    """One sentence about a pod."""
    name = ObjectName.of(pod)
    owner = _controller(cluster, pod)
    if owner is None:
        return f"{name} belongs to nobody who would make it again: delete it and make it anew"
    above = _controller(cluster, owner) or owner
    who = ObjectName.of(above)
    match above["kind"]:
        case "Job" | "CronJob":
            return f"{name} is of {ObjectName.of(owner)}: nothing restarts it; let it end, or delete that"
        case "Deployment" if (above.get("spec") or {}).get("paused"):
            return f"{who} is paused: kubectl -n {who.namespace} rollout resume deployment {who.name}"
        case "StatefulSet" | "DaemonSet" if _leaves_pods(above):
            return f"{who} leaves replacing its pods to you: kubectl -n {name.namespace} delete pod {name.name}"
        case kind if kind in RESTARTED:
            return f"restart it: kubectl -n {who.namespace} rollout restart {kind.lower()} {who.name}"
        case "Rollout":
            return f"restart it: kubectl argo rollouts -n {who.namespace} restart {who.name}"
        case _:
            return f"{who} makes a new one: kubectl -n {name.namespace} delete pod {name.name}"


def _leaves_pods(workload: Manifest) -> bool:
    strategy: Mapping[str, Any] = (workload.get("spec") or {}).get("updateStrategy") or {}
    return strategy.get("type") == "OnDelete" or bool((strategy.get("rollingUpdate") or {}).get("partition"))


def _controller(cluster: Cluster, manifest: Manifest) -> Manifest | None:
    """What made an object; only its name where nobody may read it or the kind is unknown."""
    for one in manifest["metadata"].get("ownerReferences") or ():
        if one.get("controller"):
            namespace = manifest["metadata"].get("namespace", "")
            name = ObjectName(str(one["apiVersion"]), str(one["kind"]), namespace, str(one["name"]))
            try:
                found = cluster.get(name)
            except (MissingError, ClusterDeniedError):
                found = None
            return found or {
                "apiVersion": name.api_version,
                "kind": name.kind,
                "metadata": {"name": name.name, "namespace": namespace},
            }
    return None
