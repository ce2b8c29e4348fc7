"""A cluster in memory on which plans are carried out: workloads of all sorts, controllers, pods that run.

Whoever sees a key, workload or pod, has to see the very same bytes after every single call to the server:
:meth:`Stage.check` says who does not.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from harden_secrets.cluster.consumers import Index
from harden_secrets.cluster.port import Executed, Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine_object
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.migrate.journal import Journal
from harden_secrets.migrate.performers import performers
from harden_secrets.migrate.performers.site import Site
from harden_secrets.migrate.run import Run
from harden_secrets.migrate.step import steps
from harden_secrets.plan.cluster import build, manifests
from harden_secrets.plan.held import held
from harden_secrets.plan.repointing import pod_spec
from harden_secrets.plan.values import Plan
from harden_secrets.plan.world import Request, World
from tests.harden_secrets.fake_cluster import FakeCluster
from tests.harden_secrets.fake_vault import FakeVault
from tests.harden_secrets.kubelet import Get, View, view

PRINTS = Fingerprinter(Confidential(b"p" * 32))
RUN_KEY = Confidential(b"j" * 32)
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_SERVERS = ("uid", "resourceVersion", "creationTimestamp", "generation")


class Stage:
    """``objects`` in a cluster with controllers, and a ``vault``. ``check`` after every call, unless told not to."""

    def __init__(self, objects: Sequence[Manifest], *, checked: bool = True) -> None:
        self.vault = FakeVault()
        self.cluster = FakeCluster(react=_controller, run=self._run)
        self.cluster.put(*deepcopy(list(objects)))
        for manifest in self.cluster.snapshot():
            _controller(self.cluster, ObjectName.of(manifest), manifest)
        self._seen, self._looked_at = self._views(), self.cluster.versions()
        self.wrong: list[str] = []
        if checked:
            self.cluster.after.append(lambda _call: self.check())

    def check(self) -> None:
        """Note whoever sees other bytes than at the beginning, or fewer."""
        now = self.cluster.versions()
        if now == self._looked_at:
            return  # most calls only read
        self._looked_at = now
        for who, seen in self._views().items():
            before = self._seen[who]
            self.wrong += [f"{who} {at}" for at, value in before.items() if seen.get(at, b"\0none") != value]

    def bare(self) -> list[Manifest]:
        """All objects without what the server decides. Pods follow their workloads and are left out."""
        made = []
        for manifest in self.cluster.snapshot():
            if manifest["kind"] == "Pod":
                continue
            manifest["metadata"] = {k: v for k, v in manifest["metadata"].items() if k not in _SERVERS}
            manifest.pop("status", None)
            made.append(manifest)
        return sorted(made, key=lambda one: str(ObjectName.of(one)))

    def plan(self, script: str = "", **request: Any) -> Plan:
        """What harden plans for this cluster, and one CI file."""
        return plan_for(self.cluster.snapshot(), script, **request)

    def site(self, plan: Plan, folder: Path) -> Site:
        """Where the plan is carried out: nothing is waited for."""
        return Site(
            plan, self.vault, PRINTS, lambda: 0.0, lambda _seconds: None, self.cluster,
            inventory=folder / "secrets.yaml", delivery_seconds=0, rollout_seconds=0,
        )  # fmt: skip

    def run(self, plan: Plan, folder: Path, tell: Callable[..., None] = lambda *_: None) -> Run:
        """A process that finds the journal as the last one left it."""
        site = self.site(plan, folder)
        return Run(steps(plan), Journal(folder, "run", RUN_KEY), performers(site), tell)

    def _views(self) -> dict[str, View]:
        """What each workload's pods see, and each pod, by the name of the workload and where one is looked at."""
        made: dict[str, View] = {}
        for manifest in self.cluster.snapshot():
            spec = pod_spec(manifest)
            if spec is not None and "containers" in spec:
                name = ObjectName.of(manifest)
                owner = manifest["metadata"].get("labels", {}).get("owner", name.name)
                who = f"{name.kind} {name.namespace}/{owner}"
                made[who] = view(spec, self._objects(name.namespace))
        return made

    def _objects(self, namespace: str) -> Get:
        return lambda kind, name: self.cluster.peek(ObjectName("v1", kind, namespace, name))

    def _run(self, pod: Manifest, container: str, command: Sequence[str]) -> Executed:
        namespace = pod["metadata"]["namespace"]
        seen = view(pod["spec"], self._objects(namespace))
        at = f"env:{command[-1]}" if command[0] == "printenv" else command[-1]
        value = seen.get(f"{container}:{at}")
        if value is None:
            return Executed(1, b"", b"no such thing")
        return Executed(0, value + (b"\n" if command[0] == "printenv" else b""), b"")


