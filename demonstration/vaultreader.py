"""What lies in the Vault of ``harden vault up``, read by an independent client: hvac, and nothing of harden's."""

import base64
import json
from pathlib import Path

import hvac


def read(vault: Path, path: str) -> dict[str, bytes]:
    """The fields of a secret as bytes. ``vault`` is the server's folder, ``path`` that in its mount ``secret``."""
    address = f"https://127.0.0.1:{json.loads((vault / 'server.json').read_text())['port']}"
    client = hvac.Client(url=address, verify=str(vault / "ca.pem"))
    role_id, secret_id = ((vault / name).read_text().strip() for name in ("role_id", "secret_id"))
    client.auth.approle.login(role_id=role_id, secret_id=secret_id)
    answer = client.secrets.kv.v2.read_secret_version(path=path, mount_point="secret", raise_on_deleted_version=True)
    fields: dict[str, str] = answer["data"]["data"]
    if fields.pop("harden_encoding", "") != "base64":
        return {name: value.encode() for name, value in fields.items()}
    return {name: base64.b64decode(value, validate=True) for name, value in fields.items()}
