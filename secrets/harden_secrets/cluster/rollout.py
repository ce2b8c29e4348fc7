"""Whether a workload's pods are all of its newest template and ready. Pure: the object's status says so."""

from collections.abc import Mapping
from typing import Any

RESTARTED = ("Deployment", "StatefulSet", "DaemonSet")  # those that `kubectl rollout restart` knows
WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"})


def is_complete(workload: Mapping[str, Any]) -> bool:
    """Whether the controller has seen the newest generation and replaced every pod by it, if it replaces them at all.

    Pods that somebody else has to replace are another matter: see :mod:`harden_secrets.migrate.performers.users`.
    """
    spec, status = workload.get("spec") or {}, workload.get("status") or {}
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return False
    if _leaves_pods(workload["kind"], spec):
        return True
    if workload["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 0)
        return _all(status, wanted, "updatedNumberScheduled", "numberAvailable")
    wanted = spec.get("replicas", 1)
    if workload["kind"] in ("ReplicaSet", "ReplicationController"):
        return _all(status, wanted, "readyReplicas")
    if workload["kind"] == "StatefulSet":
        return _is_complete_in_order(spec, status, wanted)
    return status.get("replicas", 0) == wanted and _all(status, wanted, "updatedReplicas", "availableReplicas")


def _is_complete_in_order(spec: Mapping[str, Any], status: Mapping[str, Any], wanted: int) -> bool:
    """A StatefulSet replaces its pods from the last down to the one with the number ``partition``, and no further."""
    if partition := _partition(spec):
        updated = status.get("updatedReplicas", 0) >= wanted - min(partition, wanted)
        return updated and _all(status, wanted, "readyReplicas")
    same = status.get("currentRevision") == status.get("updateRevision")
    return _all(status, wanted, "updatedReplicas", "readyReplicas") and (not wanted or same)


def _partition(spec: Mapping[str, Any]) -> int:
    """How many of a StatefulSet's first pods keep the template that they have."""
    return int(((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0)


def replacement(workload: Mapping[str, Any]) -> str:
    """What becomes of its pods when its template changes, in words; nothing for what is no workload of lasting pods."""
    kind, spec = workload.get("kind"), workload.get("spec") or {}
    wanted = spec.get("replicas", 1)
    if kind not in WORKLOADS:
        return ""
    if kind != "DaemonSet" and not wanted:
        return "it has no pods now"
    if kind in ("ReplicaSet", "ReplicationController"):
        return "its pods stay as they are until somebody deletes them"
    if _leaves_pods(kind, spec):
        how = "resumes it" if kind == "Deployment" else "deletes them"
        return f"its pods are replaced when somebody {how}: it is {'paused' if kind == 'Deployment' else 'OnDelete'}"
    if kind == "StatefulSet" and (kept := min(_partition(spec), wanted)):
        which = (
            f"the last {wanted - kept} of its {wanted} pods are replaced, the others" if kept < wanted else "its pods"
        )
        return f"{which} stay as they are until somebody lowers its partition"
    return "its pods are replaced"


def has_failed(workload: Mapping[str, Any]) -> str:
    """Why a rollout will not come to its end by itself, in the controller's words; empty while it may."""
    status = workload.get("status") or {}
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        return ""  # what it says is about the template before
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Progressing" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "it does not progress")
    return ""


def _leaves_pods(kind: str, spec: Mapping[str, Any]) -> bool:
    """Whether pods keep the old template until a person does something."""
    if kind == "Deployment":
        return bool(spec.get("paused"))
    return (spec.get("updateStrategy") or {}).get("type") == "OnDelete"


def _all(status: Mapping[str, Any], wanted: int, *counts: str) -> bool:
    return all(status.get(count, 0) == wanted for count in counts)
