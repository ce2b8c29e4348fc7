"""Names and values a line: dotenv, INI, systemd units, properties, TOML's plain cases, assignments of a shell.

Values lose their quotes; a quoted one may go on over several lines. What is no assignment is left alone.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from harden_secrets.documents.field import Field
from harden_secrets.documents.jsontext import unescaped

_LINE = re.compile(
    rb"^[ \t]*(?:(?:export|local|readonly|declare(?:[ \t]+-\w+)*|set|ENV|ARG)[ \t]+)?"
    rb"(?P<name>[A-Za-z_][\w.-]*)[ \t]*(?P<sign>=|:(?!:))[ \t]*"
    rb"(?:\"(?P<double>(?:[^\"\\]|\\.)*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\r\n]*))",
    re.MULTILINE | re.DOTALL,
)
_SECTION = re.compile(rb"^[ \t]*\[([^\]\r\n]+)\]", re.MULTILINE)
_SIBLINGS = 64
_SIBLING_LENGTH = 256


def assignments(content: bytes) -> Iterator[Field]:
    """Every assignment; the siblings are those of the same section."""
    bounds = [0, *(match.start() for match in _SECTION.finditer(content)), len(content)]
    for start, end in pairwise(bounds):
        found = list(_LINE.finditer(content, start, end))
        siblings: dict[str, str] = {}
        for match in found[:_SIBLINGS]:
            value = _value(match)[0]
            if len(value) <= _SIBLING_LENGTH:
                siblings.setdefault(match["name"].decode(), value.decode("utf-8", "replace"))
        for match in found:
            value, start_of_value, end_of_value = _value(match)
            exact = value == content[start_of_value:end_of_value]
            name = match["name"].decode()
            yield Field(value, start_of_value, end_of_value, exact=exact, lined=True, name=name, siblings=siblings)


def _value(match: re.Match[bytes]) -> tuple[bytes, int, int]:
    group = next(name for name in ("double", "single", "bare") if match[name] is not None)
    value = match[group]
    if group == "double":
        value = unescaped(value.replace(b"\\\n", b"")) if b"\\" in value else value
    elif group == "bare":
        value = value.rstrip()
    end = match.start(group) + len(value) if group == "bare" else match.end(group)
    return value, match.start(group), end
