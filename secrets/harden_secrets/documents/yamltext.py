"""YAML as trees: every document of a stream by itself, so that one that is broken costs the others nothing.

Built from libyaml's events with a stack of our own. Duplicate keys, tags of any kind, merge keys and cyclic aliases
are all taken; a document that is a template (``{{ … }}``) is read with the template's parts as plain text.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import yaml

from harden_secrets.documents.bytewise import as_bytes, as_text, hidden
from harden_secrets.documents.tree import Alias, Mapping, Node, Scalar, Sequence

_BOUNDARY = re.compile(rb"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_PROPERTY = re.compile(r"(?:[&!][^\s,\[\]{}]*|!<[^>\s]*>)(?:[ \t]+|(?=\r?\n|\Z))")
_SPACE = re.compile(r"\s+")
_HEADER = re.compile(r"[|>][-+0-9]*[^\n]*\n?")
_TEMPLATE = re.compile(r"\{\{[^{}]*+\}\}|\{%[^%]*+%\}|\{#[^#]*+#\}")
_ONLY_TEMPLATE = re.compile(r"^([ \t]*)(\{\{[^\n]*\}\}|\{%[^\n]*%\})[ \t]*\r?$", re.MULTILINE)
_BINARY = "tag:yaml.org,2002:binary"


def documents(content: bytes, nesting: int) -> Iterator[tuple[int, Node | None]]:
    """The documents of a stream with their numbers: None for one that is no YAML at all, what could be read of one
    that is broken. Empty ones are left out."""
    bounds = [0, *(match.start() for match in _BOUNDARY.finditer(content)), len(content)]
    number = 0
    for start, end in pairwise(bounds):
        part = content[start:end]
        if not part.strip(b"\xef\xbb\xbf- \t\r\n"):
            continue
        yield number, _document(part, start, nesting)
        number += 1


def _document(part: bytes, offset: int, nesting: int) -> Node | None:
    if part.startswith(b"\xef\xbb\xbf"):
        part, offset = part[3:], offset + 3
    text = as_text(part)
    root, whole = _parsed(text, offset, nesting)
    if not whole and ("{{" in text or "{%" in text):
        root, whole = _parsed(_without_templates(text), offset, nesting)
    return root


def _without_templates(text: str) -> str:
    """The text with a template's instructions as comments, and what it inserts as plain characters."""
    text = _ONLY_TEMPLATE.sub(lambda match: match[1] + "#" + hidden(match[0][len(match[1]) + 1 :]), text)
    return _TEMPLATE.sub(lambda match: hidden(match[0]), text)


def _parsed(text: str, offset: int, nesting: int) -> tuple[Node | None, bool]:
    """The tree as far as it could be read, and whether that is all."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        builder = _Builder(loader(text), text, offset, nesting)
    except yaml.YAMLError:
        return None, False
    try:
        builder.read()
    except (yaml.YAMLError, _TooDeepError):
        return builder.root, False
    return builder.root, True


class _TooDeepError(Exception):
    """Collections are nested further than anybody writes them."""


class _Builder:
    """Turns the events of one document into a tree."""

    def __init__(self, parser: Any, text: str, offset: int, nesting: int) -> None:
        self._next = parser.get_event
        self._text = text
        self._offset = offset
        self._nesting = nesting
        self._top = Sequence()
        self._stack: list[Sequence | Mapping] = [self._top]
        self._keys: list[str | None] = [None]
        self._anchors: dict[str, Node] = {}

    @property
    def root(self) -> Node | None:
        """The top node, None if there is none."""
        return self._top.items[0] if self._top.items else None

    def read(self) -> None:
        """Take all events in."""
        while (event := self._next()) is not None:
            if isinstance(event, yaml.ScalarEvent):
                self._place(self._scalar(event), event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._stack.pop()
                self._keys.pop()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)

    def _open(self, event: Any) -> None:
        if len(self._stack) > self._nesting:
            raise _TooDeepError
        node: Sequence | Mapping = Mapping() if isinstance(event, yaml.MappingStartEvent) else Sequence()
        self._place(node, event)
        self._stack.append(node)
        self._keys.append(None)

    def _alias(self, event: Any) -> None:
        target = self._anchors.get(event.anchor)
        start, end = event.start_mark.index + self._offset, event.end_mark.index + self._offset
        self._place(Alias(target, start, end) if target is not None else Scalar(b"", start, end), event)

    def _place(self, node: Node, event: Any) -> None:
        """Put a node into the innermost open collection, as key, value or item."""
        if not isinstance(node, Alias) and event.anchor is not None:
            self._anchors[event.anchor] = node
        parent = self._stack[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = node.text if isinstance(node, Scalar) else ""
        else:
            parent.pairs.append((key, node))
            self._keys[-1] = None

    def _scalar(self, event: Any) -> Scalar:
        start, end = self._inside(event)
        value = as_bytes(event.value)
        return Scalar(
            value,
            start + self._offset,
            end + self._offset,
            exact=self._text[start:end] == event.value,
            lined=event.style == "|",
            encodings=("base64",) if event.tag == _BINARY else (),
            quiet=event.tag == "!vault",
        )

    def _inside(self, event: Any) -> tuple[int, int]:
        """Where the value itself begins and ends, without anchor, tag, quotes and the header of a block."""
        text, start, end = self._text, event.start_mark.index, event.end_mark.index
        while match := _PROPERTY.match(text, start, end) or _SPACE.match(text, start, end):
            start = match.end()
        if event.style in ("|", ">") and (match := _HEADER.match(text, start, end)):
            start = match.end()
            end = start + len(text[start:end].rstrip())
        elif event.style in ("'", '"'):
            start, end = start + 1, end - 1
        return start, max(start, end)
