"""A keyed digest of an object, to tell whether it is still the one that a plan saw. Pure."""

import json

from harden_secrets.cluster.port import Manifest
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import OBJECT, Fingerprinter

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
