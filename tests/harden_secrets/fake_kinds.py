"""The kinds that a fake API server knows from the start; custom ones come with their definitions, as in a real one."""

from harden_secrets.cluster.port import Manifest, Resource

WRITABLE = frozenset({"create", "delete", "get", "list", "patch", "update", "watch"})
ASKED = frozenset({"create"})

_NAMESPACED = {
    "v1": ["ConfigMap", "Secret", "Pod", "Service", "ServiceAccount", "Endpoints", "Event", "PersistentVolumeClaim",
           "PodTemplate", "ReplicationController"],
    "apps/v1": ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ControllerRevision"],
    "batch/v1": ["Job", "CronJob"],
    "networking.k8s.io/v1": ["Ingress", "NetworkPolicy"],
    "rbac.authorization.k8s.io/v1": ["Role", "RoleBinding"],
    "coordination.k8s.io/v1": ["Lease"],
    "events.k8s.io/v1": ["Event"],
    "discovery.k8s.io/v1": ["EndpointSlice"],
}  # fmt: skip
_CLUSTER_WIDE = {
    "v1": ["Namespace", "Node", "PersistentVolume"],
    "apiextensions.k8s.io/v1": ["CustomResourceDefinition"],
    "rbac.authorization.k8s.io/v1": ["ClusterRole", "ClusterRoleBinding"],
    "storage.k8s.io/v1": ["StorageClass"],
}


def built_in() -> list[Resource]:
    """A new list of them."""
    out = [Resource("authorization.k8s.io/v1", "SubjectAccessReview", "subjectaccessreviews", False, ASKED)]
    for table, namespaced in ((_NAMESPACED, True), (_CLUSTER_WIDE, False)):
        for version, kinds in table.items():
            out += [Resource(version, kind, plural(kind), namespaced, WRITABLE) for kind in kinds]
    return out


def defined_by(definition: Manifest) -> list[Resource]:
    """The kinds that a CustomResourceDefinition brings: one for each version that is served, the preferred first."""
    spec = definition["spec"]
    names, namespaced = spec["names"], spec["scope"] == "Namespaced"
    served = sorted((one for one in spec["versions"] if one["served"]), key=lambda one: not one["storage"])
    return [
        Resource(f"{spec['group']}/{one['name']}", names["kind"], names["plural"], namespaced, WRITABLE)
        for one in served
    ]


def plural(kind: str) -> str:
    """As the built-in kinds form it."""
    lower = kind.lower()
    if lower.endswith("points"):
        return lower
    if lower.endswith(("s", "ss")):
        return lower + "es"
    return lower[:-1] + "ies" if lower.endswith("y") else lower + "s"
