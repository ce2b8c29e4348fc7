"""From what a document means to what it shall mean, by the fewest pieces of text that have to change."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import groupby
from typing import Any

from harden_secrets.rewrite.aligning import aligned
from harden_secrets.rewrite.broken import BrokenError
from harden_secrets.rewrite.comparing import dumped, renamed, same, words
from harden_secrets.rewrite.layout import Alias, Mapping, Node, Scalar, Sequence, end_of, last_of, resolved, value_of
from harden_secrets.rewrite.rendering import Style, column, replaced, written

Splice = tuple[int, int, str]
_MISSING = object()


def splices(text: str, root: Node, after: Any, style: Style) -> list[Splice]:
    """The pieces to exchange so that the document at ``root`` means ``after``. Raises BrokenError."""
    work = _Work(text, style)
    work.node(root, after)
    return work.made


def spliced(text: str, pieces: Iterable[Splice]) -> str:
    """The text with the pieces exchanged. Raises BrokenError where two overlap."""
    parts, position = [], 0
    for start, end, new in sorted(pieces, key=lambda piece: piece[:2]):
        if start < position:
            raise BrokenError("two changes meet in one place", start)
        parts += [text[position:start], new]
        position = end
    return "".join([*parts, text[position:]])


class _Work:
    def __init__(self, text: str, style: Style) -> None:
        self.made: list[Splice] = []
        self._text = text
        self._style = style
        self._through_alias: dict[int, Any] = {}

    def node(self, node: Node, after: Any) -> None:
        """Make a node mean something else."""
        if same(value_of(node), after):
            return
        if isinstance(node, Alias) and isinstance(node.target, Scalar):
            self._exchange(node.start, node.end, self._style.flow(after))
            return
        target = resolved(node)
        if self._changed_before(target, after):
            return
        if isinstance(target, Mapping) and isinstance(after, dict) and after and target.pairs:
            self._mapping(target, after)
        elif isinstance(target, Sequence) and isinstance(after, list) and after and target.items:
            self._sequence(target, after)
        elif isinstance(target, Scalar):
            self._scalar(target, after)
        else:
            self._exchange(target.start, end_of(target), self._style.flow(after))

    def _changed_before(self, target: Node, after: Any) -> bool:
        """What several aliases refer to is changed once, and only to one thing."""
        known = self._through_alias.setdefault(id(target), _MISSING)
        if known is _MISSING:
            self._through_alias[id(target)] = after
            return False
        if not same(known, after):
            raise BrokenError("an alias and its anchor would have to become different things", target.start)
        return True

    def _exchange(self, start: int, end: int, new: str) -> None:
        if self._text[start:end] != new:
            self.made.append((start, end, new))

    # Scalars

    def _scalar(self, node: Scalar, after: Any) -> None:
        if node.style in ("|", ">") and isinstance(after, str):
            self._block_scalar(node, after)
        else:
            self._exchange(node.inner, node.end, replaced(node, after, self._style))

    def _block_scalar(self, node: Scalar, after: str) -> None:
        """A script or file in a block: only words in it are exchanged."""
        region = self._text[node.inner : node.end]
        for old, new, number, count in words(node.text, after):
            places = [match.start() for match in re.finditer(re.escape(written(old)), region)]
            if len(places) != count:
                raise BrokenError("a text over several lines would have to be changed", node.start)
            start = node.inner + places[number]
            self._exchange(start, start + len(written(old)), written(new))

    # Mappings

    def _mapping(self, node: Mapping, after: dict[str, Any]) -> None:
        gone = [pair for pair in node.pairs if pair[0].text not in after]
        new = [key for key in after if node.get(key) is None]
        for key, value in node.pairs:
            if key.text in after:
                self._value(node, key, value, after[key.text])
        for (key, value), name in renamed(gone, new, after):
            self._exchange(key.inner, key.end, replaced(key, name, self._style))
            self.node(value, after[name])
            gone.remove((key, value))
            new.remove(name)
        if node.flow and new and len(gone) == len(node.pairs):
            self._fill(gone[0][0].start, end_of(gone[-1][1]), self._style.flow({name: after[name] for name in new}))
            return
        if gone and new and not node.flow:
            key, value = gone.pop(0)
            lines = [line for name in new for line in self._style.entry(name, after[name])]
            self._exchange(key.start, end_of(value), self._indented(lines, column(self._text, key.start)))
            new = []
        self._remove(node, [pair for pair in node.pairs if pair in gone])
        if new:
            self._add_pairs(node, {name: after[name] for name in new}, gone)

    def _value(self, parent: Mapping, key: Scalar, value: Node, after: Any) -> None:
        before = value_of(value)
        if same(before, after):
            return
        emptied = isinstance(after, dict | list) and not after
        changed = type(before) is not type(after) and not (isinstance(value, Alias) or parent.flow)
        if (emptied or (changed and isinstance(after, dict | list))) and not parent.flow and not self._style.json:
            lines = self._style.entry(key.text, after)
            lines[0] = self._text[key.start : key.end] + lines[0][lines[0].index(":") :]
            self._exchange(key.start, end_of(value), self._indented(lines, column(self._text, key.start)))
        else:
            self.node(value, after)

    def _remove(self, node: Mapping, gone: list[tuple[Scalar, Node]]) -> None:
        if not gone:
            return
        spans = [(key.start, end_of(value)) for key, value in node.pairs]
        doomed = [pair in gone for pair in node.pairs]
        if node.flow:
            self._cut_flow(spans, doomed)
            return
        for number, (key, value) in enumerate(node.pairs):
            if doomed[number]:
                self._cut_lines(key.start, value) if self._begins_line(key.start) else self._cut_first(spans, doomed)

    def _cut_first(self, spans: list[tuple[int, int]], doomed: list[bool]) -> None:
        """The first pair stands after a dash: what follows it comes up there, or a comment stays there."""
        start, end = spans[0]
        following = next((number for number, is_doomed in enumerate(doomed) if not is_doomed), None)
        if following is None:
            raise BrokenError("a mapping would become empty", start)
        if following == 1 and "#" not in self._text[end : spans[1][0]]:
            end = spans[1][0]
        self._exchange(start, end, "")

    def _add_pairs(self, node: Mapping, new: dict[str, Any], gone: list[tuple[Scalar, Node]]) -> None:
        last = next((pair for pair in reversed(node.pairs) if pair not in gone), None)
        if last is None:
            raise BrokenError("a mapping would be written anew", node.start)
        if node.flow:
            pieces = [
                f"{self._style.name(key)}{self._style.colon}{self._style.flow(value)}" for key, value in new.items()
            ]
            self._insert_flow(node, end_of(last[1]), pieces, last[0].start)
            return
        lines = [line for key, value in new.items() for line in self._style.entry(key, value)]
        self._insert_lines(last[1], lines, column(self._text, node.pairs[0][0].start))

    # Lists

    def _sequence(self, node: Sequence, after: list[Any]) -> None:
        values = [value_of(item) for item in node.items]
        matcher = SequenceMatcher(
            None, [dumped(value) for value in values], [dumped(item) for item in after], autojunk=False
        )
        doomed = [False] * len(node.items)
        for _, start, end, first, last in (code for code in matcher.get_opcodes() if code[0] != "equal"):
            taken = first
            for old, new in aligned(values[start:end], after[first:last]):
                if new is None:
                    doomed[start + old] = True
                    continue
                self._insert(node, start + old, after[taken : first + new])
                self.node(node.items[start + old], after[first + new])
                taken = first + new + 1
            self._insert(node, end, after[taken:last])
        if all(doomed) and node.flow:
            self._fill(node.items[0].start, end_of(node.items[-1]), self._style.flow(after))
            return
        if all(doomed):
            raise BrokenError("a list would be written anew", node.start)
        if node.flow and any(doomed):
            self._cut_flow([(item.start, end_of(item)) for item in node.items], doomed)
        elif any(doomed):
            for number in (number for number, is_doomed in enumerate(doomed) if is_doomed):
                dash = self._dash(node, number)
                if not self._begins_line(dash):
                    raise BrokenError("a list within a list on one line would have to be changed", dash)
                self._cut_lines(dash, node.items[number])

    def _insert(self, node: Sequence, number: int, values: list[Any]) -> None:
        if not values:
            return
        if node.flow:
            pieces = [self._style.flow(value) for value in values]
            if number:
                self._insert_flow(node, end_of(node.items[number - 1]), pieces, node.items[0].start)
            else:
                self.made.append((node.items[0].start,) * 2 + ("".join(piece + self._style.comma for piece in pieces),))
            return
        lines = [line for value in values for line in self._style.item(value)]
        dash = self._dash(node, 0)
        if number:
            self._insert_lines(node.items[number - 1], lines, column(self._text, dash))
        else:
            indent = column(self._text, dash)
            joined = self._indented(lines, indent) + self._style.newline + " " * indent
            self.made.append((dash, dash, joined))

    def _dash(self, node: Sequence, number: int) -> int:
        """Where the dash of an item stands: before it, in the column of the first one."""
        if number == 0:
            return node.start if self._text[node.start] == "-" else self._text.index("-", node.start)
        wanted, position = column(self._text, self._dash(node, 0)), node.items[number].start
        while position > end_of(node.items[number - 1]):
            start = self._text.rfind("\n", 0, position) + 1
            if (
                self._text[start + wanted : start + wanted + 1] == "-"
                and not self._text[start : start + wanted].strip()
            ):
                return start + wanted
            position = start - 1
        raise BrokenError("a list is written in a way that harden does not know", node.start)

    # Text

    def _fill(self, start: int, end: int, collection: str) -> None:
        """Other elements between brackets that stay, with what is written around the old ones."""
        self._exchange(start, end, collection[1:-1])

    def _cut_flow(self, spans: list[tuple[int, int]], doomed: list[bool]) -> None:
        """Elements between brackets, each run of them with the commas that it leaves useless."""
        for is_doomed, run in groupby(range(len(spans)), key=lambda number: doomed[number]):
            numbers = list(run)
            if not is_doomed:
                continue
            start, end = spans[numbers[0]][0], spans[numbers[-1]][1]
            if numbers[-1] + 1 < len(spans):
                gap = self._text[end : spans[numbers[-1] + 1][0]]
                comma = re.match(r"\s*,[ \t]*", gap)
                end = end + (comma.end() if "#" in gap and comma else len(gap))
            elif numbers[0]:
                start = spans[numbers[0] - 1][1]
            self._exchange(start, end, "")

    def _insert_flow(self, node: Mapping | Sequence, position: int, pieces: list[str], first: int) -> None:
        several_lines = "\n" in self._text[node.start : first]
        gap = self._style.newline + self._indentation(first) if several_lines else ""
        between = self._style.comma.rstrip() + gap if gap else self._style.comma
        self.made.append((position, position, "".join(between + piece for piece in pieces)))

    def _cut_lines(self, start: int, value: Node) -> None:
        """Whole lines, from the one that ``start`` is on to the one that a value ends in."""
        self._exchange(self._text.rfind("\n", 0, start) + 1, self._lines_end(value), "")

    def _insert_lines(self, after: Node, lines: list[str], indent: int) -> None:
        position = self._lines_end(after)
        text = " " * indent + self._indented(lines, indent)
        ended = position == 0 or self._text[position - 1] == "\n"
        self.made.append((position, position, text + self._style.newline if ended else self._style.newline + text))

    def _lines_end(self, value: Node) -> int:
        """Where the line after a value begins; the blank lines that a block keeps belong to it."""
        last = last_of(value)
        if isinstance(last, Scalar) and last.keeps and self._text[last.end - 1 : last.end] == "\n":
            return self._text.rfind("\n", 0, last.end) + 1
        newline = self._text.find("\n", end_of(value))
        return newline + 1 if newline >= 0 else len(self._text)

    def _indentation(self, position: int) -> str:
        """What stands before a position on its line: tabs stay tabs."""
        before = self._text[self._text.rfind("\n", 0, position) + 1 : position]
        return before if not before.strip(" \t") else " " * len(before)

    def _begins_line(self, position: int) -> bool:
        return not self._text[self._text.rfind("\n", 0, position) + 1 : position].strip(" \t")

    def _indented(self, lines: list[str], indent: int) -> str:
        return (self._style.newline + " " * indent).join(lines)
