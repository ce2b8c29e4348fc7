"""JSON patches (RFC 6902) of objects as far as plans have them, and how one is taken back. Pure.

Our own because plans need the half that libraries have not: what takes a change back while others change the object
too. The other half is the thirty lines of :func:`applied` over pointers that we have anyway; the library `jsonpatch`
would quote the values of a `test` that does not hold in its error, and those are the keys.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from harden.errors import HardenError
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

    Others' changes to other fields and other items of lists stay. It works on the smallest subtrees that are there in
    all three, and tests first that they are what was last seen. Raises HardenError where what others changed in a list
    cannot be told from what is to be taken back.
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
    if all(isinstance(one, list) for one in (before, after, now)):
        return _in_list(before, after, now, path)
    return [{"op": "test", "path": path, "value": now}, {"op": "replace", "path": path, "value": before}]


def _in_list(before: list[Any], after: list[Any], now: list[Any], path: str) -> list[Operation]:
    """Items are told by their names where they have any; else the list must be as it was left, or keep its length."""
    untouched = now == after
    if len(before) == len(after) == len(now) and (untouched or _names(before) == _names(after) == _names(now)):
        pairs = enumerate(zip(before, after, now, strict=True))
        return [one for number, items in pairs for one in _differences(*items, f"{path}/{number}")]
    if untouched:
        return [{"op": "test", "path": path, "value": now}, {"op": "replace", "path": path, "value": before}]
    was, left, there = _named(before), _named(after), _named(now)
    if was is None or left is None or there is None:
        raise HardenError(
            f"{path}: somebody has changed this list since, and its items have no names by which to tell them apart",
            "take back by hand what harden changed there, then run the command again",
        )
    return _by_name(was, left, there, path)


def _by_name(before: dict[str, Any], after: dict[str, Any], now: dict[str, Any], path: str) -> list[Operation]:
    """Changes first, while the numbers are right; then what was added goes, from the end; then what was taken comes."""
    found: list[Operation] = []
    places = {name: number for number, name in enumerate(now)}
    for name, number in places.items():
        if name in before and name in after:
            found += _differences(before[name], after[name], now[name], f"{path}/{number}")
    for name, number in reversed(places.items()):
        if name in after and name not in before:
            item = f"{path}/{number}"
            found += [{"op": "test", "path": item, "value": now[name]}, {"op": "remove", "path": item}]
    gone = [name for name in before if name not in after and name not in now]
    return found + [{"op": "add", "path": f"{path}/-", "value": before[name]} for name in gone]


def _names(items: list[Any]) -> list[str] | None:
    """What Kubernetes tells the items of a list by, names or where volumes are mounted; None where there is neither."""
    for key in ("mountPath", "name"):
        if all(isinstance(item, dict) and isinstance(item.get(key), str) for item in items):
            return [item[key] for item in items]
    return None


def _named(items: list[Any]) -> dict[str, Any] | None:
    """The items by their names; None where they have none, or two have one."""
    names = _names(items)
    return None if names is None or len(set(names)) != len(names) else dict(zip(names, items, strict=True))


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
