"""Scripts in files that ask the API server for what moves: what has to change in them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from harden_secrets.plan.consuming import Use
from harden_secrets.plan.scripts import otherwise, redirected
from harden_secrets.plan.values import FileChange, SourcePatch
from harden_secrets.plan.world import Request


@dataclass(frozen=True, slots=True)
class Sourced:
    """What becomes of files: rewritten when the plan is carried out, or patches for a person."""

    files: tuple[FileChange, ...]
    patches: tuple[SourcePatch, ...]
    rewritten: tuple[Use, ...]


def sourced(asking: Sequence[Use], request: Request) -> Sourced:
    """The changes of scripts. With ``rewrite_scripts`` harden makes those that it knows how to make."""
    edits: dict[str, list[dict[str, object]]] = {}
    words: dict[str, list[str]] = {}
    patches, rewritten = [], []
    for use in asking:
        reader = use.consumer
        new = redirected(reader.text, use.of, use.secret)
        more = otherwise(use.of, use.entries)
        if "kubernetes_config_map" in reader.text:
            said = f"use the data source kubernetes_secret for secret {use.of.namespace}/{use.secret}"
            patches.append(SourcePatch(reader.source, reader.line, f"{said}; its data is decoded already"))
            continue
        said = f"ask for secret {use.of.namespace}/{use.secret} instead of {use.of}"
        if new is not None and not more and request.rewrite_scripts and reader.object is None:
            edit = {"edit": "text", "start": reader.start, "end": reader.end, "old": reader.text, "new": new}
            edits.setdefault(reader.source, []).append(edit)
            words.setdefault(reader.source, []).append(f"line {reader.line}: {said}")
            rewritten.append(use)
        else:
            what = f": {reader.text} becomes {new}" if new is not None else ""
            what += " (--rewrite-scripts does it)" if new is not None and not more and reader.object is None else ""
            also = f", and {more}" if more else ""
            file = reader.source or str(reader.object)
            patches.append(SourcePatch(file, reader.line, said + also + what))
    files = tuple(FileChange(path, tuple(words[path]), tuple(edits[path])) for path in sorted(edits))
    return Sourced(files, tuple(patches), tuple(rewritten))
