"""Owners of objects as people call them. Pure."""

from harden_secrets.cluster.owners import Owner

_CALLED = {
    "helm": "Helm release",
    "terraform": "Terraform",
    "argocd": "Argo CD application",
    "flux": "Flux",
    "kustomize": "kustomize",
}


def called(owner: Owner) -> str:
    """An owner as people call it: ``Helm release media/app``."""
    kind = _CALLED.get(owner.kind, "")
    return " ".join(part for part in (kind, owner.name) if part) or owner.kind
