"""What an owner of a source, or a script's author, has to change, as a unified diff where it can be one. Pure."""

from collections.abc import Sequence
from difflib import unified_diff

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

    It shows changed lines and three around them: what stands there must be fit to be shown.
    """
    name = path.lstrip("/")
    lines = unified_diff(_lines(before), _lines(after), f"a/{name}", f"b/{name}", n=0)
    made = []
    for line in lines:
        made.append(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n")
    return "".join(made)


def _lines(text: str) -> Sequence[str]:
    return text.splitlines(keepends=True) if "\r" not in text else [f"{one}\n" for one in text.split("\n")]
