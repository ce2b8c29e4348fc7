"""Who uses a copy at this very moment: asked before it is removed, whatever the plan knew."""

from collections.abc import Iterator

from harden_secrets.cluster.consumers import Consumer, Index, Way
from harden_secrets.cluster.pods import is_living
from harden_secrets.cluster.port import Cluster, Manifest, ObjectName
from harden_secrets.plan.values import Copy, PlannedSecret

# What makes pods, and pods. A ReplicaSet that is kept for a return to an older revision has none of its own.
_KINDS = (
    ("v1", "Pod"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "CronJob"),
)


def users(cluster: Cluster, secret: PlannedSecret, copy: Copy) -> list[ObjectName]:
    """Workloads and pods that need a copy, or would if they began now."""
    assert copy.object is not None, "nobody asks for the users of a file"
    return sorted(ObjectName.of(one) for one in _living(cluster, copy.object.namespace) if needs(one, secret, copy))


def needs(manifest: Manifest, secret: PlannedSecret, copy: Copy) -> bool:
    """Whether this one object does.

    Not if it shows the rest of a ConfigMap, whatever that holds, and the delivered Secret beside it.
    """
    assert copy.object is not None, "nobody asks for the users of a file"
    index = Index()
    index.add(manifest)
    found = [one for one in index.consumers(copy.object, None) if not _is_blind(one, copy)]
    if any(one.key == copy.key for one in found):
        return True
    whole = any(not one.key for one in found)
    return whole and not (copy.removal == "remove-key" and _has_delivered(index, secret, copy.object.namespace))


def _is_blind(consumer: Consumer, copy: Copy) -> bool:
    """Variables are made of a ConfigMap's `data` only: they never had what is in `binaryData`, and keep the rest."""
    binary = copy.removal == "remove-key" and copy.pointer.startswith("/binaryData/")
    return binary and consumer.way in (Way.ENV, Way.ENV_FROM)


def _has_delivered(index: Index, secret: PlannedSecret, namespace: str) -> bool:
    names = [one.secret for one in secret.deliveries if one.namespace == namespace]
    return any(index.consumers(ObjectName("v1", "Secret", namespace, name)) for name in names)


def _living(cluster: Cluster, namespace: str) -> Iterator[Manifest]:
    for api_version, kind in _KINDS:
        yield from (one for one in cluster.list(api_version, kind, namespace) if is_living(one))
