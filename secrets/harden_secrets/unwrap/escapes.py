"""Escaped strings in a text that is no JSON itself: a document within a script's or a log's quotes."""

import re
from collections.abc import Callable, Iterator

from harden_secrets.budget import Meter
from harden_secrets.documents.jsontext import unescaped
from harden_secrets.unwrap.part import Part

_STRING = re.compile(rb'(?<!\\)"((?:[^"\\\n]|\\.){16,65536}+)"')
_ESCAPED_QUOTES = re.compile(rb"(?<!\\)(?:\\\\)*\\[\"nu]")


def from_escapes(content: bytes, meter: Meter, skip: Callable[[int], int]) -> Iterator[Part]:
    """The insides of quoted strings that hold escaped quotes, line ends or characters. ``skip`` is as for base64."""
    if b"\\" not in content:
        return
    for match in _STRING.finditer(content):
        start, end = match.span(1)
        if skip(start) >= end or not _ESCAPED_QUOTES.search(match[1]):
            continue
        decoded = unescaped(match[1])
        if meter.room(len(decoded)) < len(decoded):
            return
        meter.take_layer(len(decoded))
        yield Part("quoted", decoded, start, end)
