"""What an API server checks of ConfigMaps and Secrets before it stores them, and what it fills in."""

import base64
import binascii
from typing import Any

from harden_secrets.cluster.port import Manifest, RefusedError

LARGEST = 1024 * 1024  # bytes, of all values of one object together

REQUIRED = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def admitted(new: Manifest, old: Manifest | None) -> Manifest:
    """The object as it will be stored. Raises RefusedError."""
    if new.get("apiVersion") == "v1" and new.get("kind") == "Secret":
        _secret(new, old)
    elif new.get("apiVersion") == "v1" and new.get("kind") == "ConfigMap":
        _config_map(new)
    else:
        return new
    if old is not None and old.get("immutable"):
        _immutable(new, old)
    return new


def _secret(new: Manifest, old: Manifest | None) -> None:
    data = dict(new.get("data") or {})
    for key, text in (new.pop("stringData", None) or {}).items():
        data[key] = base64.b64encode(text.encode()).decode()
    if data:
        new["data"] = data
    new.setdefault("type", "Opaque")
    if old is not None and old["type"] != new["type"]:
        raise RefusedError(f"secret {_name(new)} is refused: type: field is immutable")
    missing = [key for key in REQUIRED.get(new["type"], ()) if key not in data]
    if missing:
        raise RefusedError(f"secret {_name(new)} is refused: data[{missing[0]}]: required value")
    _limited(new, sum(len(_decoded(new, value)) for value in data.values()))


def _config_map(new: Manifest) -> None:
    texts, binaries = new.get("data") or {}, new.get("binaryData") or {}
    if not all(isinstance(value, str) for value in texts.values()):
        raise RefusedError(f"configmap {_name(new)} is refused: data holds what is no text")
    if set(texts) & set(binaries):
        raise RefusedError(f"configmap {_name(new)} is refused: a key is in data and in binaryData")
    sizes = [len(value.encode()) for value in texts.values()]
    _limited(new, sum(sizes) + sum(len(_decoded(new, value)) for value in binaries.values()))


def _immutable(new: Manifest, old: Manifest) -> None:
    if not new.get("immutable"):
        raise RefusedError(f"{_name(new)} is refused: immutable: field is immutable when `immutable` is set")
    for field in ("data", "binaryData"):
        if (new.get(field) or {}) != (old.get(field) or {}):
            raise RefusedError(f"{_name(new)} is refused: {field}: field is immutable when `immutable` is set")


def _decoded(manifest: Manifest, value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise RefusedError(f"{_name(manifest)} is refused: illegal base64 data") from None


def _limited(manifest: Manifest, size: int) -> None:
    if size > LARGEST:
        raise RefusedError(f"{_name(manifest)} is refused: data: too long, at most {LARGEST} bytes")


def _name(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("name"))
