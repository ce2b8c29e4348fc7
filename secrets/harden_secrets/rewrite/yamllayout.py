"""One YAML document as a layout. Scalars mean what Kubernetes' tools take them for (YAML 1.1), dates stay text."""

import re
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.resolver import Resolver

from harden_secrets.documents.bytewise import as_bytes
from harden_secrets.rewrite.broken import BrokenError
from harden_secrets.rewrite.layout import Alias, Mapping, Node, Scalar, Sequence

DEEPEST = 64
_LARGEST = 200_000  # nodes, aliases followed
_TAG = "tag:yaml.org,2002:"
_RESOLVER: Any = Resolver()
_CONSTRUCTOR: Any = SafeConstructor()
_PROPERTIES = re.compile(r"(?:(?:[&!][^\s,\[\]{}]*|!<[^>\s]*>)(?:[ \t]+|(?=\r?\n|\Z))|\s+)*")
_HEADER = re.compile(r"[|>][-+0-9]*[^\n]*\n?")


def yaml_layout(text: str, offset: int) -> Node | None:
    """The document in ``text``, whose positions count from ``offset``; None for an empty one. Raises BrokenError."""
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Builder(loader(text), text, offset).document()
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        raise BrokenError("it is no valid YAML", offset + (mark.index if mark else 0)) from None


class _Builder:
    def __init__(self, parser: Any, text: str, offset: int) -> None:
        self._next = parser.get_event
        self._text = text
        self._offset = offset
        self._stack: list[Mapping | Sequence] = []
        self._keys: list[Scalar | None] = []
        self._anchors: dict[str, Scalar | Mapping | Sequence] = {}
        self._sizes: dict[int, int] = {}
        self._size = 0
        self._begun: list[int] = []
        self._root: Node | None = None

    def document(self) -> Node | None:
        """The only document."""
        while (event := self._next()) is not None:
            if isinstance(event, yaml.ScalarEvent):
                self._anchored(event, self._scalar(event))
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
        return self._root

    def _open(self, event: Any) -> None:
        if len(self._stack) >= DEEPEST:
            raise BrokenError("it is nested too deeply", self._at(event.start_mark))
        start, flow = self._at(event.start_mark), bool(event.flow_style)
        mapping = isinstance(event, yaml.MappingStartEvent)
        node: Mapping | Sequence = Mapping(start, start, flow) if mapping else Sequence(start, start, flow)
        self._anchored(event, node)
        self._stack.append(node)
        self._keys.append(None)
        self._begun.append(self._size)

    def _close(self, event: Any) -> None:
        node = self._stack.pop()
        self._keys.pop()
        node.end = self._at(event.end_mark)
        self._sizes[id(node)] = self._size - self._begun.pop() + 1

    def _alias(self, event: Any) -> None:
        target = self._anchors.get(event.anchor)
        start = self._at(event.start_mark)
        if target is None or target in self._stack:
            raise BrokenError(f"*{event.anchor} stands for nothing, or for what it stands in", start)
        self._count(self._sizes.get(id(target), 1), start)
        self._place(Alias(start, self._at(event.end_mark), event.anchor, target))

    def _anchored(self, event: Any, node: Scalar | Mapping | Sequence) -> None:
        self._count(1, node.start)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        self._place(node)

    def _count(self, size: int, position: int) -> None:
        self._size += size
        if self._size > _LARGEST:
            raise BrokenError("its aliases come to far more than is written", position)

    def _place(self, node: Node) -> None:
        if not self._stack:
            if self._root is not None:
                raise BrokenError("a second document begins without ---", node.start)
            self._root = node
            return
        parent = self._stack[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif (key := self._keys[-1]) is None:
            if not isinstance(node, Scalar):
                raise BrokenError("a key is no plain text", node.start)
            if parent.get(node.text) is not None:
                raise BrokenError("a key is there twice", node.start)
            self._keys[-1] = node
        else:
            parent.pairs.append((key, node))
            self._keys[-1] = None

    def _scalar(self, event: Any) -> Scalar:
        text, start, end = self._text, event.start_mark.index, event.end_mark.index
        properties = _PROPERTIES.match(text, start, end)
        inner, keeps = properties.end() if properties else start, False
        if event.style in ("|", ">") and (match := _HEADER.match(text, inner, end)):
            keeps = "+" in match[0].partition("#")[0]
            if not keeps:
                end = max(inner + len(text[inner:end].rstrip()), inner + len(match[0].rstrip()))
        found = as_bytes(event.value).decode("utf-8", "surrogateescape")
        value = _meaning(found, event)
        offset = self._offset
        return Scalar(start + offset, end + offset, value, found, event.style or "", inner + offset, keeps)

    def _at(self, mark: Any) -> int:
        return int(mark.index) + self._offset


def _meaning(text: str, event: Any) -> Any:
    tag = event.tag if event.tag and event.tag.startswith(_TAG) else None
    if tag is None and (event.tag or not event.implicit[0]):
        return text
    tag = tag or _RESOLVER.resolve(yaml.ScalarNode, text, (True, False))
    kind = str(tag).removeprefix(_TAG)
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return bool(_CONSTRUCTOR.bool_values[text.lower()])
        if kind in ("int", "float"):
            make = _CONSTRUCTOR.construct_yaml_int if kind == "int" else _CONSTRUCTOR.construct_yaml_float
            return make(yaml.ScalarNode(tag, text))
    except (ValueError, KeyError):
        return text
    return text
