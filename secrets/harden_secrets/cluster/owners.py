"""Who would undo a change of a live object: whoever made it from a source of their own (fact 22). Pure.

Read from labels, annotations, ownerReferences and managedFields, in the order of how sure they are. An object that
Argo CD or Flux bring from a Helm chart is theirs: their source is where a change belongs.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harden_secrets.cluster.consumers.walk import at, entries, mapping, text
from harden_secrets.cluster.marks import HARDEN, MANAGED_BY
from harden_secrets.cluster.port import Manifest

Kind = Literal["helm", "terraform", "argocd", "flux", "kustomize", "operator", "kubectl", "none"]

_TERRAFORM = re.compile(r"terraform|hashicorp\Z|opentofu|pulumi", re.IGNORECASE)
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# Marks that operators leave on what they make; with what names the maker, where something does.
_OPERATORS = {
    "sealedsecrets.bitnami.com/managed": "sealed-secrets",
    "cert-manager.io/certificate-name": "cert-manager",
    "reconcile.external-secrets.io/managed": "external-secrets",
    "reconcile.external-secrets.io/created-by": "external-secrets",
    "secrets.hashicorp.com/vso-ownerRefUID": "vault-secrets-operator",
    "olm.owner": "operator-lifecycle-manager",
    "addonmanager.kubernetes.io/mode": "addon-manager",
    "reflector.v1.k8s.emberstack.com/reflects": "reflector",
    "replicator.v1.mittwald.de/replicated-from-version": "kubernetes-replicator",
    "objectset.rio.cattle.io/id": "k3s or Rancher",
    "crossplane.io/composite": "crossplane",
}
_MADE_BY = {"kustomize": "kustomize", "argocd": "argocd", "helm": "helm"}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who made an object. ``name`` is that of the release, application or operator, as far as it is known.

    ``evidence`` says how that is known, each a field of the object and what it says. ``will_undo``: whether a live
    change is taken back by itself, at the next sync or the next run of the tool.
    """

    kind: Kind = "none"
    name: str = ""
    evidence: tuple[str, ...] = ()
    will_undo: bool = False


def owner(manifest: Manifest) -> Owner:
    """The owner of an object; ``none`` where nothing points to one."""
    for find in _FINDERS:
        found = find(manifest)
        if found is not None:
            return found
    return Owner()


def _controller(manifest: Manifest) -> Owner | None:
    for _, one in entries(at(manifest, "metadata", "ownerReferences")):
        name = f"{text(one.get('kind'))} {text(one.get('name'))}".strip()
        if one.get("controller") is True or text(one.get("kind")) in ("ExternalSecret", "VaultStaticSecret"):
            return Owner("operator", name, (f"ownerReferences: {name} of {text(one.get('apiVersion'))}",), True)
    return None


def _flux(manifest: Manifest) -> Owner | None:
    labels = mapping(at(manifest, "metadata", "labels"))
    for group in ("kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"):
        if name := text(labels.get(f"{group}/name")):
            namespace = text(labels.get(f"{group}/namespace"))
            kind = "HelmRelease" if group.startswith("helm") else "Kustomization"
            return Owner("flux", f"{kind} {namespace}/{name}", (f"label {group}/name: {name}",), True)
    return None


def _argocd(manifest: Manifest) -> Owner | None:
    tracked = text(at(manifest, "metadata", "annotations", "argocd.argoproj.io/tracking-id"))
    if tracked:
        name = tracked.partition(":")[0]
        return Owner("argocd", name, (f"annotation argocd.argoproj.io/tracking-id: {tracked}",), True)
    label = text(at(manifest, "metadata", "labels", "argocd.argoproj.io/instance"))
    managers = [one for one in _managers(manifest) if one.startswith("argocd")]
    instance = text(at(manifest, "metadata", "labels", "app.kubernetes.io/instance"))
    if label:
        return Owner("argocd", label, (f"label argocd.argoproj.io/instance: {label}",), True)
    if managers:
        # By default Argo CD marks what it manages with this label, which others use as well.
        return Owner("argocd", instance, (f"managedFields: {managers[0]}",), True)
    return None


def _helm(manifest: Manifest) -> Owner | None:
    release = text(at(manifest, "metadata", "annotations", "meta.helm.sh/release-name"))
    namespace = text(at(manifest, "metadata", "annotations", "meta.helm.sh/release-namespace"))
    label = text(at(manifest, "metadata", "labels", MANAGED_BY))
    if release:
        name = f"{namespace}/{release}" if namespace else release
        return Owner("helm", name, (f"annotation meta.helm.sh/release-name: {release}",), True)
    chart = text(at(manifest, "metadata", "labels", "helm.sh/chart"))
    managers = [one for one in _managers(manifest) if one == "helm"]
    if label == "Helm" or managers:
        said = f"label {MANAGED_BY}: {label}" if label == "Helm" else "managedFields: helm"
        return Owner("helm", chart, (said,), True)
    return None


def _terraform(manifest: Manifest) -> Owner | None:
    label = text(at(manifest, "metadata", "labels", MANAGED_BY))
    if _TERRAFORM.match(label):
        return Owner("terraform", "", (f"label {MANAGED_BY}: {label}",), True)
    managers = [one for one in _managers(manifest) if _TERRAFORM.match(one)]
    return Owner("terraform", "", (f"managedFields: {managers[0]}",), True) if managers else None


def _operator(manifest: Manifest) -> Owner | None:
    for part in ("labels", "annotations"):
        marks = mapping(at(manifest, "metadata", part))
        for mark, name in _OPERATORS.items():
            if mark in marks:
                return Owner("operator", name, (f"{part[:-1]} {mark}: {text(marks[mark])}",), True)
    label = text(at(manifest, "metadata", "labels", MANAGED_BY))
    known = next((kind for word, kind in _MADE_BY.items() if word in label.lower()), None)
    if label and label != HARDEN and known is None and not _TERRAFORM.match(label):
        return Owner("operator", label, (f"label {MANAGED_BY}: {label}",), True)
    return None


def _kustomize(manifest: Manifest) -> Owner | None:
    annotations = mapping(at(manifest, "metadata", "annotations"))
    for name in ("config.kubernetes.io/origin", "kustomize.config.k8s.io/id", "internal.config.kubernetes.io/path"):
        if name in annotations:
            return Owner("kustomize", "", (f"annotation {name}: {text(annotations[name])}",), True)
    label = text(at(manifest, "metadata", "labels", MANAGED_BY))
    if "kustomize" in label.lower():
        return Owner("kustomize", "", (f"label {MANAGED_BY}: {label}",), True)
    return None


def _kubectl(manifest: Manifest) -> Owner | None:
    """Somebody with kubectl: there may be a file, but nothing applies it by itself."""
    managers = [one for one in _managers(manifest) if one.startswith("kubectl")]
    evidence = [f"managedFields: {one}" for one in dict.fromkeys(managers)]
    if _LAST_APPLIED in mapping(at(manifest, "metadata", "annotations")):
        evidence.append(f"annotation {_LAST_APPLIED}")
    return Owner("kubectl", "", tuple(evidence)) if evidence else None


_FINDERS: tuple[Callable[[Manifest], Owner | None], ...] = (
    _flux,
    _argocd,
    _controller,
    _operator,
    _helm,
    _terraform,
    _kustomize,
    _kubectl,
)


def _managers(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Who wrote to it, but for the status."""
    for _, one in entries(at(manifest, "metadata", "managedFields")):
        if not one.get("subresource"):
            yield text(one.get("manager"))
