"""A scan of a cluster says of each finding who uses it and who can read it."""

import io
from typing import Any

import pytest

from harden.output import Output
from harden_secrets.cluster.port import ClusterDeniedError, Manifest
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.finding import Finding
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.firstpass import FirstPass
from harden_secrets.scan.clusterscan import scan_cluster
from harden_secrets.scan.look import Look
from harden_secrets.scan.report import Gathered, Report
from harden_secrets.unwrap import UNWRAP_SIGNATURES
from tests.harden_secrets.fake_cluster import Call, FakeCluster
from tests.harden_secrets.keys import ssh, symmetric
from tests.harden_secrets.simple_scene import scene

RBAC = "rbac.authorization.k8s.io"


@pytest.fixture(scope="module")
def look() -> Look:
    return Look(FirstPass(DETECTORS, UNWRAP_SIGNATURES), DETECTORS, Fingerprinter(Confidential(b"s" * 32)))


def scanned(cluster: FakeCluster, look: Look, namespace: str = "") -> Report:
    gathered = Gathered()
    scan_cluster(cluster, namespace, look, Output(stderr=io.StringIO()), gathered)
    return gathered.report("key")


def in_namespace(report: Report, namespace: str) -> Finding:
    (found,) = [one for one in report.findings if one.place.object and one.place.object.namespace == namespace]
    return found


def readers(resource: str) -> list[Manifest]:
    """A role that reads a kind everywhere, for a group and as Kubernetes' own for one of its parts."""
    rules = [{"apiGroups": [""], "resources": [resource], "verbs": ["get", "list"]}]
    reference = {"apiGroup": RBAC, "kind": "ClusterRole", "name": "reading"}
    own = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    return [
        {"apiVersion": f"{RBAC}/v1", "kind": "ClusterRole", "metadata": {"name": "reading"}, "rules": rules},
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "people"},
            "roleRef": reference,
            "subjects": [{"kind": "Group", "name": "developers"}],
        },
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "system:controller", "labels": own},
            "roleRef": reference,
            "subjects": [{"kind": "ServiceAccount", "name": "collector", "namespace": "kube-system"}],
        },
    ]


@pytest.fixture
def cluster() -> FakeCluster:
    made = FakeCluster()
    made.put(*scene(symmetric.git_crypt(), ssh.openssh()), *readers("configmaps"))
    return made


def test_a_finding_names_its_consumers(cluster: FakeCluster, look: Look) -> None:
    """By object, container, way and the path where the entry is seen."""
    assert in_namespace(scanned(cluster, look), "agent").consumers == (
        "deployment agent/runner, container runner: volume /secrets/git-crypt/key",
    )
    assert in_namespace(scanned(cluster, look), "hermes").consumers == (
        "cronjob hermes/backup, container backup: subPath /key",
    )


def test_an_orphan_has_none(cluster: FakeCluster, look: Look) -> None:
    """Nobody in `openclaw` uses its copy."""
    assert in_namespace(scanned(cluster, look), "openclaw").consumers == ()


def test_pods_are_called_by_what_makes_them(cluster: FakeCluster, look: Look) -> None:
    """A pod and its ReplicaSet are the Deployment's, which is named once."""
    deployment = next(one for one in cluster.list("apps/v1", "Deployment", "agent"))
    replica_set = made_by(deployment, "apps/v1", "ReplicaSet", "runner-1", deployment["spec"])
    template = deployment["spec"]["template"]
    pod = made_by(replica_set, "v1", "Pod", "runner-1-a", template["spec"])
    cluster.put(replica_set)
    cluster.put(pod)
    assert in_namespace(scanned(cluster, look), "agent").consumers == (
        "deployment agent/runner, container runner: volume /secrets/git-crypt/key",
    )


def made_by(maker: Manifest, version: str, kind: str, name: str, spec: dict[str, Any]) -> Manifest:
    owner = {
        "apiVersion": maker["apiVersion"],
        "kind": maker["kind"],
        "name": maker["metadata"]["name"],
        "uid": maker["metadata"].get("uid", "u"),
        "controller": True,
    }
    metadata = {"name": name, "namespace": "agent", "uid": name, "ownerReferences": [owner]}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def test_a_literal_variable_is_used_where_it_stands(look: Look) -> None:
    """Its container is its consumer."""
    cluster = FakeCluster()
    containers = [{"name": "app", "image": "x", "env": [{"name": "KEY", "value": ssh.openssh().decode()}]}]
    spec = {"selector": {}, "template": {"spec": {"containers": containers}}}
    metadata = {"name": "web", "namespace": "a"}
    cluster.put({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec})
    (found,) = scanned(cluster, look).findings
    assert found.consumers == ("deployment a/web, container app: env KEY",)


def test_readers_are_those_whom_somebody_let_read(cluster: FakeCluster, look: Look) -> None:
    """Not the parts of Kubernetes that can as it is set up; the document for programs has the same."""
    found = in_namespace(scanned(cluster, look), "openclaw")
    assert found.readers == ("group developers",)
    assert found.as_json()["readers"] == ["group developers"]


def test_readers_of_one_namespace_are_found_beyond_it(cluster: FakeCluster, look: Look) -> None:
    """Their bindings may be of the whole cluster."""
    assert in_namespace(scanned(cluster, look, "openclaw"), "openclaw").readers == ("group developers",)


def test_who_may_not_list_roles_is_told(cluster: FakeCluster, look: Look) -> None:
    """No readers is then no statement, and the report says so."""

    def deny(call: Call) -> None:
        if call.method == "list" and call.name.kind == "ClusterRole":
            raise ClusterDeniedError("no")

    cluster.before.append(deny)
    report = scanned(cluster, look)
    assert in_namespace(report, "openclaw").readers == ()
    assert any("who can read what is found is not known" in one.reason for one in report.skipped)


def test_nothing_found_asks_for_no_roles(look: Look) -> None:
    """The second look at roles is only for those who have something to lose."""
    cluster = FakeCluster()
    cluster.put(*readers("configmaps"))
    scanned(cluster, look)
    asked = [call for call in cluster.calls if call.method == "list" and call.name.kind == "ClusterRole"]
    assert len(asked) == 1
