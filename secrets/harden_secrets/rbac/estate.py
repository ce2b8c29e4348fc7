"""What there is in a cluster beside roles and bindings, as far as it is a way to a ConfigMap or Secret."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harden_secrets.cluster.consumers import Way
from harden_secrets.cluster.consumers.podspec import uses
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.rbac.authority import Authority, namespace_of
from harden_secrets.rbac.rules import items, mapping, text
from harden_secrets.rbac.subjects import Subject

HOLDS_TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 - a type of Secret
ACCOUNT_NAME = "kubernetes.io/service-account.name"


NOT_IN_THE_POD = frozenset({Way.IMAGE_PULL, Way.DRIVER})  # the kubelet uses them, and no container sees them


@dataclass(frozen=True, slots=True, order=True)
class Controller:
    """A kind of object that makes pods: API group and resource, and whether a change of one changes its pods."""

    group: str
    resource: str
    changeable: bool = True


CONTROLLERS: Mapping[str, Controller] = {
    "CronJob": Controller("batch", "cronjobs"),
    "DaemonSet": Controller("apps", "daemonsets"),
    "Deployment": Controller("apps", "deployments"),
    "Job": Controller("batch", "jobs", changeable=False),  # its template cannot be changed
    "ReplicaSet": Controller("apps", "replicasets"),
    "ReplicationController": Controller("", "replicationcontrollers"),
    "StatefulSet": Controller("apps", "statefulsets"),
}


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod: which ConfigMaps and Secrets its containers see, under which account it runs, on which node.

    ``has_token`` tells whether a token of that account is mounted; ``node`` is empty while it is not scheduled.
    """

    namespace: str
    name: str
    account: str
    has_token: bool
    node: str
    sees: frozenset[tuple[str, str]]  # kind, name

    def __str__(self) -> str:
        return f"pod {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Workload:
    """An object that makes pods and can be changed to make others."""

    controller: Controller
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.controller.resource} {self.namespace}/{self.name}"


class Estate:
    """The objects of a cluster, sorted by what they mean for reading a secret. Kinds that mean nothing are left out."""

    def __init__(self, objects: Iterable[Manifest]) -> None:
        self.objects = tuple(objects)
        self.authority = Authority(self.objects)
        unmounted = {_account(one) for one in self._of("v1", "ServiceAccount") if _automount(one) is False}
        pods = (_pod(one, unmounted) for one in self._of("v1", "Pod") if not _is_over(one))
        self.pods = sorted(pods, key=lambda one: (one.namespace, one.name))
        self.workloads = sorted(_workloads(self.objects))
        accounts = {_account(one) for one in self._of("v1", "ServiceAccount")}
        self.accounts = sorted(accounts | {Subject.account(one.namespace, one.account) for one in self.pods})
        self.tokens = sorted({*_token_secrets(self._of("v1", "Secret"))})

    def _of(self, version: str, kind: str) -> Iterator[Manifest]:
        return (one for one in self.objects if one.get("kind") == kind and one.get("apiVersion") == version)

    def pods_that_see(self, target: ObjectName) -> list[Pod]:
        """The pods with that ConfigMap or Secret in a volume or a variable."""
        key = (target.kind, target.name)
        return [pod for pod in self.pods if pod.namespace == target.namespace and key in pod.sees]

    def pods_of(self, account: Subject) -> list[Pod]:
        """The pods that hold a token of a ServiceAccount."""
        return [
            pod
            for pod in self.pods
            if pod.has_token and (pod.namespace, pod.account) == (account.namespace, account.name)
        ]

    def changed(self, changes: Iterable[Manifest]) -> "Estate":
        """The same with objects added, each in the place of the one of its kind, namespace and name."""
        new = {_key(one): one for one in changes}
        return Estate([*(one for one in self.objects if _key(one) not in new), *new.values()])


def _key(manifest: Manifest) -> tuple[str, str, str, str]:
    name = ObjectName.of(manifest)
    return name.api_version.rpartition("/")[0], name.kind, name.namespace, name.name


def _account(manifest: Mapping[str, Any]) -> Subject:
    metadata = mapping(manifest.get("metadata"))
    return Subject.account(namespace_of(metadata), text(metadata.get("name")))


def _automount(manifest: Mapping[str, Any]) -> object:
    return manifest.get("automountServiceAccountToken")


def _is_over(pod: Mapping[str, Any]) -> bool:
    """A pod that has ended runs nothing any more; nobody gets into it."""
    return mapping(pod.get("status")).get("phase") in ("Succeeded", "Failed")


def _pod(manifest: Mapping[str, Any], unmounted: set[Subject]) -> Pod:
    metadata, spec = mapping(manifest.get("metadata")), mapping(manifest.get("spec"))
    namespace, account = namespace_of(metadata), text(spec.get("serviceAccountName")) or "default"
    own = _automount(spec)
    mounted = own is not False if own is not None else Subject.account(namespace, account) not in unmounted
    projected = any("serviceAccountToken" in source for source in _projected(spec))
    return Pod(
        namespace=namespace,
        name=text(metadata.get("name")),
        account=account,
        has_token=mounted or projected,
        node=text(spec.get("nodeName")),
        sees=frozenset(_seen(spec)),
    )


def _projected(spec: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for volume in items(spec.get("volumes")):
        yield from map(mapping, items(mapping(mapping(volume).get("projected")).get("sources")))


def _seen(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The ConfigMaps and Secrets that are in a pod's volumes or its containers' environment."""
    return ((use.kind, use.name) for use in uses(spec, ()) if use.way not in NOT_IN_THE_POD)


def _workloads(objects: Iterable[Manifest]) -> Iterator[Workload]:
    for one in objects:
        controller = CONTROLLERS.get(text(one.get("kind")))
        if controller and controller.changeable and text(one.get("apiVersion")).rpartition("/")[0] == controller.group:
            metadata = mapping(one.get("metadata"))
            yield Workload(controller, namespace_of(metadata), text(metadata.get("name")))


def _token_secrets(secrets: Iterable[Manifest]) -> Iterator[tuple[Subject, str]]:
    """The Secrets that hold a token: whose, and the Secret's name. Their values are not looked at."""
    for one in secrets:
        metadata = mapping(one.get("metadata"))
        owner = text(mapping(metadata.get("annotations")).get(ACCOUNT_NAME))
        if one.get("type") == HOLDS_TOKEN and owner:
            yield Subject.account(namespace_of(metadata), owner), text(metadata.get("name"))
