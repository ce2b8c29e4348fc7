"""What of a live cluster is looked at, and that nothing is left out without a word."""

from typing import Any

import pytest
from cluster.server import Server

from harden_secrets.cluster.opening import open_cluster
from harden_secrets.cluster.port import ClusterDeniedError, ClusterUnavailableError, Manifest
from harden_secrets.sources.live import LiveObjects
from tests.harden_secrets.fake_cluster import Call, FakeCluster

RELEASE = "sh.helm.release.v1.app.v1"


def one(kind: str, name: str, namespace: str = "a", version: str = "v1", **fields: Any) -> Manifest:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def sources(live: LiveObjects) -> list[str]:
    return [source for source, _ in live.manifests()]


def test_every_kind_is_looked_at_but_those_that_hold_nothing() -> None:
    """ConfigMaps and Secrets first, all revisions of Helm releases among them, then whatever else can be listed."""
    cluster = FakeCluster()
    cluster.put(
        one("Deployment", "d", version="apps/v1"),
        one("Event", "e"),
        one("Lease", "l", version="coordination.k8s.io/v1"),
        one("Secret", RELEASE),
        one("Secret", RELEASE[:-1] + "2"),
        one("ConfigMap", "c"),
        one("ClusterRole", "r", "", "rbac.authorization.k8s.io/v1"),
    )
    live = LiveObjects(cluster)
    assert sources(live) == [
        "cluster:a/configmaps/c",
        f"cluster:a/secrets/{RELEASE}",
        f"cluster:a/secrets/{RELEASE[:-1]}2",
        "cluster:a/deployments/d",
        "cluster:clusterroles/r",
        "cluster:namespaces/a",
        "cluster:namespaces/default",
        "cluster:namespaces/kube-system",
    ]
    assert live.skipped == []
    assert live.objects == 8


def test_one_namespace() -> None:
    """Only its objects, and nothing that is in none."""
    cluster = FakeCluster()
    cluster.put(one("ConfigMap", "c"), one("ConfigMap", "c", "b"))
    assert sources(LiveObjects(cluster, "b")) == ["cluster:b/configmaps/c"]


def test_what_is_delivered_from_vault_is_where_it_belongs() -> None:
    """The values of such a Secret are not looked at, its annotations are; a label alone does not hide anything."""
    cluster = FakeCluster()
    value = {"data": {"key": "QUFBQQ=="}}
    ours = one("Secret", "ours", **value)
    ours["metadata"] |= {
        "labels": {"app.kubernetes.io/managed-by": "harden"},
        "annotations": {"harden.internal/vault-path": "secret/a/ours"},
    }
    external = one("Secret", "external", **value)
    external["metadata"]["ownerReferences"] = [{"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret"}]
    vso = one("Secret", "vso", **value)
    vso["metadata"]["ownerReferences"] = [{"apiVersion": "secrets.hashicorp.com/v1beta1", "kind": "VaultStaticSecret"}]
    labelled = one("Secret", "labelled", **value)
    labelled["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "harden"}
    disguised = one("ConfigMap", "disguised", data={"key": "x"})
    disguised["metadata"] |= {"labels": ours["metadata"]["labels"], "annotations": ours["metadata"]["annotations"]}
    cluster.put(ours, external, vso, labelled, disguised)
    live = LiveObjects(cluster, "a")
    seen = {manifest["metadata"]["name"]: manifest for _, manifest in live.manifests()}
    assert [name for name, manifest in seen.items() if "data" in manifest] == ["disguised", "labelled"]
    assert sorted(name.name for name in live.delivered) == ["external", "ours", "vso"]
    assert seen["ours"]["metadata"]["annotations"]


@pytest.mark.parametrize("error", [ClusterDeniedError("secrets is forbidden"), ClusterUnavailableError("no answer")])
def test_what_cannot_be_listed_is_told(error: Exception) -> None:
    """The other kinds are seen all the same, and the scan is incomplete."""
    cluster = FakeCluster()
    cluster.put(one("Secret", "s"), one("ConfigMap", "c"))

    def refuse(call: Call) -> None:
        if call.method == "list" and call.name.kind == "Secret":
            raise error

    cluster.before.append(refuse)
    live = LiveObjects(cluster, "a")
    assert sources(live) == ["cluster:a/configmaps/c"]
    (skipped,) = live.skipped
    assert skipped.source == "cluster:a/secrets"
    assert skipped.incomplete
    assert str(error) in skipped.reason


def test_a_server_that_is_not_there_is_no_empty_cluster() -> None:
    """Where not even the kinds can be asked for, that is an error."""
    cluster = FakeCluster()
    cluster.fail_before(1, ClusterUnavailableError("no answer"), ("resources",))
    with pytest.raises(ClusterUnavailableError):
        sources(LiveObjects(cluster))


def test_a_user_who_may_list_little(api_server: Server) -> None:
    """A real server: what the role gives is seen, and everything else is told of, with the right that is missing."""
    namespace = api_server.admin.new_namespace()
    api_server.admin.apply(
        one("ConfigMap", "c", namespace, data={"key": "value"}),
        one("Secret", "s", namespace, stringData={"key": "value"}),
        one(
            "Role",
            "maps",
            namespace,
            "rbac.authorization.k8s.io/v1",
            rules=[{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}],
        ),
        one(
            "RoleBinding",
            "maps",
            namespace,
            "rbac.authorization.k8s.io/v1",
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "maps"},
            subjects=[{"kind": "User", "name": namespace, "apiGroup": "rbac.authorization.k8s.io"}],
        ),
        namespace=namespace,
    )
    cluster = open_cluster(api_server.kubeconfig_for(namespace), None, {}, pytest.fail)
    live = LiveObjects(cluster, namespace)
    assert sources(live) == [f"cluster:{namespace}/configmaps/c"]
    reasons = {skipped.source: skipped.reason for skipped in live.skipped}
    assert f'User "{namespace}" cannot list resource "secrets"' in reasons[f"cluster:{namespace}/secrets"]
    assert f"cluster:{namespace}/deployments.apps" in reasons


def test_an_administrator_sees_everything(api_server: Server) -> None:
    """A real server, all its kinds: nothing is left out but what is stated."""
    namespace = api_server.admin.new_namespace()
    api_server.admin.apply(one("Secret", "s", namespace, stringData={"key": "value"}), namespace=namespace)
    live = LiveObjects(open_cluster(api_server.kubeconfig, None, {}, pytest.fail))
    found = sources(live)
    assert f"cluster:{namespace}/secrets/s" in found
    assert f"cluster:namespaces/{namespace}" in found
    assert "cluster:clusterroles/cluster-admin" in found
    assert live.skipped == []
