"""YAML as a tree that knows its lines, with the meaning of YAML 1.2.

Every plain scalar is text unless the core schema of YAML 1.2 (section 10.3.2) makes it null, a boolean or a
decimal number: ``no``, ``on``, ``22:22``, ``0x10``, ``1_000`` and dates are text. Keys are always text. Tags,
merge keys and a second document are refused. The tree is built from libyaml's events with a stack of our
own, so that no input can exhaust the interpreter's or the C library's.
"""

import re
from dataclasses import dataclass
from typing import Any

import yaml

from harden.document.problems import Problems
from harden.document.wording import quote
from harden.document.yamlerrors import explain

MAX_DEPTH = 64
MAX_NODES = 1_000_000

_NULL = re.compile(r"(?:~|null|Null|NULL|)\Z")
_BOOLEAN = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_NUMBER = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z|[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z"
)
# Not printable for YAML, or a line break for YAML 1.1 and an ordinary character for 1.2.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_STR_TAGS = (None, "!", "tag:yaml.org,2002:str")


@dataclass(slots=True, eq=False)
class Scalar:
    """A scalar; ``start`` and ``end`` are positions in the tree's text, ``line`` counts from 1."""

    value: str
    plain: bool
    line: int
    start: int
    end: int

    @property
    def kind(self) -> str:
        """``string``, ``null``, ``boolean`` or ``number``, by the core schema."""
        if not self.plain:
            return "string"
        if _NULL.match(self.value):
            return "null"
        if _BOOLEAN.match(self.value):
            return "boolean"
        return "number" if _NUMBER.match(self.value) else "string"


@dataclass(slots=True, eq=False)
class Sequence:
    """A list; ``flow`` is true for ``[…]``."""

    items: list["Node"]
    flow: bool
    line: int
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Mapping:
    """A mapping: the key's text → the key and its value, in file order."""

    pairs: dict[str, tuple[Scalar, "Node"]]
    flow: bool
    line: int
    start: int
    end: int


Node = Scalar | Sequence | Mapping


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed file: its text (line ends as they are, without a byte order mark) and its top node."""

    text: str
    root: Node


def parse(data: bytes, problems: Problems) -> Tree:
    """The one document in ``data``. Duplicate keys go to ``problems``; what is no YAML raises HardenError."""
    text = _decode(data, problems)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        parser: Any = loader(text)
        root = _Builder(parser, problems).document()
    except yaml.YAMLError as error:
        problems.stop(*explain(error, text))
    return Tree(text, root)


def _decode(data: bytes, problems: Problems) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problems.stop(data.count(b"\n", 0, error.start) + 1, "is not UTF-8 text")
    bad = _FORBIDDEN.search(text)
    if bad:
        line = text.count("\n", 0, bad.start()) + 1
        problems.stop(line, f"the character U+{ord(bad[0]):04X} cannot stand in YAML as it is")
    return text


class _Frame:
    """A collection that is still open, with the size and height it has once its aliases are followed."""

    __slots__ = ("anchor", "height", "key", "node", "size")

    def __init__(self, node: Sequence | Mapping, anchor: str | None) -> None:
        self.node = node
        self.anchor = anchor
        self.key: Scalar | None = None
        self.size = 1
        self.height = 1


class _Builder:
    """Turns events into nodes; refuses what would be too deep, too large, or without an end."""

    def __init__(self, parser: Any, problems: Problems) -> None:
        self.next_event = parser.get_event
        self.problems = problems
        self.stack: list[_Frame] = []
        self.total = 0
        self.root: Node | None = None
        # An anchor whose collection is still open has no node yet.
        self.anchors: dict[str, tuple[Node, int, int] | None] = {}

    def document(self) -> Node:
        """The top node of the only document."""
        while (event := self.next_event()) is not None:
            if isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self._begin(event)
        if self.root is None:
            self.problems.stop(1, "the file is empty")
        return self.root

    def _begin(self, event: Any) -> None:
        if self.root is not None:
            self.problems.stop(event.start_mark.line + 1, "a second document begins: one file, one document")

    def _scalar(self, event: Any) -> None:
        start = event.start_mark
        if event.tag not in _STR_TAGS:
            self._refuse_tag(event)
        plain = event.implicit[0] and event.tag is None
        node = Scalar(event.value, plain, start.line + 1, start.index, event.end_mark.index)
        if event.anchor is not None:
            self.anchors[event.anchor] = (node, 1, 1)
        self._place(node, 1, 1)

    def _open(self, event: Any) -> None:
        start = event.start_mark
        if event.tag not in (None, "!"):
            self._refuse_tag(event)
        if len(self.stack) >= MAX_DEPTH:
            self.problems.stop(start.line + 1, f"nested deeper than {MAX_DEPTH} levels")
        flow = bool(event.flow_style)
        node: Sequence | Mapping
        if isinstance(event, yaml.MappingStartEvent):
            node = Mapping({}, flow, start.line + 1, start.index, start.index)
        else:
            node = Sequence([], flow, start.line + 1, start.index, start.index)
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        self.stack.append(_Frame(node, event.anchor))

    def _close(self, event: Any) -> None:
        frame = self.stack.pop()
        frame.node.end = event.end_mark.index
        if frame.anchor is not None:
            self.anchors[frame.anchor] = (frame.node, frame.size, frame.height)
        # Its content has been counted already, one by one.
        self.total -= frame.size - 1
        self._place(frame.node, frame.size, frame.height)

    def _alias(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if event.anchor not in self.anchors:
            self.problems.stop(line, f"no anchor &{event.anchor} before this *{event.anchor}")
        known = self.anchors[event.anchor]
        if known is None:
            self.problems.stop(line, f"*{event.anchor} stands inside what it refers to")
        if len(self.stack) + known[2] > MAX_DEPTH:
            self.problems.stop(line, f"nested deeper than {MAX_DEPTH} levels")
        self._place(*known)

    def _place(self, node: Node, size: int, height: int) -> None:
        """Put a finished node where it belongs: into the innermost open collection, as key, value or item."""
        self.total += size
        if self.total > MAX_NODES:
            self.problems.stop(node.line, f"more than {MAX_NODES} values, aliases followed")
        if not self.stack:
            self.root = node
            return
        frame = self.stack[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
        elif frame.key is None:
            frame.key = self._key(node)
        else:
            self._pair(frame.node, frame.key, node)
            frame.key = None

    def _key(self, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            self.problems.stop(node.line, "a list or a mapping cannot be a key")
        if node.plain and node.value == "<<":
            self.problems.stop(node.line, "merge keys (<<) are not supported: write the keys out")
        return node

    def _pair(self, mapping: Mapping, key: Scalar, value: Node) -> None:
        before = mapping.pairs.setdefault(key.value, (key, value))
        if before[0] is not key:
            line = before[0].line
            self.problems.add(key.line, f"key {quote(key.value)} is there twice, first in line {line}")

    def _refuse_tag(self, event: Any) -> None:
        tag = event.tag.replace("tag:yaml.org,2002:", "!!")
        self.problems.stop(event.start_mark.line + 1, f"the tag {quote(tag)} is not supported")
