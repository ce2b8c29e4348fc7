"""New pieces of a document in the style that the document has."""

import json
from dataclasses import dataclass
from typing import Any

from harden.document.yamlscalar import yaml_scalar
from harden_secrets.documents.bytewise import as_text
from harden_secrets.rewrite.layout import Alias, Mapping, Node, Scalar, Sequence, resolved
from harden_secrets.rewrite.stream import Stream


@dataclass(frozen=True, slots=True)
class Style:
    """How a document is written: width of an indentation, lists indented below their key, line ends, JSON or YAML."""

    step: int = 2
    lists_indented: bool = True
    newline: str = "\n"
    json: bool = False
    colon: str = ": "
    comma: str = ", "

    def block(self, value: Any) -> list[str]:
        """A value as lines of block YAML, without the indentation of its place."""
        if isinstance(value, dict) and value:
            return [line for key, inner in value.items() for line in self.entry(key, inner)]
        if isinstance(value, list) and value:
            return [line for inner in value for line in self.item(inner)]
        return [self.flow(value)]

    def entry(self, key: str, value: Any) -> list[str]:
        """One key with its value, as lines of block YAML."""
        if not isinstance(value, dict | list) or not value:
            return [f"{scalar(key)}: {self.flow(value)}"]
        deeper = " " * (self.step if isinstance(value, dict) or self.lists_indented else 0)
        return [f"{scalar(key)}:", *(deeper + line for line in self.block(value))]

    def item(self, value: Any) -> list[str]:
        """One item of a list, as lines of block YAML."""
        first, *rest = self.block(value)
        return [f"- {first}", *(f"  {line}" for line in rest)]

    def flow(self, value: Any) -> str:
        """A value on one line, as JSON or as YAML between brackets."""
        if self.json:
            return written(json.dumps(value, ensure_ascii=False, separators=(self.comma, self.colon)))
        if isinstance(value, dict):
            return "{" + ", ".join(f"{scalar(key)}: {self.flow(inner)}" for key, inner in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(self.flow(inner) for inner in value) + "]"
        return scalar(value)

    def name(self, key: str) -> str:
        """A key."""
        return written(json.dumps(key, ensure_ascii=False)) if self.json else scalar(key)


def written(text: str) -> str:
    """Text as a document's text has it, a character for every byte."""
    return as_text(text.encode("utf-8", "surrogateescape"))


def scalar(value: Any) -> str:
    """A scalar of YAML, quoted where it has to be."""
    return written(yaml_scalar(value) if isinstance(value, str) else json.dumps(value))


def style_of(stream: Stream, root: Node) -> Style:
    """The style that a document is written in, from its first examples."""
    newline = "\r\n" if "\r\n" in stream.text[:4096] else "\n"
    if stream.json:
        compact = '": ' not in stream.text
        return Style(newline=newline, json=True, colon=":" if compact else ": ", comma="," if compact else ", ")
    return Style(_step(stream.text, root) or 2, _lists_indented(stream.text, root), newline)


def column(text: str, position: int) -> int:
    """How many characters stand before a position on its line."""
    return position - text.rfind("\n", 0, position) - 1


def _step(text: str, node: Node) -> int:
    if isinstance(node, Mapping) and not node.flow:
        for key, value in node.pairs:
            inner = resolved(value)
            if isinstance(inner, Mapping) and not inner.flow and inner.pairs and not isinstance(value, Alias):
                return max(0, column(text, inner.pairs[0][0].start) - column(text, key.start))
    for child in _children(node):
        if found := _step(text, child):
            return found
    return 0


def _lists_indented(text: str, root: Node) -> bool:
    pending: list[Node] = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, Mapping) and not node.flow:
            for key, value in node.pairs:
                if isinstance(value, Sequence) and not value.flow and value.items:
                    return column(text, value.start) > column(text, key.start)
        pending += _children(node)
    return True


def _children(node: Node) -> list[Node]:
    if isinstance(node, Sequence):
        return list(node.items)
    return [value for _, value in node.pairs] if isinstance(node, Mapping) else []


def replaced(old: Scalar, value: Any, style: Style) -> str:
    """A scalar in the quotes that the old one had."""
    if style.json or not isinstance(value, str) or old.style == "":
        return style.flow(value)
    if old.style == '"' and value.isprintable():
        return written(json.dumps(value, ensure_ascii=False))
    if old.style == "'" and value.isprintable():
        return written("'" + value.replace("'", "''") + "'")
    return scalar(value)
