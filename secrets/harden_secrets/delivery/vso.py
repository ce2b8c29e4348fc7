"""A Secret that the Vault Secrets Operator keeps: a VaultStaticSecret with a template for each entry.

Vault holds base64 text (see docs/reference/custody.md), so a template decodes it where the bytes are wanted and hands
it on where the text is. Nothing but the templates gets into the Secret: `excludeRaw` and `excludes` see to that.
Source: the operator's CRD `secrets.hashicorp.com/v1beta1`.
"""

from harden_secrets.cluster.marks import metadata
from harden_secrets.cluster.port import Manifest
from harden_secrets.delivery.values import DeliveredKey, Delivery

REFRESH = "60s"


def objects(delivery: Delivery, mount: str, path: str, auth: str = "") -> tuple[Manifest, ...]:
    """The VaultStaticSecret. ``auth`` names a VaultAuth (``name`` or ``namespace/name``); empty is the default one."""
    spec = {
        "type": "kv-v2",
        "mount": mount,
        "path": path,
        "refreshAfter": REFRESH,
        "destination": {
            "name": delivery.secret,
            "create": True,
            "type": delivery.type,
            "transformation": {
                "excludeRaw": True,
                "excludes": [".*"],
                "templates": {entry.key: {"text": _template(entry)} for entry in delivery.keys},
            },
        },
    }
    if auth:
        spec["vaultAuthRef"] = auth
    made = metadata(delivery.namespace, delivery.secret, mount, path)
    return (
        {"apiVersion": "secrets.hashicorp.com/v1beta1", "kind": "VaultStaticSecret", "metadata": made, "spec": spec},
    )


def _template(entry: DeliveredKey) -> str:
    # Field names are ours (see plan/naming): letters, digits, underscores. Quoted all the same.
    name = '"' + entry.field.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{{{{ get .Secrets {name} | b64dec }}}}" if entry.form == "raw" else f"{{{{ get .Secrets {name} }}}}"
