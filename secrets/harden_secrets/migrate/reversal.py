"""JSON patches (RFC 6902) as far as plans have them, and how one is taken back. Pure."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from harden_secrets.cluster.port import Manifest
from harden_secrets.pointer import at, at_or_none, entered, escaped, tokens

Operation = Mapping[str, Any]


def applied(manifest: Manifest, patch: Sequence[Operation]) -> Manifest:
    """The object after `add`, `remove` and `replace`; a `test` is the server's matter.

    Raises LookupError or ValueError where there is nothing at a path.
    """
    made = deepcopy(manifest)
    for operation in patch:
        if operation["op"] == "test":
            continue
        path = tokens(operation["path"])
        holder: Any = made
        for token in path[:-1]:
            holder = entered(holder, token)
        _change(holder, path[-1], operation)
    return made


def untrue(manifest: Manifest, patch: Sequence[Operation]) -> str:
    """Where a test does not hold, each in the object as it is when its turn comes; empty where all do."""
    for number, operation in enumerate(patch):
        if operation["op"] != "test":
            continue
        try:
            found = at(applied(manifest, patch[:number]), operation["path"])
        except (LookupError, ValueError, TypeError):
            return str(operation["path"])
        if found != operation["value"]:
            return str(operation["path"])
    return ""


def is_applied(now: Manifest, before: Manifest, patch: Sequence[Operation]) -> bool:
    """Whether the object is already as the patch makes it, where the patch changes it."""
    after = applied(before, patch)
    return all(_same(now, after, path) for path in _roots(patch))


def reverse(before: Manifest, after: Manifest, now: Manifest) -> list[Operation]:
    """A patch that makes ``now`` as ``before`` where ``after`` differs from it; empty where it is so already.

    Others' changes to other fields stay. It works on the smallest subtrees that are there in all three, and tests
    first that they are what was last seen.
    """
    return list(_differences(before, after, now, ""))


def _differences(before: Any, after: Any, now: Any, path: str) -> list[Operation]:
    if before in (after, now):
        return []
    if all(isinstance(one, dict) for one in (before, after, now)):
        found: list[Operation] = []
        for key in sorted({*before, *after}):
            found += _entry(before, after, now, key, f"{path}/{escaped(key)}")
        return found
    if all(isinstance(one, list) for one in (before, after, now)) and len(before) == len(after) == len(now):
        return [
            operation
            for number in range(len(now))
            for operation in _differences(before[number], after[number], now[number], f"{path}/{number}")
        ]
    return [{"op": "test", "path": path, "value": now}, {"op": "replace", "path": path, "value": before}]


def _entry(
    before: Mapping[str, Any], after: Mapping[str, Any], now: Mapping[str, Any], key: str, path: str
) -> list[Operation]:
    if (key in before) == (key in after) and before.get(key) == after.get(key):
        return []
    if key in before and key in now:
        return _differences(before[key], after.get(key), now[key], path)
    if key in before:
        return [{"op": "add", "path": path, "value": before[key]}]
    if key in now:
        return [{"op": "test", "path": path, "value": now[key]}, {"op": "remove", "path": path}]
    return []


def _change(holder: Any, part: str, operation: Operation) -> None:
    kind, value = operation["op"], deepcopy(operation.get("value"))
    if isinstance(holder, list):
        position = len(holder) if part == "-" else int(part)
        if kind == "add":
            holder.insert(position, value)
        elif kind == "replace":
            holder[position] = value
        else:
            del holder[position]
    elif kind == "remove":
        del holder[part]
    else:
        holder[part] = value


def _roots(patch: Sequence[Operation]) -> set[str]:
    """The paths to compare: for an entry that is added to or removed from a list, the list."""
    paths = {operation["path"] for operation in patch if operation["op"] != "test"}
    return {
        path.rpartition("/")[0] if path.rpartition("/")[2].lstrip("-").isdigit() or path.endswith("/-") else path
        for path in paths
    }


def _same(one: Any, other: Any, path: str) -> bool:
    return bool(at_or_none(one, path) == at_or_none(other, path))
