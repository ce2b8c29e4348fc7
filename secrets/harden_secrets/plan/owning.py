"""Owners of objects in words, and what has to change in their sources. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harden_secrets.cluster.owners import Owner
from harden_secrets.plan.values import ConsumerChange, Copy, SourcePatch

_CALLED = {
    "helm": "Helm release",
    "terraform": "Terraform",
    "argocd": "Argo CD application",
    "flux": "Flux",
    "kustomize": "kustomize",
}


def called(owner: Owner) -> str:
    """An owner as people call it: ``Helm release media/app``."""
    kind = _CALLED.get(owner.kind, "")
    return " ".join(part for part in (kind, owner.name) if part) or owner.kind


def owners_changes(
    changes: Iterable[tuple[ConsumerChange, str, Sequence[Mapping[str, Any]]]], copies: Iterable[Copy]
) -> Iterator[SourcePatch]:
    """Instructions for the owners of what harden leaves alone for them.

    Each change comes with what it would be, in words, and its patch as a plan may show it.
    """
    for change, words, patch in changes:
        if change.owner.will_undo and not change.applies and patch:
            said = f"in its source, let {change.object} use {words}"
            yield SourcePatch(called(change.owner), 0, said, "\n".join(_fields(patch)))
    for copy in copies:
        if copy.owner.will_undo and copy.removal == "leave" and copy.object is not None:
            yield SourcePatch(called(copy.owner), 0, f"afterwards take {copy.key} of {copy.object} out of its source")


def _fields(patch: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The fields before (``-``) and after (``+``)."""
    removed = ""
    for one in patch:
        text = json.dumps(one.get("value"), ensure_ascii=False)
        if one["op"] == "test":
            removed = f": {text}" if not one["path"].endswith("/name") else ""
        if one["op"] in ("remove", "replace"):
            yield f"-{one['path']}{removed}"
        if one["op"] in ("add", "replace"):
            yield f"+{one['path']}: {text}"
