"""Who uses a copy at this very moment: asked before it is removed, whatever the plan knew."""

from collections.abc import Iterator

from harden_secrets.cluster.consumers import Index
from harden_secrets.cluster.port import Cluster, Manifest, ObjectName

# What makes pods, and pods. A ReplicaSet that is kept for a return to an older revision has none of its own.
_KINDS = (
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "CronJob"),
)
_ENDED = ("Succeeded", "Failed")


def users(cluster: Cluster, name: ObjectName, key: str) -> list[ObjectName]:
    """Workloads and pods that see the entry ``key`` of a ConfigMap or Secret, or would if they began now."""
    return sorted(ObjectName.of(one) for one in _living(cluster, name.namespace) if uses(one, name, key))


def uses(manifest: Manifest, name: ObjectName, key: str) -> bool:
    """Whether this one object does."""
    index = Index()
    index.add(manifest)
    return bool(index.consumers(name, key))


def is_living(pod: Manifest) -> bool:
    """Whether a pod runs, or will; not one that has ended or is on its way out."""
    return "deletionTimestamp" not in pod["metadata"] and (pod.get("status") or {}).get("phase") not in _ENDED


def _living(cluster: Cluster, namespace: str) -> Iterator[Manifest]:
    for api_version, kind in _KINDS:
        yield from (one for one in cluster.list(api_version, kind, namespace) if is_living(one))
