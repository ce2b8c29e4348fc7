"""What a plan is made from: everything is seen, and what a plan cannot do anything about is told with a reason."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from harden.output import Output
from harden_secrets.cluster.port import ClusterDeniedError, Manifest
from harden_secrets.commands.surveying import survey
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan.cluster import build
from harden_secrets.plan.file import as_text
from harden_secrets.plan.values import Plan
from harden_secrets.plan.world import Request
from tests.harden_secrets.fake_cluster import Call, FakeCluster
from tests.harden_secrets.keys import ssh, symmetric
from tests.harden_secrets.simple_scene import SCRIPT, config_map, scene

PRINTS = Fingerprinter(Confidential(b"v" * 32))
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture(scope="module")
def key() -> bytes:
    return ssh.openssh()


def planned(cluster: FakeCluster, namespace: str = "", *paths: Path, to: Path | None = None, **request: Any) -> Plan:
    output = Output(stderr=io.StringIO())
    world = survey(cluster, namespace, [str(path) for path in paths], PRINTS, to, output)
    return build(world, Request(**request), "p", "now")


def secret(name: str, key: bytes, kind: str = "Opaque", **metadata: Any) -> Manifest:
    made = config_map("a", binary=key)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": kind,
        "metadata": {"name": name, "namespace": "a", **metadata},
        "data": made["binaryData"],
    }


def workload(name: str, **container: Any) -> Manifest:
    spec = {"selector": {}, "template": {"spec": {"containers": [{"name": "c", "image": "x", **container}]}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "a"},
        "spec": spec,
    }


def annotated(key: bytes) -> dict[str, Any]:
    return {"name": "c", "namespace": "a", "annotations": {"k": key.decode()}}


@pytest.mark.parametrize(
    ("place", "words"),
    [
        pytest.param("helm", "a revision of a Helm release", id="a Helm release"),
        pytest.param("made", "certificate web makes it", id="a Secret that a controller makes"),
        pytest.param("argument", "an argument of a program", id="an argument"),
        pytest.param("annotation", "no place for a secret", id="an annotation"),
        pytest.param("custom", "harden cannot move it from there", id="a field of a kind of one's own"),
        pytest.param("expanded", "Kubernetes expands", id="a literal that Kubernetes changes before anybody sees it"),
    ],
)
def test_what_cannot_be_moved_is_left_with_the_reason(place: str, words: str, key: bytes) -> None:
    """And nothing is planned for it."""
    maker = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "name": "web", "uid": "u", "controller": True}
    objects = {
        "helm": secret("sh.helm.release.v1.app.v1", key, "helm.sh/release.v1"),
        "made": secret("web-tls", key, ownerReferences=[maker]),
        "argument": workload("w", args=[key.decode()]),
        "annotation": config_map("a") | {"metadata": annotated(key)},
        "custom": workload("w", livenessProbe={"exec": {"command": ["x"]}, "note": key.decode()}),
        "expanded": workload("w", env=[{"name": "K", "value": "$(PREFIX)\n" + key.decode()}]),
    }  # fmt: skip
    cluster = FakeCluster()
    cluster.put(objects[place])
    plan = planned(cluster)
    assert plan.secrets == ()
    (left,) = plan.left
    assert words in left
    assert left.startswith("ssh-private-key in ")


def test_what_follows_from_a_template_is_not_told_twice(key: bytes) -> None:
    """A pod of a Deployment is made anew with it, and what kubectl remembers goes with the entry."""
    cluster = FakeCluster()
    deployment = workload("w", env=[{"name": "K", "value": key.decode()}])
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w", "uid": "u", "controller": True}
    metadata = {"name": "w-1", "namespace": "a", "ownerReferences": [owner]}
    replicas = deployment | {"kind": "ReplicaSet", "metadata": metadata}
    applied = config_map("a", text=key)
    applied["metadata"]["annotations"] = {LAST_APPLIED: json.dumps(applied)}
    cluster.put(deployment, replicas, applied)
    plan = planned(cluster)
    assert plan.left == ()
    assert [len(one.copies) for one in plan.secrets] == [2]


def test_a_copy_elsewhere_is_a_reason_to_rotate(key: bytes) -> None:
    """In another namespace than the one that is planned for: the plan leaves it, and says where it is."""
    cluster = FakeCluster()
    cluster.put(config_map("a", binary=key), config_map("b", binary=key))
    plan = planned(cluster, "a")
    (only,) = plan.secrets
    assert [copy.object.namespace for copy in only.copies if copy.object] == ["a"]
    assert any("configmap b/git-crypt-key" in line for line in only.cannot_scrub)
    assert plan.left == ()


def test_what_cannot_be_seen_may_use_it(key: bytes) -> None:
    """Where workloads may not be listed, no copy is removed."""
    cluster = FakeCluster()
    cluster.put(config_map("a", binary=key))

    def deny(call: Call) -> None:
        if call.method == "list" and call.name.kind == "Deployment":
            raise ClusterDeniedError("no")

    cluster.before.append(deny)
    (copy,) = planned(cluster).secrets[0].copies
    assert copy.removal == "leave"
    assert "deployments.apps" in copy.reason


def test_roles_that_cannot_be_seen_are_no_reason_to_keep_a_copy(key: bytes) -> None:
    """Only who can read it is not known then, and the plan says so."""
    cluster = FakeCluster()
    cluster.put(config_map("a", binary=key))

    def deny(call: Call) -> None:
        if call.method == "list" and call.name.kind == "ClusterRole":
            raise ClusterDeniedError("no")

    cluster.before.append(deny)
    (only,) = planned(cluster).secrets
    assert only.copies[0].removal == "delete-object"
    assert "who can read it is not known" in only.notes[0]


def test_scripts_in_files_are_consumers(tmp_path: Path) -> None:
    """The plan that lies among them from the last time is none, though it quotes them."""
    cluster = FakeCluster()
    cluster.put(*scene(symmetric.git_crypt(), ssh.openssh()))
    (tmp_path / "fetch.sh").write_text(SCRIPT)
    to = tmp_path / "plan.json"
    for _ in range(2):
        plan = planned(cluster, "", tmp_path, to=to)
        to.write_text(as_text(plan))
    patches = [patch for one in plan.secrets for patch in one.source_patches]
    assert [patch.file for patch in patches] == [str(tmp_path / "fetch.sh")]
