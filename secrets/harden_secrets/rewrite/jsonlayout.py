"""One JSON text as a layout: a YAML parser refuses some of what JSON allows (surrogate pairs, long keys)."""

import json
import re

from harden_secrets.documents.bytewise import as_bytes
from harden_secrets.rewrite.broken import BrokenError
from harden_secrets.rewrite.layout import Mapping, Node, Scalar, Sequence
from harden_secrets.rewrite.yamllayout import DEEPEST

_TOKEN = re.compile(
    r'[ \t\r\n]*(?:(?P<string>"(?:[^"\\\x00-\x1f]|\\.)*+")|(?P<mark>[{}\[\],:])|(?P<word>[-+.\w]+))', re.DOTALL
)


def json_layout(text: str, offset: int) -> Node:
    """The one JSON text in ``text``. Raises BrokenError where it is none, or more than one."""
    return _Reader(text, offset).document()


class _Reader:
    def __init__(self, text: str, offset: int) -> None:
        self._text = text
        self._offset = offset
        self._position = 0

    def document(self) -> Node:
        """The whole text, and nothing after it."""
        root = self._value(self._token(), 0)
        if self._text[self._position :].strip(" \t\r\n"):
            raise self._broken()
        return root

    def _value(self, token: re.Match[str], depth: int) -> Node:
        if depth > DEEPEST:
            raise BrokenError("it is nested too deeply", token.start() + self._offset)
        if token["mark"] == "{":
            return self._mapping(token, depth)
        if token["mark"] == "[":
            return self._sequence(token, depth)
        return self._scalar(token)

    def _mapping(self, token: re.Match[str], depth: int) -> Mapping:
        node = Mapping(token.start("mark") + self._offset, 0, flow=True)
        token = self._token()
        while token["mark"] != "}":
            if token["string"] is None:
                raise self._broken()
            key = self._scalar(token)
            if node.get(key.text) is not None:
                raise BrokenError("a key is there twice", key.start)
            self._expect(":")
            node.pairs.append((key, self._value(self._token(), depth + 1)))
            token = self._next(self._token(), "}")
        node.end = self._position + self._offset
        return node

    def _sequence(self, token: re.Match[str], depth: int) -> Sequence:
        node = Sequence(token.start("mark") + self._offset, 0, flow=True)
        token = self._token()
        while token["mark"] != "]":
            node.items.append(self._value(token, depth + 1))
            token = self._next(self._token(), "]")
        node.end = self._position + self._offset
        return node

    def _next(self, token: re.Match[str], closing: str) -> re.Match[str]:
        """The token after a comma, which must not be the closing one; or that."""
        if token["mark"] == ",":
            token = self._token()
            if token["mark"] == closing:
                raise self._broken()
            return token
        if token["mark"] != closing:
            raise self._broken()
        return token

    def _scalar(self, token: re.Match[str]) -> Scalar:
        group = "string" if token["string"] is not None else "word"
        written = token[group]
        if written is None:
            raise self._broken()
        try:
            value = json.loads(as_bytes(written).decode("utf-8", "surrogateescape"))
        except ValueError:
            raise self._broken() from None
        start, end = token.start(group) + self._offset, token.end(group) + self._offset
        text = value if isinstance(value, str) else written
        return Scalar(start, end, value, text, '"' if group == "string" else "", start)

    def _expect(self, mark: str) -> None:
        if self._token()["mark"] != mark:
            raise self._broken()

    def _token(self) -> re.Match[str]:
        match = _TOKEN.match(self._text, self._position)
        if match is None:
            raise self._broken()
        self._position = match.end()
        return match

    def _broken(self) -> BrokenError:
        return BrokenError("it is no valid JSON", self._position + self._offset)
