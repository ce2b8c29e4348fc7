"""What owners of objects have to change in their sources. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harden_secrets.cluster.port import ObjectName
from harden_secrets.plan.callednames import called
from harden_secrets.plan.moves import Moves
from harden_secrets.plan.sourcepatch import for_entry, for_object
from harden_secrets.plan.values import ConsumerChange, Copy, SourcePatch


@dataclass(frozen=True, slots=True)
class Instead:
    """A change that an owner would undo: what it would be, in words and as a plan may show it."""

    change: ConsumerChange
    words: str
    moves: Moves
    patch: tuple[Mapping[str, Any], ...]


def owners_changes(
    changes: Iterable[Instead], copies: Iterable[Copy], sources: Mapping[str, bytes]
) -> Iterator[SourcePatch]:
    """What has to change in the sources of what harden leaves alone for its owners.

    A patch of each file in ``sources`` that describes the object; where none does, the fields before and after.
    """
    for one in changes:
        name, files = one.change.object, _naming(one.change.object, sources)
        patches = for_object(name, one.moves, files)
        yield from patches
        if not patches:
            said = f"in its source, let {name} use {one.words}"
            yield SourcePatch(called(one.change.owner), 0, said, "\n".join(_fields(one.patch)))
    for copy in copies:
        if copy.owner.will_undo and copy.removal == "leave" and copy.object is not None:
            taken = for_entry(copy.object, copy.key, _naming(copy.object, sources))
            yield from (replace(one, words=f"afterwards {one.words}") for one in taken)
            if not taken:
                said = f"afterwards take {copy.key} of {copy.object} out of its source"
                yield SourcePatch(called(copy.owner), 0, said)


def _naming(name: ObjectName, sources: Mapping[str, bytes]) -> Mapping[str, bytes]:
    """The files that have its name somewhere: no other can describe it."""
    return {path: content for path, content in sources.items() if name.name.encode() in content}


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
