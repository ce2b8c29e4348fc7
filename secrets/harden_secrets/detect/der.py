"""DER (ITU-T X.690) as far as keys need it: read what may be cut off in the middle, write canonical forms."""

from collections.abc import Iterator
from dataclasses import dataclass, field

INTEGER, BIT_STRING, OCTET_STRING, NULL, OID, SEQUENCE = 0x02, 0x03, 0x04, 0x05, 0x06, 0x30
_LONGEST_LENGTH = 4  # octets: 4 GiB, more than anybody looks at
_MOST_ELEMENTS = 4096  # of one sequence: keys have nine, key stores some hundreds


class MalformedError(ValueError):
    """Not DER, or not the structure asked for. Says nothing about the content, which may be a secret."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag, its content (shorter than announced if ``complete`` is false), where it ends."""

    tag: int
    content: bytes = field(repr=False)
    end: int
    complete: bool = True

    def number(self) -> int:
        """The value of an INTEGER; at most 16,400 bits, so that nobody makes us multiply for minutes."""
        if self.tag != INTEGER or not self.complete or not 0 < len(self.content) <= 2050:
            raise MalformedError("no integer")
        return int.from_bytes(self.content, "big", signed=True)

    def octets(self, tag: int = OCTET_STRING) -> bytes:
        """The content of a complete element with this tag."""
        if self.tag != tag or not self.complete:
            raise MalformedError("not the element expected")
        return self.content

    def parts(self, tag: int = SEQUENCE) -> list["Element"]:
        """The elements inside; the last may be incomplete where the data ends early."""
        if self.tag != tag:
            raise MalformedError("not the element expected")
        return list(elements(self.content))


def read(data: bytes, at: int = 0) -> Element:
    """The element that begins at ``at``. Raises MalformedError where there is none, or one of indefinite length."""
    if at < 0 or at + 2 > len(data):
        raise MalformedError("cut off")
    tag, length, start = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F or length == 0x80:
        raise MalformedError("not DER")
    if length > 0x80:
        size = length & 0x7F
        if size > _LONGEST_LENGTH or start + size > len(data):
            raise MalformedError("not DER")
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    return Element(tag, data[start : start + length], start + length, start + length <= len(data))


def elements(data: bytes) -> Iterator[Element]:
    """All elements one after the other; stops after one that is cut off."""
    at = 0
    for _ in range(_MOST_ELEMENTS):
        if at >= len(data):
            return
        try:
            element = read(data, at)
        except MalformedError:
            if len(data) - at < 2 + _LONGEST_LENGTH:
                return  # the data ends inside a header
            raise
        yield element
        at = element.end


def encode(tag: int, content: bytes) -> bytes:
    """An element with the shortest length, as DER demands."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of elements that are encoded already."""
    return encode(SEQUENCE, b"".join(parts))


def integer(value: int) -> bytes:
    """An INTEGER that is not negative."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def bit_string(content: bytes) -> bytes:
    """A BIT STRING of whole octets."""
    return encode(BIT_STRING, b"\0" + content)


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER: ``oid("1.2.840.10045.2.1")``."""
    first, second, *rest = map(int, dotted.split("."))
    return encode(OID, b"".join(map(_base128, (first * 40 + second, *rest))))


def dotted(content: bytes) -> str:
    """The usual form of an OBJECT IDENTIFIER, for people; ``?`` where it is none."""
    arcs, value = [], 0
    for octet in content[:64]:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    if not arcs:
        return "?"
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def _base128(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(value & 0x7F | 0x80)
    return bytes(reversed(octets))
