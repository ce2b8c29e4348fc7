"""Keys between lines of dashes (RFC 7468, RFC 4880), as they really lie about.

Indented, with CRLF, as a quoted string over several lines of a program, behind comment signs, on one line with blanks
or ``\\n`` where the lines ended or with nothing at all, and without their end.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_LONGEST = 1 << 18  # bytes between the lines of dashes
_LONGEST_PREFIX = 16
_DASHES = b"-----"
_MANY_DASHES = re.compile(rb"-{5,}")
# An escaped end of line in JSON, YAML, C, shell and XML, at any depth of escaping; a lone backslash joins two lines.
_LINE_ENDS = re.compile(rb"\\+(?:u000[aAdD]|x0[aAdD]|[nrt])|&#(?:10|13|x0?[aAdD]);|<br[ ]?/?>|\\+")
_QUOTES = re.compile(rb"\\+([\"'])")
_SPELLED = re.compile(rb"\\+u00(2[bBfF]|3[dD])")
# What a program puts around a piece of a string, on its left and on its right.
_PIECE = re.compile(rb"[\s\"'`#>|*;,.&(]*(?:(?:[+-]|//)(?:[\s\"'`]+|$))?([A-Za-z0-9+/=\t ]*)[\"'`\s,;.&)+]*")


@dataclass(frozen=True, slots=True)
class Armour:
    """What stands between two lines of dashes. ``start`` and ``end`` include these; ``closed``: the second is there."""

    label: str
    body: bytes = field(repr=False)
    prefix: bytes = field(repr=False)
    start: int
    end: int
    closed: bool

    def text(self) -> bytes:
        """The body with real ends of lines and without what stood in front of every line."""
        text = plain_lines(self.body)
        if self.prefix:
            text = text.replace(b"\n" + self.prefix, b"\n")
        return text


def armours(content: bytes, begin: re.Pattern[bytes]) -> Iterator[Armour]:
    """All armoured blocks whose first line matches ``begin``, whose group 1 is the label.

    A body goes no further than the next line of dashes, so that all of them together are no longer than the content.
    """
    for opening in begin.finditer(content):
        at = opening.end()
        limit = min(len(content), at + _LONGEST)
        dashes = _MANY_DASHES.search(content, at, limit)
        stop = dashes.end() - len(_DASHES) if dashes else limit  # a patch has a dash in front of the line
        closing = _DASHES + b"END " + opening[1] + _DASHES
        closed = content.startswith(closing, stop)
        yield Armour(
            label=opening[1].decode("ascii", "replace"),
            body=content[at : dashes.start() if dashes else limit],
            prefix=_prefix(content, opening.start()),
            start=opening.start(),
            end=stop + len(closing) if closed else stop,
            closed=closed,
        )


def _prefix(content: bytes, start: int) -> bytes:
    """What stands on the line before it, if it is short enough to stand on every line."""
    earliest = max(0, start - _LONGEST_PREFIX)
    line = content.rfind(b"\n", earliest, start) + 1
    return content[line:start] if line or not earliest else b""


def plain_lines(text: bytes) -> bytes:
    """The text with real ends of lines where they are escaped."""
    text = _QUOTES.sub(rb"\1", text)
    text = _SPELLED.sub(lambda spelled: bytes((int(spelled[1], 16),)), text)
    return _LINE_ENDS.sub(b"\n", text)


def base64_text(text: bytes) -> tuple[bytes, bool]:
    """(The bytes of the base64 that the text begins with, whether that was all of the text.)

    Signs that programs put around the pieces of a string are passed over; the first line with anything else ends it.
    """
    pieces, whole = [], True
    for line in text.split(b"\n"):
        piece = _PIECE.match(line)
        assert piece is not None  # everything in it may be empty
        pieces.append(piece[1])
        if piece.end() != len(line):
            whole = False
            break
    digits = b"".join(b"".join(pieces).split())
    digits, _, tail = digits.partition(b"=")
    usable = len(digits) - (len(digits) % 4 == 1)
    return base64.b64decode(digits[:usable] + b"=" * (-usable % 4)), whole and not tail.strip(b"=")
