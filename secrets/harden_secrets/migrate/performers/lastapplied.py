"""What kubectl remembers of the last apply, without a value in it. Pure."""

import json
from collections.abc import Iterable, Iterator
from copy import deepcopy
from typing import Any

from harden_secrets.cluster.port import Manifest
from harden_secrets.plan.entry import at

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def forgotten(text: str, part: str, key: str) -> str | None:
    """The annotation's text without an entry, as kubectl writes it; None where nobody can tell what is in it."""
    try:
        remembered = json.loads(text)
    except ValueError:
        return None
    if not isinstance(remembered, dict):
        return None
    for one in (part, "stringData"):  # a Secret's stringData becomes its data
        _drop(remembered, one, key)
    return json.dumps(remembered, separators=(",", ":")) + "\n"


def without_literals(before: Manifest, after: Manifest, pointers: Iterable[str]) -> Manifest:
    """``after``, whose memory of the variables at ``pointers`` (which end in ``/value``) is what they are in it.

    Variables are found by name and value: kubectl's memory may count them otherwise. Where a value would stay in it
    all the same, the annotation goes.
    """
    made = deepcopy(after)
    annotations = made["metadata"].get("annotations") or {}
    if LAST_APPLIED not in annotations:
        return made
    values = {}
    for pointer in pointers:
        place = pointer.rpartition("/")[0]
        old = at(before, place)
        values[old.get("name"), old.get("value")] = at(after, place)
    text = _replaced(annotations[LAST_APPLIED], values)
    if text is None:
        del annotations[LAST_APPLIED]
    else:
        annotations[LAST_APPLIED] = text
    return made


def _replaced(text: str, values: dict[tuple[Any, Any], Any]) -> str | None:
    try:
        remembered = json.loads(text)
    except ValueError:
        return None
    for entry in _mappings(remembered):
        new = values.get((entry.get("name"), entry.get("value"))) if isinstance(entry.get("value"), str) else None
        if new is not None:
            entry.clear()
            entry.update(deepcopy(new))
    made = json.dumps(remembered, separators=(",", ":")) + "\n"
    return None if any(json.dumps(value)[1:-1] in made for _, value in values if value) else made


def _mappings(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    children = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for child in list(children):
        yield from _mappings(child)


def _drop(manifest: dict[str, Any], part: str, key: str) -> None:
    entries = manifest.get(part)
    if isinstance(entries, dict) and key in entries:
        del entries[key]
        if not entries:
            del manifest[part]
