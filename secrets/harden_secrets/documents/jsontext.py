"""JSON as trees that know where their strings stand; also several texts one after the other, and comments in them.

Of our own because no JSON library in reach tells positions, and a YAML parser refuses what JSON allows (surrogate
pairs, keys of any length). A scanner over tokens with a stack, so that depth costs no recursion.
"""

import json
import re
from collections.abc import Iterator

from harden_secrets.documents.tree import Mapping, Node, Scalar, Sequence

_TOKEN = re.compile(
    rb'[ \t\r\n,:]*(?:(?P<string>"(?:[^"\\]|\\.)*+")|(?P<open>[{\[])|(?P<close>[}\]])|'
    rb"(?P<comment>//[^\n]*|/\*(?:[^*]|\*(?!/))*+(?:\*/)?|\#[^\n]*)|(?P<word>[^\s,:{}\[\]\"#]++))",
    re.DOTALL,
)
_ESCAPE = re.compile(rb'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_SHORT = {b'"': '"', b"\\": "\\", b"/": "/", b"b": "\b", b"f": "\f", b"n": "\n", b"r": "\r", b"t": "\t"}


def documents(content: bytes, nesting: int) -> Iterator[tuple[int, Node | None]]:
    """The texts of a stream with their numbers; a last None where it stops being JSON."""
    position, number = (3 if content.startswith(b"\xef\xbb\xbf") else 0), 0
    end = len(content.rstrip(b" \t\r\n,"))
    while position < end:
        root, position = _value(content, position, nesting)
        if root is None or (number == 0 and isinstance(root, Scalar) and position < end):
            yield number, None
            return
        yield number, root
        number += 1


def _value(content: bytes, position: int, nesting: int) -> tuple[Node | None, int]:
    """One text from ``position`` on, and where it ends; None if there is no whole one."""
    top = Sequence()
    stack: list[Sequence | Mapping] = [top]
    keys: list[str | None] = [None]
    while not top.items or len(stack) > 1:
        match = _TOKEN.match(content, position)
        if match is None or len(stack) > nesting:
            return None, len(content)
        position = match.end()
        kind = match.lastgroup
        if kind == "comment":
            continue
        if kind == "close":
            if len(stack) == 1:
                return None, len(content)
            stack.pop()
            keys.pop()
            continue
        node = _node(match)
        _place(stack[-1], keys, node)
        if not isinstance(node, Scalar):
            stack.append(node)
            keys.append(None)
    return top.items[0], position


def _node(match: re.Match[bytes]) -> Scalar | Sequence | Mapping:
    if match.lastgroup == "open":
        return Mapping() if match["open"] == b"{" else Sequence()
    if match.lastgroup == "word":
        return Scalar(match["word"], match.start("word"), match.end("word"), exact=True)
    raw = match["string"][1:-1]
    return Scalar(unescaped(raw), match.start("string") + 1, match.end("string") - 1, exact=b"\\" not in raw)


def _place(parent: Sequence | Mapping, keys: list[str | None], node: Scalar | Sequence | Mapping) -> None:
    key = keys[-1]
    if isinstance(parent, Sequence):
        parent.items.append(node)
    elif key is None:
        keys[-1] = node.text if isinstance(node, Scalar) else ""
    else:
        parent.pairs.append((key, node))
        keys[-1] = None


def unescaped(raw: bytes) -> bytes:
    """What the inside of a JSON string means; an escape that there is not stays as it is."""
    if b"\\" not in raw:
        return raw
    try:
        return str(json.loads(b'"' + raw + b'"', strict=False)).encode()
    except ValueError:  # a surrogate by itself, a strange escape, bytes that are no UTF-8
        return _ESCAPE.sub(_meaning, raw)


def _meaning(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return chr(int(match[1], 16)).encode("utf-8", "surrogatepass")
    return _SHORT[match[2]].encode()
