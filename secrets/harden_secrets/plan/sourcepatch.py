"""What an owner of a source, or a script's author, has to change, as a unified diff where it can be one. Pure."""

from difflib import unified_diff

from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine
from harden_secrets.plan.consuming import Use
from harden_secrets.plan.scripts import redirected
from harden_secrets.plan.values import SourcePatch


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
