"""A file as documents: a YAML stream, or one JSON text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from harden_secrets.documents.bytewise import as_text
from harden_secrets.rewrite.broken import BrokenError
from harden_secrets.rewrite.jsonlayout import json_layout
from harden_secrets.rewrite.layout import Node, value_of
from harden_secrets.rewrite.templates import is_template, readable
from harden_secrets.rewrite.yamllayout import yaml_layout

LARGEST = 16 * 1024 * 1024  # bytes; a manifest above this is refused rather than waited for
_BOM = b"\xef\xbb\xbf"
_BOUNDARY = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_BARE = re.compile(r"(?:---)?(?:[ \t\r]*(?:#[^\n]*)?(?:\n|\Z)|%[^\n]*\n|\.\.\.[ \t\r]*(?:\n|\Z))*\Z")


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its part of the text, and its layout; None where it is empty, with ``problem`` where unread."""

    start: int
    end: int
    root: Node | None
    problem: BrokenError | None = None
    template: bool = False  # it is one, read with its instructions as comments and what it inserts as plain text

    @property
    def value(self) -> Any:
        """What it means, as decoded JSON."""
        return value_of(self.root) if self.root is not None else None


@dataclass(frozen=True, slots=True)
class Stream:
    """A file's text, a character for every byte, and its documents with the empty ones."""

    text: str
    documents: Sequence[Document]
    json: bool

    def line(self, position: int) -> int:
        """The line of an offset, from 1."""
        return self.text.count("\n", 0, position) + 1


def stream(content: bytes) -> Stream:
    """Takes any bytes; what cannot be read is a document with a problem."""
    text = as_text(content)
    start = len(_BOM) if content.startswith(_BOM) else 0
    if len(content) > LARGEST:
        problem = BrokenError("it is too large to be rewritten")
        return Stream(text, [Document(start, len(text), None, problem)], json=False)
    if text[start:].lstrip()[:1] in ("{", "["):
        try:
            return Stream(text, [Document(start, len(text), json_layout(text[start:], start))], json=True)
        except BrokenError:
            pass  # YAML begins like this as well
    bounds = [start, *(match.start() for match in _BOUNDARY.finditer(text, start) if match.start() > start), len(text)]
    return Stream(text, [_document(text, *bound) for bound in pairwise(bounds)], json=False)


def _document(text: str, start: int, end: int) -> Document:
    part = text[start:end]
    if _BARE.match(part):
        return Document(start, end, None)
    try:
        return Document(start, end, yaml_layout(part, start))
    except BrokenError as problem:
        return _template(part, start, problem) or Document(start, end, None, problem)


def _template(part: str, start: int, problem: BrokenError) -> Document | None:
    """A document that is YAML only once a template engine has been at it, as far as it can be read before."""
    if not is_template(part):
        return None
    try:
        return Document(start, start + len(part), yaml_layout(readable(part), start), template=True)
    except BrokenError:
        return Document(
            start, start + len(part), None, BrokenError("it is a template, not a manifest", problem.position)
        )


def is_bare(text: str) -> bool:
    """Whether there is nothing but comments, blank lines and marks in a text."""
    return all(
        _BARE.match(part) for part in re.split(r"(?m)^(?=---(?:[ \t\r\n]|\Z))", text.removeprefix("\uf7ef\uf7bb\uf7bf"))
    )
