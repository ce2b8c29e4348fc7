"""Consumers in a real cluster: what controllers made is traced to its maker, and the paths are where the bytes are."""

import base64
from typing import Any

import pytest
from cluster.workload import Cluster, container, deployment

from harden_secrets.cluster.consumers import Index, Way
from harden_secrets.cluster.owners import owner
from harden_secrets.cluster.port import ObjectName
from harden_secrets.sources.live import LiveObjects
from tests.harden_secrets.cluster_pair import real_cluster

KEY = bytes(range(108, 256))  # as long as a git-crypt key, and no text


def cron_job(key: str) -> dict[str, Any]:
    main = container(
        ["git-crypt", "unlock", "/root/.key"],
        volumeMounts=[{"name": "v", "mountPath": "/root/.key", "subPath": "key"}],
    )
    spec = {"containers": [main], "volumes": [{"name": "v", "configMap": {"name": key}}], "restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "sync"},
        "spec": {"schedule": "@daily", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": spec}}}},
    }


def config_map(name: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **fields}


@pytest.mark.timeout(300)
def test_a_rollout_leaves_old_references(cluster: Cluster) -> None:
    """The old ReplicaSet still names the ConfigMap, the pod sees the bytes at the very path, the CronJob waits."""
    with cluster.namespace() as namespace:
        mount = {"name": "v", "mountPath": "/secrets"}
        items = [{"key": "key", "path": "git-crypt/key", "mode": 0o400}]
        volume = {"name": "v", "configMap": {"name": "key", "items": items}}
        first = deployment("claw", container(["sleep", "3600"], volumeMounts=[mount]), volumes=[volume])
        second = deployment("claw", container(["sleep", "7200"], volumeMounts=[mount]), volumes=[volume])
        content = {"key": "bGw" * 40}
        cluster.admin.apply(
            config_map("key", data=content), config_map("other"), first, cron_job("key"), namespace=namespace
        )
        cluster.wait_for_rollout(namespace, "claw")
        cluster.admin.apply(second, namespace=namespace)
        pod = cluster.wait_for_rollout(namespace, "claw")
        index = Index()
        for source, manifest in LiveObjects(real_cluster(cluster.server), namespace).manifests():
            index.add(manifest, source)
        found = index.consumers(ObjectName("v1", "ConfigMap", namespace, "key"), "key")
        claw = ObjectName("apps/v1", "Deployment", namespace, "claw")
        sets = [one for one in found if one.object is not None and one.object.kind == "ReplicaSet"]
        assert sorted(one.running for one in sets) == [False, True]
        assert {one.replaced for one in sets} == {claw}
        (here,) = [one for one in found if one.object == ObjectName("v1", "Pod", namespace, pod)]
        assert (here.path, here.mode, here.expects, here.owners[-1]) == ("/secrets/git-crypt/key", 0o400, "text", claw)
        assert cluster.read(namespace, pod, here.path) == content["key"].encode()
        (job,) = [one for one in found if one.way is Way.SUB_PATH]
        assert (job.path, job.running, job.refreshes) == ("/root/.key", False, False)
        assert index.consumers(ObjectName("v1", "ConfigMap", namespace, "other")) == ()
        assert index.consumers(ObjectName("v1", "ConfigMap", namespace, "key"), "absent") == ()


@pytest.mark.timeout(300)
def test_revisions_of_a_stateful_set_and_binary_data(cluster: Cluster) -> None:
    """A ControllerRevision can be rolled back to; an entry of binaryData is seen raw."""
    with cluster.namespace() as namespace:
        main = container(["sleep", "3600"], volumeMounts=[{"name": "v", "mountPath": "/k"}])
        template = deployment("db", main, volumes=[{"name": "v", "configMap": {"name": "key"}}])["spec"]["template"]
        spec = {"serviceName": "db", "selector": {"matchLabels": {"app": "db"}}, "template": template}
        content = {"raw": base64.b64encode(KEY).decode()}
        stateful = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": spec}
        cluster.admin.apply(config_map("key", binaryData=content), stateful, namespace=namespace)
        pod = cluster.wait_for_rollout(namespace, "db", "StatefulSet")
        index = Index()
        for _, manifest in LiveObjects(real_cluster(cluster.server), namespace).manifests():
            index.add(manifest)
        found = index.consumers(ObjectName("v1", "ConfigMap", namespace, "key"), "raw")
        assert {one.expects for one in found} == {"raw"}
        assert {one.replaced for one in found} == {ObjectName("apps/v1", "StatefulSet", namespace, "db")}
        revision = [one for one in found if one.object is not None and one.object.kind == "ControllerRevision"]
        assert [one.running for one in revision] == [False]
        assert cluster.read(namespace, pod, found[0].path) == KEY


def test_who_applied_it(cluster: Cluster) -> None:
    """managedFields of a real server tell Terraform's objects from a person's."""
    with cluster.namespace() as namespace:
        for name, manager in (("a", "Terraform"), ("b", "kubectl-edit"), ("c", "argocd-controller"), ("d", "someone")):
            cluster.admin.apply(config_map(name, data={"k": "v"}), namespace=namespace, manager=manager)
        found = {
            one["metadata"]["name"]: owner(one).kind
            for one in real_cluster(cluster.server).list("v1", "ConfigMap", namespace)
        }
        assert {name: found[name] for name in "abcd"} == {
            "a": "terraform",
            "b": "kubectl",
            "c": "argocd",
            "d": "none",
        }
