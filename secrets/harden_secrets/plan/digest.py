"""Keyed digests of objects and files, to tell whether one is still as a plan saw it. Pure."""

import hashlib
import json

from harden_secrets.cluster.port import Manifest
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import FILE, OBJECT, Fingerprinter

# What controllers and the server write without anybody's wish being another.
_BOOKKEEPING = ("resourceVersion", "managedFields", "generation", "creationTimestamp", "selfLink", "uid")
_REVISION = "deployment.kubernetes.io/revision"


def digest(manifest: Manifest, fingerprints: Fingerprinter) -> str:
    """The same as long as nobody changed what the object says; its status does not count."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in _BOOKKEEPING}
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != _REVISION}
    body = {key: value for key, value in manifest.items() if key != "status"}
    body["metadata"] = metadata | {"annotations": annotations}
    text = json.dumps(body, sort_keys=True, ensure_ascii=True)
    return fingerprints.of_bytes(OBJECT, Confidential(text.encode()))


def file_digest(content: bytes, fingerprints: Fingerprinter) -> str:
    """The keyed digest of a file's content."""
    return fingerprints.of_bytes(FILE, Confidential(hashlib.sha256(content).digest()))
