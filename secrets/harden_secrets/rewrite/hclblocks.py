"""HCL as blocks and attributes that know where they stand, for changing a few words of them.

Only what is literal is read: expressions are skipped over, with their strings, here-documents and comments. Native
syntax specification: hashicorp/hcl, hclsyntax/spec.md.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harden_secrets.documents.hcl import string

DEEPEST = 64
_TOKEN = re.compile(
    rb"[ \t\r]+|(?P<comment>#[^\n]*|//[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/)?)|(?P<newline>\n)|"
    rb"<<-?(?P<heredoc>[A-Za-z_][\w-]*)[ \t]*\r?\n|"
    rb'(?P<quote>")|(?P<word>[A-Za-z_][\w-]*)|(?P<open>[{\[(])|(?P<close>[}\])])|(?P<equals>=(?!=)|:)|(?P<other>.)',
    re.DOTALL,
)


@dataclass(slots=True)
class Attribute:
    """``name = …``: from the name to the end of the value. ``literal`` is its text if it is one plain string."""

    name: str
    start: int
    end: int
    literal: str | None = None


@dataclass(slots=True)
class Block:
    """A block or an object: the words before its brace, where they begin, and where it ends."""

    words: tuple[str, ...]
    start: int
    end: int
    blocks: list["Block"] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)

    def inside(self, name: str) -> Iterator["Block"]:
        """The blocks of that name right in it."""
        yield from (block for block in self.blocks if block.words[:1] == (name,))

    def all_inside(self) -> Iterator["Block"]:
        """All blocks below it."""
        for block in self.blocks:
            yield block
            yield from block.all_inside()

    def literal(self, name: str) -> str | None:
        """The text of an attribute that is a plain string."""
        return next((one.literal for one in self.attributes if one.name == name), None)

    def attribute(self, name: str) -> Attribute | None:
        """An attribute by its name."""
        return next((one for one in self.attributes if one.name == name), None)


def blocks(content: bytes) -> Block | None:
    """The whole file as one block; None where its braces do not match or are nested too deeply."""
    reader = _Reader(content)
    return reader.top if reader.read() else None


class _Reader:
    def __init__(self, content: bytes) -> None:
        self.top = Block((), 0, len(content))
        self._content = content
        self._stack: list[Block | None] = [self.top]  # None: a list or a call
        self._words: list[tuple[str, int]] = []
        self._open: list[Attribute | None] = [None]
        self._fresh = False  # right after an equals sign

    def read(self) -> bool:
        """Whether all of it was read."""
        position = 0
        while position < len(self._content):
            match = _TOKEN.match(self._content, position)
            if match is None or not 0 < len(self._stack) <= DEEPEST:
                return False
            position = self._token(match)
        self._end_attribute(len(self._content.rstrip()))
        return len(self._stack) == 1

    def _token(self, match: re.Match[bytes]) -> int:
        kind, end = match.lastgroup, match.end()
        if kind in ("newline", "comment"):
            self._end_line(match)
        elif kind == "word":
            self._words.append((match["word"].decode(), match.start()))
            self._fresh = False
        elif kind == "quote":
            return self._quoted(match)
        elif kind == "heredoc":
            end = self._heredoc(match)
            self._end_attribute(end)
        elif kind == "equals":
            self._begin_attribute()
        elif kind == "open":
            self._enter(match)
        elif kind == "close":
            self._leave(match)
        elif kind == "other":
            self._sign(match)
        return end

    def _end_line(self, match: re.Match[bytes]) -> None:
        """A newline ends what is on its line, a comment the value before it."""
        if match.lastgroup == "newline":
            self._end_attribute(match.start())
            self._words = []
        elif not match["comment"].startswith(b"/*"):
            self._end_attribute(match.start())

    def _sign(self, match: re.Match[bytes]) -> None:
        if match["other"] == b"," and self._stack[-1] is not None:
            self._end_attribute(match.start())
            self._words = []
        self._fresh = False

    def _quoted(self, match: re.Match[bytes]) -> int:
        scalar, end = string(self._content, match.end())
        attribute = self._open[-1]
        if attribute is not None and self._fresh and b"${" not in scalar.value:
            attribute.literal = scalar.text
        elif attribute is not None:
            attribute.literal = None
        self._words.append((scalar.text, match.start()))
        self._fresh = False
        return end

    def _heredoc(self, match: re.Match[bytes]) -> int:
        closing = re.compile(rb"^[ \t]*" + re.escape(match["heredoc"]) + rb"[ \t]*\r?$", re.MULTILINE)
        found = closing.search(self._content, match.end())
        return found.end() if found else len(self._content)

    def _begin_attribute(self) -> None:
        block = self._stack[-1]
        if block is not None and self._words and self._open[-1] is None:
            name, start = self._words[-1]
            self._open[-1] = attribute = Attribute(name, start, start)
            block.attributes.append(attribute)
            self._fresh = True

    def _end_attribute(self, end: int) -> None:
        attribute = self._open[-1] if self._open else None
        if attribute is not None:
            attribute.end = attribute.start + len(self._content[attribute.start : end].rstrip())
            self._open[-1] = None

    def _enter(self, match: re.Match[bytes]) -> None:
        block = None
        parent = self._stack[-1]
        if match["open"] == b"{" and self._words and parent is not None:
            words = tuple(word for word, _ in self._words)
            block = Block(words, self._words[0][1], match.end())
            parent.blocks.append(block)
        self._fresh = False
        self._stack.append(block)
        self._open.append(None)
        self._words = []

    def _leave(self, match: re.Match[bytes]) -> None:
        self._end_attribute(match.start())
        block = self._stack.pop()
        self._open.pop()
        self._words = []
        if block is not None:
            block.end = match.end()
