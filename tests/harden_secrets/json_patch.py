"""JSON patch (RFC 6902) as an API server applies it, where it differs from the RFC included."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any


class PatchError(Exception):
    """A patch that cannot be applied to this document: a test did not hold, or a path is not there."""


def applied(document: Any, patch: Sequence[Mapping[str, Any]]) -> Any:
    """The document with the patch applied; the one given stays as it was."""
    holder = {"": deepcopy(document)}
    for operation in patch:
        _apply(holder, operation)
    return holder[""]


def _apply(holder: Any, operation: Mapping[str, Any]) -> None:
    op, path = operation.get("op"), _parts(operation["path"])
    if op == "test":
        _test(holder, path, operation["value"])
    elif op == "add":
        _add(holder, path, deepcopy(operation["value"]))
    elif op == "replace":
        _replace(holder, path, deepcopy(operation["value"]))
    elif op == "remove":
        _remove(holder, path)
    elif op == "copy":
        _add(holder, path, deepcopy(_find(holder, _parts(operation["from"]))))
    elif op == "move":
        source = _parts(operation["from"])
        value = _find(holder, source)
        _remove(holder, source)
        _add(holder, path, value)
    else:
        raise PatchError(f"unknown operation {op}")


def _parts(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise PatchError(f"{pointer} is no JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]


def _find(holder: Any, path: list[str]) -> Any:
    for part in path:
        holder = holder[_member(holder, part)]
    return holder


def _member(holder: Any, part: str) -> Any:
    if isinstance(holder, dict) and part in holder:
        return part
    if isinstance(holder, list) and part.isdigit() and int(part) < len(holder):
        return int(part)
    raise PatchError(f"nothing there: {part}")


def _test(holder: Any, path: list[str], value: Any) -> None:
    try:
        found = _find(holder, path)
    except PatchError:
        found = None
    if found != value or isinstance(found, bool) != isinstance(value, bool):
        raise PatchError(f"another value at {'/'.join(path)}")


def _add(holder: Any, path: list[str], value: Any) -> None:
    parent, last = _find(holder, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and last == "-":
        parent.append(value)
    elif isinstance(parent, list) and last.isdigit() and int(last) <= len(parent):
        parent.insert(int(last), value)
    else:
        raise PatchError(f"cannot add at {'/'.join(path)}")


def _replace(holder: Any, path: list[str], value: Any) -> None:
    parent = _find(holder, path[:-1])
    # Where RFC 6902 wants an error, a real server adds the member.
    parent[path[-1] if isinstance(parent, dict) else _member(parent, path[-1])] = value


def _remove(holder: Any, path: list[str]) -> None:
    parent = _find(holder, path[:-1])
    del parent[_member(parent, path[-1])]
