"""A Secret that the External Secrets Operator keeps: an ExternalSecret with one entry for each key.

`decodingStrategy: Base64` gives the bytes, `None` the base64 text that Vault holds. Its Secret has a name of its own,
never that of one that exists: `creationPolicy: Owner` would wipe that. Source: the CRD `external-secrets.io/v1`.
"""

from typing import Any

from harden_secrets.cluster.marks import metadata
from harden_secrets.cluster.port import Manifest
from harden_secrets.delivery.values import DeliveredKey, Delivery

REFRESH = "1m"


def objects(delivery: Delivery, mount: str, path: str, store: str) -> tuple[Manifest, ...]:
    """The ExternalSecret. ``store`` names a SecretStore, or with ``cluster/`` before it a ClusterSecretStore."""
    kind, _, name = store.rpartition("/")
    target: dict[str, Any] = {
        "name": delivery.secret,
        "creationPolicy": "Owner",
        "deletionPolicy": "Retain",  # a Vault that is away must not take the key from its consumers
    }
    if delivery.type != "Opaque":
        target["template"] = {"type": delivery.type, "engineVersion": "v2", "mergePolicy": "Merge"}
    spec = {
        "refreshInterval": REFRESH,
        "secretStoreRef": {"kind": "ClusterSecretStore" if kind == "cluster" else "SecretStore", "name": name},
        "target": target,
        "data": [_entry(entry, path) for entry in delivery.keys],
    }
    made = metadata(delivery.namespace, delivery.secret, mount, path)
    return ({"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": made, "spec": spec},)


def _entry(entry: DeliveredKey, path: str) -> dict[str, Any]:
    decoding = "Base64" if entry.form == "raw" else "None"
    return {
        "secretKey": entry.key,
        "remoteRef": {"key": path, "property": entry.field, "decodingStrategy": decoding},
    }
