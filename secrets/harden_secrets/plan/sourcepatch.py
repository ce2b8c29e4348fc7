"""What an owner of a source, or a script's author, has to change, as a unified diff where it can be one. Pure."""

import re
from collections.abc import Iterator, Mapping
from difflib import unified_diff

from harden.errors import HardenError
from harden_secrets.cluster.port import ObjectName
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine
from harden_secrets.plan.consuming import Use
from harden_secrets.plan.fileobjects import file_objects, parts_of
from harden_secrets.plan.hclsource import entries, resource_of, turned
from harden_secrets.plan.moves import Moves
from harden_secrets.plan.repointing import patch, repointed
from harden_secrets.plan.scripts import redirected
from harden_secrets.plan.values import SourcePatch
from harden_secrets.rewrite import rewritten
from harden_secrets.rewrite.stream import stream

_TERRAFORM = (".tf", ".tofu")
_MANIFESTS = (".yaml", ".yml", ".json")


def for_script(use: Use, content: bytes) -> SourcePatch:
    """The line of a script that asks the API server for what moves."""
    reader = use.consumer
    said = f"read secret {use.of.namespace}/{use.secret}".replace(" /", " ") + f" instead of {use.of}"
    plain = use.of.kind == "ConfigMap" and any(one.form == "raw" and one.part == "data" for one in use.entries)
    undo = ", and undo base64 once more" if plain else ""
    new = redirected(reader.text, use.of, use.secret)
    text = content.decode("utf-8", "surrogateescape")
    if new is None or text[reader.start : reader.end] != reader.text:
        what = f": {reader.text} becomes {new}" if new is not None else ""
        return SourcePatch(reader.source, reader.line, said + undo + what)
    after = text[: reader.start] + new + text[reader.end :]
    return SourcePatch(reader.source, reader.line, said + undo, diff(reader.source, text, after))


def diff(path: str, before: str, after: str) -> str:
    """A unified diff that `patch -p1` and `git apply` take, at the top of the tree that ``path`` counts from.

    Where the lines around a change hold key material they are left out; `git apply` then wants `--unidiff-zero`.
    """
    whole = _diff(path, before, after, 3)
    if not any(isinstance(one, Sighting) for one in examine(whole.encode("utf-8", "surrogateescape"), "", DETECTORS)):
        return whole
    return _diff(path, before, after, 0)


def _diff(path: str, before: str, after: str, around: int) -> str:
    name = path.removeprefix("./").lstrip("/")
    lines = unified_diff(_lines(before), _lines(after), f"a/{name}", f"b/{name}", n=around)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    """Lines as `patch` counts them: only a newline ends one."""
    return [f"{line}\n" for line in text.split("\n")[:-1]] + [line for line in text.split("\n")[-1:] if line]


def for_object(name: ObjectName, moves: Moves, files: Mapping[str, bytes]) -> list[SourcePatch]:
    """What has to change in the files that an object which uses a key comes from: a patch of each that describes it."""
    found: list[SourcePatch] = []
    for path, content in sorted(files.items()):
        for line, after in _described(path, content, name, moves):
            text = content.decode("utf-8", "surrogateescape")
            if after is None:
                words = f"{name}: turn its references by hand: {_in_words(moves)}"
                found.append(SourcePatch(path, line, words))
            elif after != content:
                words = f"{name}: {_in_words(moves)}"
                found.append(SourcePatch(path, line, words, diff(path, text, after.decode("utf-8", "surrogateescape"))))
    return found


def for_entry(name: ObjectName, key: str, files: Mapping[str, bytes]) -> list[SourcePatch]:
    """Where an entry that holds a key is written, to be taken out: as a patch where that shows no value."""
    found: list[SourcePatch] = []
    for path, content in sorted(files.items()):
        if path.endswith(_TERRAFORM):
            resource = resource_of(content, name)
            for start, end in entries(content, resource, key) if resource is not None else ():
                found.append(_taken_out(path, content, (start, end), f"take the entry {key} out of {name}"))
            continue
        for one in file_objects(path, stream(content)) if path.endswith(_MANIFESTS) else ():
            if _is(one.name, name) and parts_of(one.written, key):
                line = content.count(b"\n", 0, one.start) + 1
                found.append(SourcePatch(path, line, f"take the entry {key} out of {name}"))
    return found


def _taken_out(path: str, content: bytes, span: tuple[int, int], words: str) -> SourcePatch:
    start, end = span
    text = content.decode("utf-8", "surrogateescape")
    first, last = content.count(b"\n", 0, start) + 1, content.count(b"\n", 0, end) + 1
    if not re.search(rb"\bfile(?:base64)?\(", content[start:end]):
        return SourcePatch(path, first, f"{words}: lines {first} to {last}" if last > first else words)
    lines = content.split(b"\n")
    after = b"\n".join(lines[: first - 1] + lines[last:]).decode("utf-8", "surrogateescape")
    return SourcePatch(path, first, words, diff(path, text, after))


def _described(path: str, content: bytes, name: ObjectName, moves: Moves) -> Iterator[tuple[int, bytes | None]]:
    """Each description of the object: its line, and the file with it turned, None where that is a person's matter."""
    if path.endswith(_TERRAFORM):
        resource = resource_of(content, name)
        if resource is not None:
            yield content.count(b"\n", 0, resource.start) + 1, turned(content, resource, moves)
        return
    for one in file_objects(path, stream(content)) if path.endswith(_MANIFESTS) else ():
        if not _is(one.name, name):
            continue
        line = content.count(b"\n", 0, one.start) + 1
        made = [step for step in patch(one.written, repointed(one.written, moves)) if step["op"] != "test"]
        steps = [dict(step) | {"path": one.pointer + step["path"]} for step in made]
        try:
            yield line, rewritten(content, [{"edit": "patch", "document": one.document, "patch": steps}], path)
        except HardenError:
            yield line, None


def _is(written: ObjectName, name: ObjectName) -> bool:
    same = (written.kind, written.name) == (name.kind, name.name)
    return same and written.namespace in ("", name.namespace)


def _in_words(moves: Moves) -> str:
    said = [f"secret {one.secret} instead of {one.kind.lower()} {one.name}" for one in moves.objects.values()]
    return "; ".join(said) or "its literal variables come from Secrets"
