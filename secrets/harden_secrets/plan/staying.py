"""Why a plan leaves something where it was found, and what a person can do about it. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from harden_secrets.plan.held import Held

_LAST_APPLIED = "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"
# What is made from a template, and made anew when that changes.
_FROM_TEMPLATES = frozenset({"Pod", "ReplicaSet", "Job", "ControllerRevision"})
_OF_TYPE = {
    "kubernetes.io/service-account-token": "Kubernetes makes it; delete the Secret, pods have tokens that expire",
    "bootstrap.kubernetes.io/token": "nodes join with it; delete it when none does",
}
_EXPANDED = re.compile(rb"\$[$(]")
_ARGUMENT = re.compile(r"/(?:args|command)/\d+\Z")


def follows(manifest: Mapping[str, Any], pointer: str, moved: frozenset[str]) -> bool:
    """Whether it goes by itself with what is moved: pods of a template, and what kubectl remembers of an object.

    ``moved`` are the pointers in the same object that are moved.
    """
    if _maker(manifest) and manifest.get("kind") in _FROM_TEMPLATES:
        return True
    return pointer == _LAST_APPLIED and bool(moved)


def reason(manifest: Mapping[str, Any], pointer: str, held: Held | None) -> str:
    """Why it cannot be moved from there, with what to do instead; nothing where it can."""
    return _of_object(manifest) or (_of_field(pointer) if held is None else _of_literal(held))


def _of_object(manifest: Mapping[str, Any]) -> str:
    kind = str(manifest.get("type") or "") if manifest.get("kind") == "Secret" else ""
    if kind.startswith("helm.sh/"):
        return "a revision of a Helm release; take it out of the chart's values, then let Helm drop the old revisions"
    maker = _maker(manifest)
    return _OF_TYPE.get(kind) or (f"{maker} makes it; change that" if maker else "")


def _of_literal(held: Held) -> str:
    if held.is_literal and _EXPANDED.search(held.shown.reveal()):
        return "Kubernetes expands $( and $$ in a literal variable, and not in one from a Secret; change it by hand"
    return ""


def _of_field(pointer: str) -> str:
    if pointer == _LAST_APPLIED:
        return "kubectl remembers it; apply the object without it"
    if _ARGUMENT.search(pointer):
        return "an argument of a program, which every list of processes shows; let it read a file or a variable"
    if pointer.startswith("/metadata/"):
        return "no place for a secret; take it out"
    return "harden cannot move it from there; if this kind takes a reference to a Secret, use that"


def _maker(manifest: Mapping[str, Any]) -> str:
    for one in (manifest.get("metadata") or {}).get("ownerReferences") or ():
        if one.get("controller"):
            return f"{str(one.get('kind', '')).lower()} {one.get('name', '')}"
    return ""
