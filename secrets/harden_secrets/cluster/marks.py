"""How a Secret says that it is backed by Vault: it is where it belongs, and not to be found as a copy."""

import hashlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

MANAGED_BY = "app.kubernetes.io/managed-by"  # the label that Kubernetes recommends for this
HARDEN = "harden"
OWNED = MappingProxyType({MANAGED_BY: HARDEN})  # the labels of what harden makes and may write over or delete
PATH = "harden.internal/vault-path"  # annotation: MOUNT/PATH
_LONGEST = 63 - len("restarted.")
OPERATORS = {
    "VaultStaticSecret": "secrets.hashicorp.com",
    "VaultDynamicSecret": "secrets.hashicorp.com",
    "ExternalSecret": "external-secrets.io",
}


def is_vault_backed(manifest: Mapping[str, Any]) -> bool:
    """Whether a Secret is kept by harden or by one of the two operators."""
    metadata = manifest.get("metadata") or {}
    if is_ours(manifest):
        return True
    owners = metadata.get("ownerReferences") or ()
    return any(
        str(owner.get("apiVersion", "")).partition("/")[0] == OPERATORS.get(str(owner.get("kind")), "-")
        for owner in owners
        if isinstance(owner, Mapping)
    )


def is_ours(manifest: Mapping[str, Any]) -> bool:
    """Whether harden made the object: only then may it be written over or deleted."""
    metadata = manifest.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return labels.get(MANAGED_BY) == HARDEN and PATH in annotations


def metadata(namespace: str, name: str, mount: str, path: str) -> dict[str, Any]:
    """The metadata of an object that harden makes for a path."""
    made: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "labels": dict(OWNED),
        "annotations": {PATH: f"{mount}/{path}"},
    }
    if not namespace:  # manifests in files may leave it to whoever applies them
        del made["namespace"]
    return made


def restart_mark(secret: str) -> str:
    """The annotation of a pod template that says for which state of a Secret its pods were made.

    Names of annotations have 63 characters, those of Secrets 253.
    """
    short = secret if len(secret) <= _LONGEST else hashlib.sha256(secret.encode()).hexdigest()[:_LONGEST]
    return f"harden.internal/restarted.{short}"
