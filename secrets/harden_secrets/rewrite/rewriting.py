"""A file with some edits made, and proof that nothing else about it has changed."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from harden.errors import HardenError
from harden_secrets.documents.bytewise import as_bytes
from harden_secrets.objectpatch import applied
from harden_secrets.pointer import at
from harden_secrets.rewrite.broken import BrokenError
from harden_secrets.rewrite.layout import aliases
from harden_secrets.rewrite.rendering import style_of
from harden_secrets.rewrite.splicing import Splice, spliced, splices
from harden_secrets.rewrite.stream import Document, Stream, is_bare, stream

Edit = Mapping[str, Any]
_AGAIN = "nothing was written; make the plan anew, or change this file by hand"


def rewritten(data: bytes, edits: Sequence[Edit], source: str = "") -> bytes:
    """The file with all edits made; no bytes where nothing but comments would be left of it.

    Edits, by ``edit``: ``patch`` (``document``, and ``patch``: RFC 6902 operations on its meaning, besides these
    ``words``, a list of pairs, which exchanges words in the text at ``path``), ``document``
    (``document`` is taken out as a whole), ``cut`` (``start``, ``end``: offsets in bytes; for comments), ``text``
    (``start``, ``end``, ``old``, ``new``: offsets in characters of UTF-8 text), ``create`` (``text``: of a new file).
    Positions and numbers of documents are those of ``data``. Raises HardenError where the result would not mean
    exactly what is wanted, or ``old`` does not stand where it should.
    """
    prefix = f"{source}: " if source else ""
    if any(edit["edit"] == "create" for edit in edits):
        return _created(data, edits, prefix)
    if any(edit["edit"] == "text" for edit in edits):
        return _texts(data, edits, prefix)
    whole = stream(data)
    try:
        return as_bytes(_structured(whole, edits))
    except BrokenError as error:
        line = whole.line(error.position)
        raise HardenError(f"{prefix}cannot be rewritten: {error.words} (line {line})", _AGAIN) from None


def _created(data: bytes, edits: Sequence[Edit], prefix: str) -> bytes:
    new = "".join(edit["text"] for edit in edits).encode()
    if data not in (b"", new):
        raise HardenError(f"{prefix}is there already", _AGAIN)
    return new


def _texts(data: bytes, edits: Sequence[Edit], prefix: str) -> bytes:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise HardenError(f"{prefix}is not UTF-8 text", _AGAIN) from None
    for edit in sorted(edits, key=lambda one: int(one["start"]), reverse=True):
        start, end = int(edit["start"]), int(edit["end"])
        if text[start:end] != edit["old"]:
            line = text.count("\n", 0, start) + 1
            raise HardenError(f"{prefix}line {line} is not as the plan saw it", _AGAIN)
        text = text[:start] + edit["new"] + text[end:]
    return text.encode()


def _structured(whole: Stream, edits: Sequence[Edit]) -> str:
    wanted: dict[int, Any] = {number: one.value for number, one in enumerate(whole.documents) if one.root is not None}
    pieces: list[Splice] = [(edit["start"], edit["end"], "") for edit in edits if edit["edit"] == "cut"]
    for number in sorted({edit["document"] for edit in edits if "document" in edit}):
        document = _readable(whole, number)
        own = [edit for edit in edits if edit.get("document") == number]
        if any(edit["edit"] == "document" for edit in own):
            del wanted[number]
            start = _document_start(whole, document)
            pieces = [piece for piece in pieces if not start <= piece[0] < document.end]
            pieces.append((start, document.end, ""))
            continue
        wanted[number] = _after(document, own)
        assert document.root is not None
        made = splices(whole.text, document.root, wanted[number], style_of(whole, document.root))
        # A comment on a line that is taken out anyway.
        pieces = [one for one in pieces if not any(start <= one[0] < end for start, end, _ in made)] + made
    text = spliced(whole.text, pieces)
    if not wanted and all(one.problem is None for one in whole.documents) and is_bare(text):
        return ""
    _check(whole, text, list(wanted.values()))
    return text


def _readable(whole: Stream, number: int) -> Document:
    if number >= len(whole.documents):
        raise BrokenError("it has fewer documents than the plan saw")
    document = whole.documents[number]
    if document.problem is not None:
        raise document.problem
    if document.root is None:
        raise BrokenError("a document is empty", document.start)
    return document


def _after(document: Document, edits: Sequence[Edit]) -> Any:
    value = document.value
    try:
        for operation in (one for edit in edits for one in edit["patch"]):
            value = applied(value, [_plain(value, operation)])
    except (LookupError, ValueError, TypeError):
        raise BrokenError("there is nothing at the place that the plan names", document.start) from None
    return value


def _plain(value: Any, operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """``words`` as the `replace` that it comes to: a text may hold what must not stand in a plan."""
    if operation["op"] != "words":
        return operation
    path = operation["path"]
    return {"op": "replace", "path": path, "value": exchanged(at(value, path), operation["words"])}


def exchanged(text: str, words: Sequence[Sequence[str]]) -> str:
    """A text with all words that are the first of a pair become the second."""
    known = {one[0]: one[1] for one in words}
    return "".join(known.get(part, part) for part in re.split(r"(\s+)", text))


def _document_start(whole: Stream, document: Document) -> int:
    """Its mark, or its first line where it has none: what stands above it may be about the whole file."""
    if whole.text.startswith("---", document.start) or document.root is None:
        return document.start
    return max(document.start, whole.text.rfind("\n", 0, document.root.start) + 1)


def _check(before: Stream, text: str, wanted: list[Any]) -> None:
    """Read the result again: every document means what it should, those that were not read are as they were."""
    after = stream(as_bytes(text))
    for document in after.documents:
        if document.problem is not None and not any(_is_same(document, after, one, before) for one in before.documents):
            raise BrokenError(_why(before, document.problem), _line_of(before, document))
    found = [one.value for one in after.documents if one.root is not None]
    if json.dumps(found, sort_keys=True) != json.dumps(wanted, sort_keys=True):
        raise BrokenError("the change cannot be made as this is written")


def _is_same(one: Document, of: Stream, other: Document, other_of: Stream) -> bool:
    return of.text[one.start : one.end] == other_of.text[other.start : other.end]


def _why(before: Stream, problem: BrokenError) -> str:
    for document in before.documents:
        for alias in aliases(document.root) if document.root is not None else ():
            if f"*{alias.name} " in problem.words + " " or "alias" in problem.words or "YAML" in problem.words:
                return f"*{alias.name} in line {before.line(alias.start)} refers to what would be taken out"
    return problem.words


def _line_of(before: Stream, document: Document) -> int:
    return min(document.start, len(before.text))
