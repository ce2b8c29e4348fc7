"""A cluster in memory whose pods keep what they began with, as real ones do, and a clock that only waits move.

    world = World(workload("Deployment", "web", env_of("key", "k")))
    world.refuses = lambda seen: b"new" in seen.values()   # pods that see this do not come up
    world.at(30, lambda: world.refresh())                  # something that happens while somebody waits

A workload's pods are exchanged at once when its template changes, unless it leaves that to somebody else; where the new
ones do not come up, the old one stays and the status says so. Variables, subPath mounts and what init containers copied
stay as they were when the pod was made; volumes follow the Secret at once, or with ``slow`` when `refresh` is called.
"""

import itertools
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from harden_secrets.cluster.port import Executed, Manifest, ObjectName
from harden_secrets.inventory.model import Delivery, SecretEntry, SecretKind
from harden_secrets.rotate.delivery import EntryDeliverer, Patience
from harden_secrets.waiting import Waiting
from tests.harden_secrets.fake_cluster import FakeCluster
from tests.harden_secrets.kubelet import View, view

MOUNT = "secret"
PATH = "apps/key"
FAILED = "ReplicaSet has timed out progressing."
_LASTING = ("Deployment", "StatefulSet", "DaemonSet")


class World:
    """See above. ``wanted``: how often each workload's pods were made anew, by its name."""

    def __init__(self, *objects: Manifest) -> None:
        self.cluster = FakeCluster(react=lambda _cluster, name, one: self._controller(name, one), run=self._run)
        self.refuses: Callable[[View], bool] = lambda _seen: False
        self.slow = False
        self.made: dict[str, int] = {}
        self.told: list[str] = []
        self.seconds = 0.0
        self._due: list[tuple[float, Callable[[], object]]] = []
        self._began: dict[str, tuple[Any, View]] = {}  # by the pod's name: its template, and what it saw
        self._numbers = itertools.count(1)
        self.cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
        self.add(*objects)

    def add(self, *objects: Manifest) -> None:
        """Objects that have been there for long; pods of workloads are made, bare pods begin."""
        for one in objects:
            self.cluster.put(one)
            name = ObjectName.of(one)
            if name.kind == "Pod":
                self._begin(name.name, None, one["spec"])
            self._controller(name, self.cluster.peek(name))

    def deliverer(self, *deliveries: Delivery, old_is_good: bool = True, **patience: float) -> EntryDeliverer:
        """What harden would do for an entry with these deliveries."""
        entry = SecretEntry("key", SecretKind.OPAQUE, PATH, deliveries)
        waiting = Waiting(lambda: self.seconds, self._pause)
        limits = Patience(waiting, **({"steady": 0} | patience))
        return EntryDeliverer(
            entry, MOUNT, lambda: self.cluster, self.told.append, limits, old_is_good=lambda: old_is_good
        )

    def at(self, seconds: float, act: Callable[[], object]) -> None:
        """Do something when the clock has come there."""
        self._due.append((seconds, act))

    def refresh(self) -> None:
        """What a kubelet does when it looks at the volumes of its pods."""
        for name in self._began:
            pod = self.cluster.peek(ObjectName("v1", "Pod", "apps", name))
            if pod is not None:
                template, seen = self._began[name]
                self._began[name] = template, self._now(pod["spec"]) | _frozen(pod["spec"], seen)

    def peek(self, kind: str, name: str) -> Manifest:
        """An object of the namespace `apps` that has to be there."""
        version = "v1" if kind in ("Pod", "Secret") else "apps/v1"
        found = self.cluster.peek(ObjectName(version, kind, "apps", name))
        assert found is not None
        return found

    def pods(self, owner: str) -> list[Manifest]:
        """The pods of a workload."""
        return [one for one in self.cluster.snapshot() if one["kind"] == "Pod"
                and one["metadata"]["labels"].get("app") == owner]  # fmt: skip

    def _pause(self, seconds: float) -> None:
        self.seconds += seconds
        for due in [one for one in self._due if one[0] <= self.seconds]:
            self._due.remove(due)
            due[1]()

    def _controller(self, name: ObjectName, one: Manifest | None) -> None:
        if name.kind == "Secret" and not self.slow:
            self.refresh()
        if name.kind == "Pod" and one is None:
            for workload in self.cluster.snapshot():
                if workload["kind"] == "StatefulSet" and not self.pods(workload["metadata"]["name"]):
                    self._roll(workload)
        if name.kind in _LASTING and one is not None and _is_unseen(one):
            self._roll(one)

    def _roll(self, workload: Manifest) -> None:
        """Its pods are those of its template, as far as they come up."""
        name, in_order = workload["metadata"]["name"], workload["kind"] == "StatefulSet"
        pods = self.pods(name)
        if workload["spec"].get("replicas") == 0:
            return
        if pods and _leaves_pods(workload):
            self._says(workload, {})
            return
        if in_order and not all(map(_is_up, pods)):
            self._says(workload, {"readyReplicas": 0})  # it waits for them, whatever its template says
            return
        template = workload["spec"]["template"]
        kept = [one for one in pods if self._began[one["metadata"]["name"]][0] == template and _is_up(one)]
        made = kept[0] if kept else self._pod(workload)
        self.made[name] = self.made.get(name, 0) + (not kept)
        if _is_up(made) or in_order:
            for one in pods:
                if one["metadata"]["name"] != made["metadata"]["name"]:
                    self.cluster.drop(ObjectName.of(one))
        failed = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": FAILED}
        late = {"readyReplicas": 0} if in_order else {"updatedReplicas": 0, "conditions": [failed]}
        self._says(workload, {} if _is_up(made) else late)

    def _says(self, workload: Manifest, more: dict[str, Any]) -> None:
        counts = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas", "numberAvailable",
                  "desiredNumberScheduled", "updatedNumberScheduled")  # fmt: skip
        status = dict.fromkeys(counts, 1) | {"currentRevision": "r", "updateRevision": "r"} | more
        self.cluster.put(workload | {"status": status | {"observedGeneration": workload["metadata"]["generation"]}})

    def _pod(self, workload: Manifest) -> Manifest:
        template = workload["spec"]["template"]
        name = f"{workload['metadata']['name']}-{next(self._numbers)}"
        owner = {"apiVersion": "apps/v1", "kind": workload["kind"], "name": workload["metadata"]["name"],
                 "uid": workload["metadata"]["uid"], "controller": True}  # fmt: skip
        pod = {"apiVersion": "v1", "kind": "Pod", "spec": deepcopy(template["spec"]),
               "metadata": {**deepcopy(template["metadata"]), "name": name, "namespace": "apps",
                            "ownerReferences": [owner]}}  # fmt: skip
        self._begin(name, deepcopy(template), template["spec"])
        is_up = not self.refuses(self._began[name][1])
        state = {"running": {}} if is_up else {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
        states = [{"name": one["name"], "state": state} for one in template["spec"]["containers"]]
        self.cluster.put(pod | {"status": {"phase": "Running", "containerStatuses": states}})
        found = self.cluster.peek(ObjectName.of(pod))
        assert found is not None
        return found

    def _begin(self, name: str, template: Any, spec: Any) -> None:
        self._began[name] = template, self._now(spec)

    def _now(self, spec: Any) -> View:
        return view(spec, lambda kind, name: self.cluster.peek(ObjectName("v1", kind, "apps", name)))

    def _run(self, pod: Manifest, container: str, command: Sequence[str]) -> Executed:
        at = f"env:{command[-1]}" if command[0] == "printenv" else command[-1]
        value = self._began[pod["metadata"]["name"]][1].get(f"{container}:{at}")
        if value is None:
            return Executed(1, b"", b"no such thing")
        return Executed(0, value + (b"\n" if command[0] == "printenv" else b""), b"")


def _frozen(spec: Any, seen: View) -> View:
    """What stays as it was: variables, subPath mounts, and what init containers have seen."""
    initial = tuple(f"{one['name']}:" for one in spec.get("initContainers") or ())
    parts = {f"{one['name']}:{mount['mountPath']}" for one in spec["containers"]
             for mount in one.get("volumeMounts") or () if "subPath" in mount}  # fmt: skip
    return {at: value for at, value in seen.items() if ":env:" in at or at.startswith(initial) or at in parts}


def _leaves_pods(workload: Manifest) -> bool:
    strategy = workload["spec"].get("updateStrategy") or {}
    return bool(workload["spec"].get("paused")) or strategy.get("type") == "OnDelete"


def _is_unseen(workload: Manifest) -> bool:
    return bool((workload.get("status") or {}).get("observedGeneration") != workload["metadata"]["generation"])


def _is_up(pod: Manifest) -> bool:
    return all("running" in one["state"] for one in pod["status"]["containerStatuses"])


# Objects


def env_of(secret: str, key: str) -> dict[str, Any]:
    """A container with the key in the variable KEY."""
    return {"env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}]}


def mounted(path: str = "/key", **more: Any) -> dict[str, Any]:
    """A container that mounts the volume `key`."""
    return {"volumeMounts": [{"name": "key", "mountPath": path, **more}]}


def volume(secret: str) -> list[dict[str, Any]]:
    """The volume `key`."""
    return [{"name": "key", "secret": {"secretName": secret}}]


def bare_pod(name: str, container: dict[str, Any], **more: Any) -> Manifest:
    """A pod that nobody makes again, unless ``more`` names somebody."""
    metadata = {"name": name, "namespace": "apps", "labels": {"app": name}, **more}
    spec = {"containers": [{"name": "main", "image": "x", **container}]}
    states = [{"name": "main", "state": {"running": {}}}]
    status = {"phase": "Running", "containerStatuses": states}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}
