"""A Secret that harden writes itself, and writes again when the key is rotated."""

import base64
from collections.abc import Mapping

from harden_secrets.cluster.marks import metadata
from harden_secrets.cluster.port import Manifest
from harden_secrets.confidential import Confidential
from harden_secrets.delivery.form import in_form
from harden_secrets.delivery.values import Delivery


def secret(delivery: Delivery, mount: str, path: str, fields: Mapping[str, Confidential]) -> Manifest:
    """The Secret with its values: only for the API server, never for a file. ``fields`` are those of the path."""
    data = {entry.key: in_form(fields[entry.field], entry.form) for entry in delivery.keys}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(delivery.namespace, delivery.secret, mount, path),
        "type": delivery.type,
        "data": {key: base64.b64encode(value.reveal()).decode() for key, value in data.items()},
    }
