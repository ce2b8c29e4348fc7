"""Whether a delivered Secret has the bytes that Vault has. Pure."""

import base64
import binascii
from collections.abc import Mapping

from harden_secrets.cluster.port import Manifest
from harden_secrets.confidential import Confidential
from harden_secrets.delivery.form import in_form
from harden_secrets.delivery.values import Delivery


def contents(delivery: Delivery, fields: Mapping[str, Confidential]) -> dict[str, Confidential]:
    """What is delivered under each key."""
    return {entry.key: in_form(fields[entry.field], entry.form) for entry in delivery.keys}


def differing(there: Manifest | None, wanted: Mapping[str, Confidential]) -> list[str]:
    """The keys of a Secret whose bytes are not the wanted ones; all of them where there is no Secret."""
    data = (there or {}).get("data") or {}
    return [key for key, value in wanted.items() if key not in data or _decoded(data[key]) != value]


def _decoded(text: str) -> Confidential | None:
    try:
        return Confidential(base64.b64decode(text))
    except (binascii.Error, ValueError):
        return None
