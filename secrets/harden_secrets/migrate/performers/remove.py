"""Take away a copy, once everybody who used it is proved to use the delivered one."""

import json
from collections.abc import Mapping
from typing import Any

from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.migrate.performers.site import Site, packed, restorable, unpacked
from harden_secrets.migrate.step import Step
from harden_secrets.plan.values import Copy

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Remove:
    """Deletes the object, or takes one key out of it and out of what kubectl remembers of it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def capture(self, step: Step) -> Confidential:
        """The whole object."""
        copy = self._copy(step)
        return packed(self._site.cluster.get(_name(copy)))

    def perform(self, step: Step, before: Confidential) -> Mapping[str, Any]:
        """Only the very object that was there when the step began."""
        copy, old = self._copy(step), unpacked(before)
        now = self._site.cluster.get(_name(copy))
        if old is None:
            pass  # somebody else removed it before the step began
        elif now is None and copy.removal == "remove-key":
            self._site.cluster.create(_without(restorable(old), copy))  # killed in the middle of an exchange
        elif now is not None and copy.removal == "delete-object":
            self._site.cluster.delete(_name(copy), uid=old["metadata"]["uid"])
        elif now is not None:
            self._take_out(copy, now)
        return {"copy": copy.source, "how": copy.removal}

    def undo(self, step: Step, before: Confidential) -> None:
        """Put back the object, or the key into it."""
        copy, old = self._copy(step), unpacked(before)
        if old is None:
            return
        now = self._site.cluster.get(_name(copy))
        if now is None:
            self._site.cluster.create(restorable(old))
        elif copy.removal == "remove-key" and _field(now, copy) is None:
            self._put_back(copy, now, old)

    def _take_out(self, copy: Copy, now: Manifest) -> None:
        if _field(now, copy) is None:
            return
        if now.get("immutable"):
            self._exchange(now, _without(restorable(now), copy))
            return
        wanted = _without(now, copy)
        self._site.cluster.replace(wanted)  # with its resourceVersion: refused if it changed in between

    def _put_back(self, copy: Copy, now: Manifest, old: Manifest) -> None:
        part = copy.pointer.split("/")[1]
        wanted = restorable(now) | {part: {**(now.get(part) or {}), copy.key: (old.get(part) or {})[copy.key]}}
        annotations = (old["metadata"].get("annotations") or {}).get(LAST_APPLIED)
        if annotations is not None:
            wanted["metadata"].setdefault("annotations", {})[LAST_APPLIED] = annotations
        if now.get("immutable"):
            self._exchange(now, wanted)
        else:
            metadata = {**wanted["metadata"], "resourceVersion": now["metadata"]["resourceVersion"]}
            self._site.cluster.replace({**wanted, "metadata": metadata})

    def _exchange(self, now: Manifest, wanted: Manifest) -> None:
        """An immutable object can only be replaced by another. Its content without the key is in the journal."""
        self._site.cluster.delete(ObjectName.of(now), uid=now["metadata"]["uid"])
        self._site.cluster.create(wanted)

    def _copy(self, step: Step) -> Copy:
        return self._site.secret(step).copies[step.index]


def _without(manifest: Manifest, copy: Copy) -> Manifest:
    """The object without the key, nor with it in the annotation where kubectl keeps what was applied last."""
    part = copy.pointer.split("/")[1]
    made = json.loads(json.dumps(manifest))
    _drop(made, part, copy.key)
    annotations = made["metadata"].get("annotations") or {}
    if LAST_APPLIED in annotations:
        try:
            remembered = json.loads(annotations[LAST_APPLIED])
            _drop(remembered, part, copy.key)
            _drop(remembered, "stringData", copy.key)
            annotations[LAST_APPLIED] = json.dumps(remembered, separators=(",", ":")) + "\n"
        except (ValueError, AttributeError, TypeError):
            del annotations[LAST_APPLIED]  # nobody can tell what is in it
    return dict(made)


def _drop(manifest: Manifest, part: str, key: str) -> None:
    (manifest.get(part) or {}).pop(key, None)
    if part in manifest and not manifest[part]:
        del manifest[part]


def _field(manifest: Manifest, copy: Copy) -> Any:
    return (manifest.get(copy.pointer.split("/")[1]) or {}).get(copy.key)


def _name(copy: Copy) -> ObjectName:
    assert copy.object is not None, "copies in files are another performer's"
    return copy.object
