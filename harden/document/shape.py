"""Typed access to a YAML tree: what is not of the wanted shape becomes a problem, never an exception."""

from collections.abc import Iterator, Sequence

from harden.document import yamltree
from harden.document.place import Place
from harden.document.problems import Problems
from harden.document.wording import did_you_mean, listing, quote
from harden.document.yamltree import Mapping, Node, Scalar, Tree

EXCERPT = 200

Fields = dict[str, tuple[Scalar, Node]]


class Shape:
    """Reads one tree. Methods return an empty value after they have noted a problem."""

    def __init__(self, tree: Tree, problems: Problems) -> None:
        self.text = tree.text
        self.problems = problems

    def fields(self, node: Node, what: str, known: Sequence[str]) -> Fields:
        """The pairs of a mapping whose keys are fixed; unknown keys are problems and left out."""
        pairs = self.pairs(node, what)
        if pairs.keys() <= set(known):
            return pairs
        for name, (key, _) in pairs.items():
            if name not in known:
                hint = did_you_mean(name, known) or f"; known here: {', '.join(known)}"
                self.problems.add(key.line, f"unknown key {quote(name)}{hint}")
        return {name: pair for name, pair in pairs.items() if name in known}

    def pairs(self, node: Node, what: str) -> Fields:
        """The pairs of a mapping with keys of the user's choice, none of them empty."""
        if not isinstance(node, Mapping):
            self.problems.add(node.line, f"{what} must be a mapping, not {describe(node)}")
            return {}
        if "" in node.pairs:
            self.problems.add(node.pairs[""][0].line, f"{what} has an empty key")
            return {name: pair for name, pair in node.pairs.items() if name}
        return node.pairs

    def items(self, node: Node, what: str) -> list[Node]:
        """The items of a list."""
        if isinstance(node, yamltree.Sequence):
            return node.items
        self.problems.add(node.line, f"{what} must be a list, not {describe(node)}")
        return []

    def string(self, node: Node, what: str, instead: str = "") -> str | None:
        """Text that is not empty. ``instead`` says what to write where something else stands."""
        if isinstance(node, Scalar) and node.kind == "string" and node.value.strip():
            return node.value
        hint = f": {instead}" if instead else ""
        if isinstance(node, Scalar) and node.kind in ("number", "boolean"):
            hint = hint or f': put it in quotes if it is a name: "{node.value}"'
        self.problems.add(node.line, f"{what} must be text, not {describe(node)}{hint}")
        return None

    def choice(self, node: Node, what: str, known: Sequence[str]) -> str | None:
        """One of the known words."""
        text = self.string(node, what)
        if text is None or text in known:
            return text
        hint = did_you_mean(text, known) or f"; known: {listing(known)}"
        self.problems.add(node.line, f"unknown {what} {quote(text)}{hint}")
        return None

    def check_version(self, fields: Fields, line: int) -> None:
        """Note a problem for every file that is not of version 1."""
        if "version" not in fields:
            self.problems.add(line, 'the version is missing: write "version: 1"')
            return
        node = fields["version"][1]
        if not (isinstance(node, Scalar) and node.kind == "number" and node.value == "1"):
            self.problems.add(node.line, f'"version" must be the number 1, not {describe(node)}')

    def strings(self, node: Node, what: str, instead: str = "") -> Iterator[tuple[str, Node]]:
        """The texts of a list, each with its node."""
        for item in self.items(node, what):
            text = self.string(item, f"an item of {what}", instead)
            if text is not None:
                yield text, item

    def one_or_more(self, node: Node, what: str, instead: str = "") -> Iterator[tuple[str, Node]]:
        """The texts of a list, or a single text that stands for a list of one."""
        if isinstance(node, Scalar) and node.kind == "string" and node.value:
            yield node.value, node
        else:
            yield from self.strings(node, what, instead)

    def place(self, node: Node, key: Scalar | None = None) -> Place:
        """Where a node stands and how it is written; with ``key``, where that key does."""
        text = excerpt(self.text, node)
        if key is None:
            return Place(self.problems.path, node.line, text)
        named = f"{source(self.text, key)}: {text}"
        return Place(self.problems.path, key.line, cut(named))


def describe(node: Node) -> str:
    """What a node is, for messages."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, yamltree.Sequence):
        return "a list"
    if node.kind == "null":
        return "empty"
    if node.kind == "string":
        return quote(node.value) if node.value.strip() else "empty"
    return f"the {node.kind} {cut(node.value)}" if node.kind == "number" else node.value


def cut(text: str) -> str:
    """At most 200 characters of it."""
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1] + "…"


def excerpt(text: str, node: Node) -> str:
    """A node as written, on one line of at most 200 characters.

    What spans lines, and any block collection (whose end YAML places behind the comments that follow), is
    set anew in flow style with its scalars as written.
    """
    if isinstance(node, Scalar) or node.flow:
        written = text[node.start : node.end]
        if "\n" not in written and "\r" not in written:
            return cut(written.strip())
    parts: list[str] = []
    _flow(text, node, parts, 0)
    return cut("".join(parts))


def source(text: str, scalar: Scalar) -> str:
    """A scalar as written, line breaks folded; one that an alias stands for, as its anchor has it."""
    return " ".join(text[scalar.start : scalar.end].split())


def _flow(text: str, node: Node, parts: list[str], length: int) -> int:
    """Append the node in flow style until the excerpt is full; returns the length so far."""
    if isinstance(node, Scalar):
        parts.append(source(text, node))
        return length + len(parts[-1])
    brackets = "{}" if isinstance(node, Mapping) else "[]"
    parts.append(brackets[0])
    length += 2
    children: list[tuple[str, Node]]
    if isinstance(node, Mapping):
        children = [(f"{source(text, key)}: ", value) for key, value in node.pairs.values()]
    else:
        children = [("", item) for item in node.items]
    for index, (label, child) in enumerate(children):
        if length > EXCERPT:
            break
        parts.append(f", {label}" if index else label)
        length = _flow(text, child, parts, length + len(parts[-1]))
    parts.append(brackets[1])
    return length
