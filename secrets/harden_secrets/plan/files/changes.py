"""What becomes of files while a plan is made: each key's edits on what the keys before it leave. Pure."""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.plan.consuming import Use, turned, unturned, uses_in_words
from harden_secrets.plan.entry import at
from harden_secrets.plan.fileobjects import FileObject, file_objects, parts_of
from harden_secrets.plan.generators import without
from harden_secrets.plan.moves import Moves
from harden_secrets.plan.repointing import patch
from harden_secrets.rewrite import Edit, exchanged
from harden_secrets.rewrite.stream import stream


@dataclass(slots=True)
class Wanted:
    """What shall happen to the objects of one file."""

    gone: dict[ObjectName, set[str]] = field(default_factory=dict)  # entries to take out
    whole: set[ObjectName] = field(default_factory=set)  # objects to take out
    uses: dict[ObjectName, list[Use]] = field(default_factory=dict)
    literals: dict[ObjectName, dict[str, tuple[str, str]]] = field(default_factory=dict)
    cuts: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Made:
    """Edits for one file, what they are for people, and uses that could not be turned, each with the reason."""

    edits: tuple[Edit, ...]
    words: tuple[str, ...]
    failed: Mapping[ObjectName, str]


def edits_for(path: str, content: bytes, wanted: Wanted, moves: Mapping[tuple[str, str], Any]) -> Made:
    """The edits that bring it about in the file as it is now."""
    words: list[str] = []
    failed: dict[ObjectName, str] = {}
    operations: dict[int, list[dict[str, Any]]] = {}
    removed: dict[int, list[FileObject]] = {}
    objects = list(file_objects(path, stream(content)))
    for one in objects:
        if one.name in wanted.whole:
            removed.setdefault(one.document, []).append(one)
            words.append(f"{one.name} is taken out")
            continue
        changed = _changed(one, wanted, moves, words, failed)
        if changed:
            operations.setdefault(one.document, []).extend(changed)
    edits: list[Edit] = [{"edit": "cut", "start": start, "end": end} for start, end in dict.fromkeys(wanted.cuts)]
    words += ["a comment that holds the value is taken out"] * bool(wanted.cuts)
    for number, gone in removed.items():
        generators = [one for one in gone if one.generator]
        alone = not generators and len(gone) == sum(one.document == number for one in objects)
        if alone:
            edits.append({"edit": "document", "document": number})
            operations.pop(number, None)
        else:
            backwards = sorted(gone, key=lambda one: _position(one.pointer), reverse=True)
            operations.setdefault(number, []).extend(
                {"op": "remove", "path": path} for path in _paths(backwards, objects)
            )
    edits += [{"edit": "patch", "document": number, "patch": made} for number, made in sorted(operations.items())]
    return Made(tuple(edits), tuple(dict.fromkeys(words)), failed)


def _changed(
    one: FileObject, wanted: Wanted, moves: Mapping[tuple[str, str], Any], words: list[str],
    failed: dict[ObjectName, str],
) -> list[dict[str, Any]]:  # fmt: skip
    """The operations on one object that stays."""
    if one.generator:
        words += [f"{one.name}: literal {key} is taken out" for key in sorted(wanted.gone.get(one.name, ()))]
        return without(one.written, one.pointer, wanted.gone.get(one.name, set()))
    uses, literals = wanted.uses.get(one.name, []), wanted.literals.get(one.name, {})
    own = {(use.of.kind, use.of.name): moves[str(use.of), use.secret] for use in uses}
    after = turned(one.written, uses, Moves(own, literals))
    if why := unturned(one.written, after, uses):
        failed[one.name] = why
        return []
    if uses:
        words.append(f"{one.name}: {uses_in_words(uses)}")
    words += [f"{one.name}: literal variable {key} -> secret {secret}" for secret, key in literals.values()]
    for key in sorted(wanted.gone.get(one.name, ())):
        words.append(f"{one.name}: entry {key} is taken out")
        for part in parts_of(after, key):
            after[part] = {name: value for name, value in after[part].items() if name != key}
            if not after[part]:
                del after[part]
    made = [_by_words(one.written, step) for step in patch(one.written, after) if step["op"] != "test"]
    return [step | {"path": one.pointer + step["path"]} for step in made]


def _by_words(before: Manifest, step: Mapping[str, Any]) -> dict[str, Any]:
    """A change of a text names only the words that change: a script may hold more than it should."""
    old, new = at(before, step["path"]) if step["op"] == "replace" else None, step.get("value")
    if not isinstance(old, str) or not isinstance(new, str) or not re.search(r"\s", old):
        return dict(step)
    pairs = zip(re.split(r"(\s+)", old), re.split(r"(\s+)", new), strict=False)
    words = [list(pair) for pair in dict.fromkeys(pairs) if pair[0] != pair[1]]
    return {"op": "words", "path": step["path"], "words": words} if exchanged(old, words) == new else dict(step)


def _paths(gone: Sequence[FileObject], objects: Sequence[FileObject]) -> list[str]:
    """Where each stands, or the list of generators where all of that go."""
    paths = []
    for one in gone:
        listed = one.pointer.rpartition("/")[0]
        others = [
            other for other in objects if other.document == one.document and other.pointer.startswith(f"{listed}/")
        ]
        whole = one.generator and all(other in gone for other in others) and len(others) == one.siblings
        paths.append(listed if whole else one.pointer)
    return list(dict.fromkeys(paths))


def _position(pointer: str) -> tuple[int, ...]:
    return tuple(int(part) for part in pointer.split("/") if part.isdigit())


def kustomization_edits(
    value: Any, folder: str, gone: Iterable[str], new: Mapping[str, str]
) -> Sequence[dict[str, Any]]:
    """Operations on a kustomization in ``folder``: files that are gone leave its lists, new ones come beside theirs.

    ``new`` maps the path of a file to the one that comes beside it.
    """
    gone = set(gone)
    made: list[dict[str, Any]] = []
    listed = value.get("resources") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        return made
    after: list[Any] = []
    for entry in listed:
        path = posixpath.normpath(posixpath.join(folder, entry)) if isinstance(entry, str) else ""
        if path not in gone:
            after.append(entry)
        if path in new and (beside := posixpath.relpath(new[path], folder or ".")) not in (*listed, *after):
            after.append(beside)
    if after == listed:
        return made
    if not after:
        return [{"op": "remove", "path": "/resources"}] if len(value) > 1 else made
    return [{"op": "replace", "path": "/resources", "value": after}]
