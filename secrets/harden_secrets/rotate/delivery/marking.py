"""The patch that makes a workload replace its pods: an annotation of its pod template. Pure."""

from typing import Any

from harden_secrets.cluster.port import Manifest, Patch
from harden_secrets.pointer import escaped

_PLACE = "/spec/template/metadata/annotations"


def marked(manifest: Manifest, mark: str) -> str | None:
    """What the annotation says, of a workload's template or of a pod; None where it is not there."""
    holder = manifest if manifest.get("kind") == "Pod" else (manifest.get("spec") or {}).get("template") or {}
    value = ((holder.get("metadata") or {}).get("annotations") or {}).get(mark)
    return None if value is None else str(value)


def marking(workload: Manifest, mark: str, value: str | None) -> Patch:
    """Sets the annotation, or takes it away with None; refused where somebody has changed the workload meanwhile."""
    template = workload["spec"]["template"]
    there = (template.get("metadata") or {}).get("annotations") or {}
    unchanged = {"op": "test", "path": "/metadata/generation", "value": workload["metadata"]["generation"]}
    return [unchanged, _operation(there, mark, value)]


def _operation(there: dict[str, Any], mark: str, value: str | None) -> dict[str, Any]:
    if value is None:  # without an empty map left behind: the template is to be the very one that it was
        rest = f"{_PLACE}/{escaped(mark)}" if len(there) > 1 else _PLACE
        return {"op": "remove", "path": rest}
    if not there:
        return {"op": "add", "path": _PLACE, "value": {mark: value}}
    return {"op": "add", "path": f"{_PLACE}/{escaped(mark)}", "value": value}
