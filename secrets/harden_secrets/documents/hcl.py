"""HCL (Terraform, OpenTofu, Packer) as a tree whose strings know where they stand.

A tolerant reader of our own: python-hcl2 stops at the first thing that it does not know, and tells the lines of
blocks, not of strings. Expressions are not evaluated: every string in one is a value of its attribute, and
``filebase64("…")`` and its kind are noted as borrowed from that file. Blocks are nested mappings by their labels, as
in the JSON syntax of Terraform. Native syntax specification: hashicorp/hcl, hclsyntax/spec.md.
"""

import re
import textwrap
from dataclasses import dataclass, field

from harden_secrets.documents.jsontext import unescaped
from harden_secrets.documents.tree import Mapping, Node, Scalar, Sequence

_TOKEN = re.compile(
    rb"[ \t\r]+|(?P<comment>#[^\n]*|//[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/)?)|(?P<newline>\n)|"
    rb"(?P<heredoc><<(?P<dash>-?)(?P<label>[A-Za-z_][\w-]*)[ \t]*\r?\n)|"
    rb'(?P<quote>")|(?P<word>[A-Za-z_][\w.-]*)|(?P<mark>[{}\[\]()=:,])|(?P<other>.)',
    re.DOTALL,
)
_INSIDE = re.compile(rb'[^"\\$%\n{}]+|\\.|[$%]{2}\{|[$%]\{|.', re.DOTALL)
_DOLLARS = re.compile(rb"([$%])\1\{")
_OWN_FOLDER = re.compile(rb"\A(?:\$\{path\.(?:module|root|cwd)\}/*)")
_FROM_FILE = re.compile(rb"(?:file(?:base64|md5|sha1|sha256|sha512|base64sha256|base64sha512)?|templatefile)\Z")
_INTERPOLATIONS = 16  # strings within strings within strings


@dataclass(slots=True)
class _Frame:
    """A collection or call that is still open, and what has been read in it since the last value."""

    node: Mapping | Sequence | None
    key: str | None = None
    words: list[str] = field(default_factory=list)
    call: bytes = b""


def tree(content: bytes, nesting: int) -> Node | None:
    """The file's top body; None where it is nested too deeply."""
    reader = _Reader(content, nesting)
    return reader.root if reader.read() else None


class _Reader:
    def __init__(self, content: bytes, nesting: int) -> None:
        self.root = Mapping()
        self._content = content
        self._nesting = nesting
        self._stack = [_Frame(self.root)]
        self._last_word = b""

    def read(self) -> bool:
        """Whether the whole content was read."""
        position, end = 0, len(self._content)
        while position < end:
            match = _TOKEN.match(self._content, position)
            if match is None or len(self._stack) > self._nesting:
                return False
            position = self._token(match)
        return True

    def _token(self, match: re.Match[bytes]) -> int:
        """Take one token in; where the next begins."""
        kind = match.lastgroup
        if kind == "quote":
            scalar, position = string(self._content, match.end())
            self._text(scalar)
            return position
        if kind in ("heredoc", "label"):
            scalar, position = self._heredoc(match)
            self._text(scalar)
            return position
        if kind == "word":
            self._last_word = match["word"]
            self._stack[-1].words.append(match["word"].decode())
        elif kind == "mark":
            self._mark(match["mark"])
        elif kind == "newline":
            self._line_ends()
        return match.end()

    def _mark(self, mark: bytes) -> None:
        frame = self._stack[-1]
        if mark == b"{":
            self._open(Mapping())
        elif mark == b"[":
            self._open(Sequence())
        elif mark == b"(":
            self._stack.append(_Frame(None, call=self._last_word))
        elif mark in (b"}", b"]", b")"):
            if len(self._stack) > 1:
                self._stack.pop()
        elif mark in (b"=", b":") and isinstance(frame.node, Mapping) and frame.key is None and frame.words:
            frame.key, frame.words = frame.words[-1], []
        elif mark == b",":
            self._line_ends()

    def _line_ends(self) -> None:
        frame = self._stack[-1]
        frame.words = []
        if isinstance(frame.node, Mapping):
            frame.key = None

    def _text(self, scalar: Scalar) -> None:
        """A string: a key or label where no value is awaited, else a value."""
        frame = self._stack[-1]
        if isinstance(frame.node, Mapping) and frame.key is None:
            frame.words.append(scalar.text)
            return
        if frame.call and _FROM_FILE.match(frame.call):
            scalar.borrowed = frame.call.decode()
            scalar.value = _OWN_FOLDER.sub(b"", scalar.value)
        self._place(scalar)

    def _open(self, node: Mapping | Sequence) -> None:
        frame = self._stack[-1]
        if isinstance(node, Mapping) and isinstance(frame.node, Mapping) and frame.key is None:
            labels, frame.words = frame.words or [""], []
            outer: Mapping = node
            for label in reversed(labels[1:][: self._nesting]):
                outer = Mapping([(label, outer)])
            frame.node.pairs.append((labels[0], outer))
        else:
            self._place(node)
        self._stack.append(_Frame(node))

    def _place(self, node: Node) -> None:
        frame = next(frame for frame in reversed(self._stack) if frame.node is not None)
        if isinstance(frame.node, Sequence):
            frame.node.items.append(node)
        elif frame.node is not None:
            frame.node.pairs.append((frame.key or "", node))

    def _heredoc(self, match: re.Match[bytes]) -> tuple[Scalar, int]:
        start = match.end("heredoc")
        closing = re.compile(rb"^[ \t]*" + re.escape(match["label"]) + rb"[ \t]*\r?$", re.MULTILINE)
        end = closing.search(self._content, start)
        stop = end.start() if end else len(self._content)
        value = self._content[start:stop]
        if match["dash"]:
            value = textwrap.dedent(value.decode("latin-1")).encode("latin-1")
        exact = value == self._content[start:stop]
        return Scalar(value, start, stop, exact=exact, lined=True), end.end() if end else stop


def string(content: bytes, start: int) -> tuple[Scalar, int]:
    """The quoted string whose first byte is at ``start``, and where the text goes on after it.

    A quote inside ``${…}`` does not end it. One that is not closed ends with its line.
    """
    position, depths = start, [0]  # for every string that is open, how many braces of an interpolation are
    while (match := _INSIDE.match(content, position)) and len(depths) < _INTERPOLATIONS:
        token = match[0]
        if token == b"\n":
            break
        if token == b'"' and depths[-1] == 0:
            if len(depths) == 1:
                break
            depths.pop()
        elif token == b'"':
            depths.append(0)
        elif (token in (b"${", b"%{")) or (token == b"{" and depths[-1]):
            depths[-1] += 1
        elif token == b"}" and depths[-1]:
            depths[-1] -= 1
        position = match.end()
    raw = content[start:position]
    value = _DOLLARS.sub(rb"\1{", unescaped(raw))
    return Scalar(value, start, position, exact=value == raw), position + (content[position : position + 1] == b'"')
