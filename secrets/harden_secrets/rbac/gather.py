"""Reads from a cluster what the search for readers works on."""

from collections.abc import Iterator
from dataclasses import dataclass

from harden_secrets.cluster.port import Cluster, ClusterDeniedError, Manifest, MissingError
from harden_secrets.rbac.authority import GROUP
from harden_secrets.rbac.estate import ACCOUNT_NAME, HOLDS_TOKEN, Estate
from harden_secrets.rbac.rules import mapping

RIGHTS = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
OTHERS = (
    ("v1", "Pod"),
    ("v1", "ServiceAccount"),
    ("v1", "ReplicationController"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "CronJob"),
    ("v1", "Secret"),
)


@dataclass(frozen=True)
class Gathered:
    """The objects, and the kinds that could not be listed: ways over them are not found."""

    estate: Estate
    unseen: tuple[str, ...]


def gather(cluster: Cluster) -> Gathered:
    """Everything that bears on who can read something in a cluster. No value of a Secret is kept.

    Raises ClusterError; ClusterDeniedError where roles and bindings may not be listed: without, there is no answer.
    """
    objects = [one for kind in RIGHTS for one in _listed(cluster, f"{GROUP}/v1", kind)]
    unseen = []
    for version, kind in OTHERS:
        try:
            objects += map(_bare, _listed(cluster, version, kind))
        except (ClusterDeniedError, MissingError):
            unseen.append(kind)
    return Gathered(Estate(objects), tuple(unseen))


def _listed(cluster: Cluster, version: str, kind: str) -> Iterator[Manifest]:
    for one in cluster.list(version, kind):
        if kind != "Secret" or one.get("type") == HOLDS_TOKEN:
            yield {**one, "apiVersion": version, "kind": kind}  # the items of a list do not say what they are


def _bare(one: Manifest) -> Manifest:
    """Of a Secret only what tells whose token it holds."""
    if one["kind"] != "Secret":
        return one
    metadata = mapping(one.get("metadata"))
    owner = mapping(metadata.get("annotations")).get(ACCOUNT_NAME)
    kept = {key: metadata.get(key) for key in ("name", "namespace")}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": one.get("type"),
        "metadata": {**kept, "annotations": {ACCOUNT_NAME: owner}},
    }
