"""An ``authorized_keys`` file as lines, and what is done to those of one key. Every other byte stays as it is.

A line is read as sshd reads it (sshd(8), "AUTHORIZED_KEYS FILE FORMAT"; auth2-pubkeyfile.c): options in front of the
key may hold quoted strings with blanks and commas, in which ``\\"`` is a quote; empty lines and those that begin with
``#`` are comments. A key is the same if its blob is, whatever its comment.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

_BLANKS = b" \t"
_EXPIRY = b"expiry-time"
_AUTHORITY = b"cert-authority"
_TIMES = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


class LastKeyError(Exception):
    """The key that is to stay is not let in by the file, so none is taken out."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line in pieces that, put together, are its bytes.

    ``key`` is type and base64 as written, ``blob`` what they say; None for a comment or what is no key, all of which
    is in ``lead``. ``after`` is the comment with the blanks in front of it.
    """

    lead: bytes
    options: bytes = b""
    gap: bytes = b""
    key: bytes = b""
    after: bytes = b""
    ending: bytes = b""
    blob: bytes | None = None

    def __bytes__(self) -> bytes:
        return self.lead + self.options + self.gap + self.key + self.after + self.ending

    def has(self, name: bytes) -> bool:
        """Whether the option is there."""
        return any(_name(option) == name for option in split_options(self.options))

    def lets_in(self, blob: bytes) -> bool:
        """Whether the line is for that key itself, and not for certificates that it has signed."""
        return self.blob == blob and not self.has(_AUTHORITY)


def parse(content: bytes) -> list[Line]:
    """The lines; put together they are the same bytes."""
    *whole, last = content.split(b"\n")
    return [_line(text + b"\n") for text in whole] + ([_line(last)] if last else [])


def is_in(content: bytes, blob: bytes) -> bool:
    """Whether the key is let in by this file."""
    return any(_lines_of(content, blob))


def is_authority(content: bytes, blob: bytes) -> bool:
    """Whether certificates that the key has signed are let in (``cert-authority``)."""
    return any(line.blob == blob and line.has(_AUTHORITY) for line in parse(content))


def with_beside(content: bytes, old: bytes, new: bytes, comment: bytes) -> bytes:
    """The new key behind each line of the old one, with that line's options other than its expiry.

    Lines of the new key that were there are replaced. Without the old key nothing is changed.
    """
    if not is_in(content, old):
        return content
    made: list[Line] = []
    kept = [line for line in parse(content) if not line.lets_in(new)]
    usual = next((line.ending for line in kept if line.ending), b"\n")
    for line in kept:
        if line.lets_in(old):
            ended = replace(line, ending=line.ending or usual)
            made += [ended, _beside(ended, new, comment)]
        else:
            made.append(line)
    return b"".join(map(bytes, made))


def with_expiry(content: bytes, blob: bytes, until: bytes) -> bytes:
    """The key's lines with that ``expiry-time``, other than those that have an earlier one."""
    return b"".join(bytes(_expiring(line, until) if line.lets_in(blob) else line) for line in parse(content))


def without(content: bytes, blob: bytes, keep: bytes) -> bytes:
    """The file without the lines of a key. Raises LastKeyError if the key to keep is not let in by it."""
    if keep == blob or not is_in(content, keep):
        raise LastKeyError
    return b"".join(bytes(line) for line in parse(content) if not line.lets_in(blob))


def split_options(options: bytes) -> list[bytes]:
    """The single options, each as it is written."""
    parts, begin = [], 0
    for at in _unquoted(options, b","):
        parts.append(options[begin:at])
        begin = at + 1
    return [part for part in (*parts, options[begin:]) if part]


def _lines_of(content: bytes, blob: bytes) -> Iterator[Line]:
    return (line for line in parse(content) if line.lets_in(blob))


def _line(raw: bytes) -> Line:
    text = raw.rstrip(b"\r\n")
    ending = raw[len(text) :]
    body = text.lstrip(_BLANKS)
    lead = text[: len(text) - len(body)]
    if not body or body.startswith(b"#"):
        return Line(text, ending=ending)
    if (found := _key(body)) is not None:
        key, blob = found
        return Line(lead, key=key, after=body[len(key) :], ending=ending, blob=blob)
    end = next(_unquoted(body, _BLANKS), len(body))
    rest = body[end:].lstrip(_BLANKS)
    if (found := _key(rest)) is None:
        return Line(text, ending=ending)
    key, blob = found
    gap = body[end : len(body) - len(rest)]
    return Line(lead, body[:end], gap, key, rest[len(key) :], ending, blob)


def _key(text: bytes) -> tuple[bytes, bytes] | None:
    """Type and base64 as written, and the blob, if the text begins with a key."""
    kind = _word(text)
    behind = text[len(kind) :].lstrip(_BLANKS)
    encoded = _word(behind)
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    if not kind or kind_of(blob) != kind:
        return None
    return text[: len(text) - len(behind) + len(encoded)], blob


def kind_of(blob: bytes) -> bytes:
    """The type of key that a blob names (RFC 4253, 6.6)."""
    return blob[4 : 4 + int.from_bytes(blob[:4], "big")]


def _word(text: bytes) -> bytes:
    return text.replace(b"\t", b" ").partition(b" ")[0]


def _unquoted(text: bytes, chars: bytes) -> Iterator[int]:
    """Where one of the characters stands outside of quotes."""
    quoted, at = False, 0
    while at < len(text):
        if text[at : at + 2] == b'\\"':
            at += 1
        elif text[at] == ord('"'):
            quoted = not quoted
        elif not quoted and text[at] in chars:
            yield at
        at += 1


def _name(option: bytes) -> bytes:
    return option.partition(b"=")[0].lower()


def _beside(line: Line, blob: bytes, comment: bytes) -> Line:
    options = b",".join(option for option in split_options(line.options) if _name(option) != _EXPIRY)
    key = kind_of(blob) + b" " + base64.b64encode(blob)
    after = b" " + comment if comment else b""
    return Line(line.lead, options, line.gap if options else b"", key, after, line.ending, blob)


def _expiring(line: Line, until: bytes) -> Line:
    rest, wanted = [], _moment(until)
    for option in split_options(line.options):
        there = _moment(option.partition(b"=")[2].strip(b'"')) if _name(option) == _EXPIRY else None
        if there is None or wanted is None or there[0] != wanted[0]:
            rest.append(option)  # an expiry in another zone stays: sshd obeys the earliest of several
        elif there[1] <= wanted[1]:
            return line
    options = b",".join([_EXPIRY + b'="' + until + b'"', *rest])
    return replace(line, options=options, gap=line.gap or b" ")


def _moment(text: bytes) -> tuple[bool, datetime] | None:
    """Whether a time is of UTC (it ends in Z) or of the host's own zone, and the time."""
    digits = text.removesuffix(b"Z")
    try:
        return text.endswith(b"Z"), datetime.strptime(digits.decode("ascii"), _TIMES[len(digits)])
    except (KeyError, ValueError):
        return None
