"""Who would undo a live change, from what the tools leave on objects (fact 22)."""

from typing import Any

import pytest

from harden_secrets.cluster.owners import owner
from harden_secrets.cluster.port import Manifest


def config_map(
    labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, *managers: str, **metadata: Any
) -> Manifest:
    fields = [{"manager": manager, "operation": "Update"} for manager in managers]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "x",
            "labels": labels or {},
            "annotations": annotations or {},
            "managedFields": fields,
            **metadata,
        },
    }


HELM = {"meta.helm.sh/release-name": "woodpecker", "meta.helm.sh/release-namespace": "ci"}
MANAGED = "app.kubernetes.io/managed-by"
CONTROLLED = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "name": "c", "controller": True}
EXTERNAL = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": "e"}


@pytest.mark.parametrize(
    ("manifest", "kind", "name", "undone"),
    [
        (config_map({MANAGED: "Helm"}, HELM), "helm", "ci/woodpecker", True),
        (config_map({MANAGED: "Helm", "helm.sh/chart": "x-1.2"}), "helm", "x-1.2", True),
        (config_map(None, None, "helm"), "helm", "", True),
        (config_map(None, None, "HashiCorp"), "terraform", "", True),
        (config_map(None, None, "Terraform"), "terraform", "", True),
        (config_map(None, None, "terraform-provider-kubernetes"), "terraform", "", True),
        (config_map({MANAGED: "terraform"}), "terraform", "", True),
        (config_map(None, {"argocd.argoproj.io/tracking-id": "apps:/ConfigMap:a/x"}), "argocd", "apps", True),
        (config_map({"argocd.argoproj.io/instance": "apps"}), "argocd", "apps", True),
        (config_map({"app.kubernetes.io/instance": "apps"}, None, "argocd-controller"), "argocd", "apps", True),
        (config_map({MANAGED: "Helm"}, {**HELM, "argocd.argoproj.io/tracking-id": "a:b"}), "argocd", "a", True),
        (
            config_map({"kustomize.toolkit.fluxcd.io/name": "n", "kustomize.toolkit.fluxcd.io/namespace": "f"}),
            "flux",
            "Kustomization f/n",
            True,
        ),
        (
            config_map(
                {"helm.toolkit.fluxcd.io/name": "n", "helm.toolkit.fluxcd.io/namespace": "f", MANAGED: "Helm"}, HELM
            ),
            "flux",
            "HelmRelease f/n",
            True,
        ),
        (config_map(ownerReferences=[CONTROLLED]), "operator", "Certificate c", True),
        (config_map(ownerReferences=[EXTERNAL]), "operator", "ExternalSecret e", True),
        (config_map({"olm.owner": "x"}), "operator", "operator-lifecycle-manager", True),
        (config_map(None, {"cert-manager.io/certificate-name": "c"}), "operator", "cert-manager", True),
        (config_map({MANAGED: "prometheus-operator"}), "operator", "prometheus-operator", True),
        (config_map(None, {"config.kubernetes.io/origin": "path: x"}), "kustomize", "", True),
        (config_map({MANAGED: "kustomize-v5.0.0"}), "kustomize", "", True),
        (config_map(None, {"kubectl.kubernetes.io/last-applied-configuration": "{}"}), "kubectl", "", False),
        (config_map(None, None, "kubectl-edit"), "kubectl", "", False),
        (config_map({MANAGED: "harden"}), "none", "", False),
        (config_map(), "none", "", False),
    ],
)
def test_owners(manifest: Manifest, kind: str, name: str, undone: bool) -> None:
    """By what the tool leaves; whose source is furthest up wins, and the evidence says why."""
    found = owner(manifest)
    assert (found.kind, found.name, found.will_undo) == (kind, name, undone)
    assert bool(found.evidence) == (kind != "none")


def test_who_only_writes_the_status_owns_nothing() -> None:
    """A controller that reports on an object does not undo a change of it."""
    fields = [{"manager": "Terraform", "operation": "Update", "subresource": "status"}]
    assert owner({"metadata": {"managedFields": fields}}).kind == "none"


def test_the_evidence_holds_no_value() -> None:
    """The last-applied annotation is named, not quoted."""
    text = '{"data": {"key": "hunter2hunter2"}}'
    found = owner(config_map(None, {"kubectl.kubernetes.io/last-applied-configuration": text}))
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize("metadata", [None, 3, {"labels": 1, "annotations": [], "ownerReferences": {}}])
def test_broken_metadata_has_no_owner(metadata: Any) -> None:
    """In files anything may stand there."""
    assert owner({"kind": "ConfigMap", "metadata": metadata}).kind == "none"