def plan_for(objects: Sequence[Manifest], script: str = "", **request: Any) -> Plan:
    """What harden plans for these objects."""
    index = Index()
    found = []
    for manifest in objects:
        index.add(manifest)
        for seen in examine_object(manifest, DETECTORS):
            if isinstance(seen, Sighting) and manifest["kind"] != "Pod":
                one = held(f"cluster:{ObjectName.of(manifest)}", manifest, seen, PRINTS.of(seen.detection))
                found += [one] if one else []
    if script:
        index.add_text("ci.sh", script)
    world = World("fake", manifests(objects), found, index, PRINTS)
    return build(world, Request(**request), "p", "2026-01-01T00:00:00+00:00")


def _controller(cluster: FakeCluster, name: ObjectName, manifest: Manifest | None) -> None:
    """What controllers do at once: a workload's pods are exchanged and its status says so."""
    if name.kind not in ("Deployment", "StatefulSet", "DaemonSet"):
        return
    pod_name = ObjectName("v1", "Pod", name.namespace, f"{name.name}-0")
    if manifest is None:
        cluster.drop(pod_name)
        return
    generation = manifest["metadata"]["generation"]
    if (manifest.get("status") or {}).get("observedGeneration") == generation:
        return
    template = manifest["spec"]["template"]
    labels = template["metadata"]["labels"] | {"owner": name.name}
    states = [{"name": one["name"], "state": {"running": {}}} for one in template["spec"]["containers"]]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": pod_name.name, "namespace": name.namespace, "labels": labels,
                     "ownerReferences": [{"apiVersion": "apps/v1", "kind": name.kind, "name": name.name,
                                          "uid": manifest["metadata"]["uid"], "controller": True}]},
        "spec": deepcopy(template["spec"]),
        "status": {"phase": "Running", "containerStatuses": states},
    }  # fmt: skip
    cluster.drop(pod_name)
    cluster.put(pod)
    cluster.put(manifest | {"status": _complete(generation)})


def _complete(generation: int) -> dict[str, Any]:
    counts = ("replicas", "updatedReplicas", "availableReplicas", "readyReplicas", "numberAvailable")
    more = ("desiredNumberScheduled", "updatedNumberScheduled")
    return {"observedGeneration": generation, "currentRevision": "r", "updateRevision": "r"} | dict.fromkeys(
        (*counts, *more), 1
    )


# Objects


def workload(kind: str, name: str, container: Mapping[str, Any], volumes: Sequence[Any] = (), **more: Any) -> Manifest:
    """A Deployment, StatefulSet or DaemonSet in the namespace `apps`, of one container `main`."""
    labels = {"app": name}
    pod = {"containers": [{"name": "main", "image": "x", **container}], "volumes": list(volumes)}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": name, "namespace": "apps"} | more
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def entries(kind: str, name: str, data: Mapping[str, bytes], **more: Any) -> Manifest:
    """A ConfigMap or Secret in the namespace `apps`."""
    if kind == "Secret":
        texts = {key: base64.b64encode(value).decode() for key, value in data.items()}
    else:
        texts = {key: value.decode() for key, value in data.items()}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "apps"}, "data": texts} | more


def applied_by_kubectl(manifest: Manifest) -> Manifest:
    """With what kubectl remembers of it."""
    text = json.dumps(manifest, separators=(",", ":")) + "\n"
    annotations = (manifest["metadata"].get("annotations") or {}) | {LAST_APPLIED: text}
    return manifest | {"metadata": manifest["metadata"] | {"annotations": annotations}}
