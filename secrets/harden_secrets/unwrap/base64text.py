"""Base64 in a text: standard and URL-safe, padded or not, in one line or wrapped over many (RFC 4648, RFC 2045)."""

import binascii
import re
from collections.abc import Callable, Iterator

from harden_secrets.budget import Meter
from harden_secrets.documents.spans import Spans
from harden_secrets.unwrap.clues import HEAD, Clues
from harden_secrets.unwrap.part import Part

_ALPHABET = rb"[A-Za-z0-9+/_-]"
_SHORTEST = 22  # characters: 16 bytes, less than any token that is known by its form
_RUN = re.compile(_ALPHABET + rb"{%d,}+={0,2}" % _SHORTEST)
# A line that goes on in the next: only white space, or a shell's backslash, or quotes and commas of a list between.
_BETWEEN = re.compile(rb"[ \t]*(?:\\?\r?\n|\\n|[ \t])[ \t]*")
_MORE = re.compile(_ALPHABET + rb"+={0,2}")
_ENDS = re.compile(rb"[ \t]*(?:\Z|[\r\n\"'`,;<)}\]|])")
_WRAPPED = 40  # characters that a line of wrapped base64 has at least
_ARMOUR_LINE = re.compile(rb"-----(BEGIN|END) ([A-Z0-9 ]{1,60})-----")
_ARMOURED = re.compile(rb"[\w\s+/=\\:.,()@<>-]*+\Z")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def decode(digits: bytes) -> bytes:
    """What base64 digits of either alphabet mean; white space and missing padding do not matter.

    Raises ValueError (:class:`binascii.Error`) where anything else stands in them.
    """
    digits = b"".join(digits.split()).translate(_URL_SAFE).rstrip(b"=")
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4), strict_mode=True)


def alphabet(digits: bytes) -> str:
    """``base64`` or ``base64url``."""
    url_safe = (b"-" in digits or b"_" in digits) and not (b"+" in digits or b"/" in digits)
    return "base64url" if url_safe else "base64"


def from_base64(
    content: bytes, clues: Clues, meter: Meter, skip: Callable[[int], int], *, forms: bool = True
) -> Iterator[Part]:
    """The runs of base64 that are worth it. What ends before the offset that ``skip`` gives for its start is left out;
    ``forms`` says whether the base64 of a signature may stand anywhere in them.

    What stands in armour (``-----BEGIN … -----END``) is left to those who know the kind.
    """
    armour = Spans(_armour(content))
    position = in_lines = 0
    while match := _RUN.search(content, position):
        start, end = match.span()
        last = _wrapped_end(content, start, end) if start >= in_lines else end
        beyond = max(skip(start), armour.end(start))
        if beyond >= last:
            position = beyond
            continue
        part = _decoded(content, start, last, clues)
        if part is None and last > end:
            in_lines, last = last, end  # each line by itself
            part = _decoded(content, start, last, clues)
        position = last
        if part is None:
            continue
        if meter.room(len(part.content)) < len(part.content):
            yield Part(part.encoding, b"", start, last, missed="there is more base64 than is looked at")
            return
        meter.take_layer(len(part.content))
        yield part


def text_form() -> bytes:
    """A pattern for a run of base64 that begins with 24 characters of ASCII: three bytes below 0x80 in four digits."""
    first, second, third = rb"[I-Za-f]", rb"[A-HQ-Xg-nw-z0-3]", rb"[ABEFIJMNQRUVYZcdghklopstwx014589]"
    return rb"(?:^|[^A-Za-z0-9+/_=-])(?:" + first + second + third + _ALPHABET + rb"){8}"


def _armour(content: bytes) -> Iterator[tuple[int, int]]:
    """Where armour stands: a BEGIN and the END of the same name that is next, with nothing strange between."""
    begin: re.Match[bytes] | None = None
    for line in _ARMOUR_LINE.finditer(content) if b"-----BEGIN " in content else ():
        if begin and (line[1], line[2]) == (b"END", begin[2]) and _ARMOURED.match(content, begin.end(), line.start()):
            yield begin.start(), line.end()
        begin = line if line[1] == b"BEGIN" else None


def _wrapped_end(content: bytes, start: int, end: int) -> int:
    """Where wrapped base64 ends of which the first line is given: all lines but the last are of one length."""
    width = end - start
    if width < _WRAPPED or width % 4 or content[end - 1 : end] == b"=":
        return end
    while (gap := _BETWEEN.match(content, end)) and (line := _MORE.match(content, gap.end())):
        length = line.end() - line.start()
        if length > width or (length < width and b"\n" not in gap[0] and not _ENDS.match(content, line.end())):
            break  # the next word of a sentence
        end = line.end()
        if length < width or content[end - 1 : end] == b"=":
            break
    return end


def _decoded(content: bytes, start: int, end: int, clues: Clues) -> Part | None:
    """The run decoded, if there is a reason to."""
    head = content[start : min(end, start + HEAD * 4 // 3 + 8)]
    begin = start
    if not clues.interesting(_decode_quietly(head)[:HEAD]):
        known = clues.form(content, start, end)
        if known is None:
            return None
        begin += _alignment(content[start:known])
    digits = content[begin:end]
    decoded = _decode_quietly(digits)
    return Part(alphabet(digits), decoded, begin, end) if decoded else None


def _alignment(before: bytes) -> int:
    """How many characters at the front of a run do not belong to it: a word before a slash, a flag's dashes."""
    cut = max(before.rfind(mark) for mark in (b"/", b"-", b"_", b"+")) + 1
    return cut if 0 < cut <= 64 and cut % 4 else 0


def _decode_quietly(digits: bytes) -> bytes:
    try:
        return decode(digits.replace(b"\\n", b"").replace(b"\\", b""))
    except ValueError:
        return b""
