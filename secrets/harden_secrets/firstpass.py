"""The first pass: one look over raw bytes that says whether a closer look pays, and which detectors should take it.

All signatures of all detectors, their encoded forms and the magic numbers of what compresses, as one Hyperscan
database: it goes through a hundred megabytes in a fraction of a second, whatever the number of patterns.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from enum import IntFlag
from typing import Any, NamedTuple

from harden.errors import HardenError
from harden_secrets.detect.settings import OF_SECRET
from harden_secrets.encodedforms import encoded_forms
from harden_secrets.material import Detector, Signature

Content = bytes | bytearray | memoryview

# A manifest of a Secret, or one within the string of another document: its values are base64 of anything.
SECRET = Signature(
    rb"kind(?:\\{0,7}[\"'])?[ \t]{0,8}:[ \t]{0,8}(?:\\{0,7}[\"'])?Secret[^A-Za-z0-9]", literal=False, encoded=False
)
# The first of these values, where there are any. OpenAPI documents name the kind too, and describe `data`.
_DATA = re.compile(
    rb"ata(?:(?<=\Adata)|(?<=[^A-Za-z]data)|(?<=\\ndata)|(?<=gData))(?:\\{0,7}[\"'])?\s{0,8}:\s{0,8}\{?(?:\s|\\n){0,200}(?:#[^\n]{0,200}\s{0,80}){0,9}(?:\\{0,7}[\"'])?"
    rb"(?!description|type|\$ref|additionalProperties|properties|items|format|oneOf|x-)[^\s\\\"']{1,253}"
    rb"(?:\\{0,7}[\"'])?[ \t]{0,8}:[ \t]{0,8}[^\s{\[]"
)
# Text with these takes values from another file.
REFERENCES = (
    Signature(rb"\bfilebase64[ \t]{0,8}\(", literal=False),
    Signature(b"secretGenerator", encoded=False),
)
# Base64 in lines: a signature may be cut in two by the end of one.
_IN_LINES = rb"[A-Za-z0-9+/_-]{60}\r?\n"
_LINE_ENDS = b" \t\r\n"


class Pattern(NamedTuple):
    """A regular expression, and the number by which its matches are told."""

    expression: bytes
    number: int
    ignore_case: bool = False


class Interest(IntFlag):
    """What makes some bytes interesting."""

    NOTHING = 0
    SECRET = 1  # something in them, or in what they wrap, may be key material
    PUBLIC = 2  # a public half may stand in them
    ENCODED = 4  # what may be key material is encoded: nothing but text in base64 or the like could hold it


class FirstPass:
    """What to search for, compiled. Made once, before worker processes are forked.

    ``wrappings`` are the signatures of what hides everything within it, such as gzip; ``public`` those of public
    halves, which are searched for as they are only. Raises HardenError where Hyperscan has no build for the machine.
    """

    def __init__(
        self, detectors: Sequence[Detector], wrappings: Sequence[Signature], public: Sequence[Signature] = ()
    ) -> None:
        self._detectors = tuple(detectors)
        count = len(self._detectors)
        # Detectors have the numbers of their places, twice: for signatures as they are, and for their encoded forms.
        self._plain, self._encoded = range(count), range(count, 2 * count)
        self._wrapping, self._reference, self._in_lines, self._public, self._secret = range(2 * count, 2 * count + 5)
        self._weak = {self._in_lines, self._public, self._secret}  # what says nothing by itself
        self._of_secret = [at for at, one in enumerate(detectors) if OF_SECRET in one.signatures]
        self._database = _compiled(self._patterns(wrappings, public))

    def interest_in(self, content: Content) -> Interest:
        """What a closer look at the bytes could be for; nothing for nearly all bytes."""
        seen = self._seen_in(content)
        if not seen:
            return Interest.NOTHING
        public = Interest.PUBLIC if self._public in seen else Interest.NOTHING
        if self._in_lines in seen:
            seen |= self._seen_in(bytes(content).translate(None, _LINE_ENDS)).intersection(self._encoded)
        strong = seen - self._weak
        if not (strong or (self._secret in seen and _DATA.search(content))):
            return public
        encoded = any(number == self._wrapping or number in self._encoded for number in strong)
        return public | Interest.SECRET | (Interest.ENCODED if encoded else Interest.NOTHING)

    def deserves_look(self, content: Content) -> bool:
        """Whether something in the bytes, or in what they wrap, may be key material."""
        return bool(self.interest_in(content) & Interest.SECRET)

    def detectors_for(self, content: Content) -> Sequence[Detector]:
        """The detectors that may recognise something in the bytes themselves, or once decoded, in their order."""
        seen = self._seen_in(content)
        if not seen:
            return ()
        chosen = {number % len(self._detectors) for number in seen if number < self._wrapping}
        if self._secret in seen:
            chosen.update(self._of_secret)
        return [self._detectors[number] for number in sorted(chosen)]

    def _seen_in(self, content: Content) -> set[int]:
        seen: set[int] = set()

        def note(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            seen.add(number)

        self._database.scan(content, match_event_handler=note)
        return seen

    def _patterns(self, wrappings: Sequence[Signature], public: Sequence[Signature]) -> Iterator[Pattern]:
        for plain, encoded, detector in zip(self._plain, self._encoded, self._detectors, strict=True):
            for signature in detector.signatures:
                if signature != OF_SECRET:
                    yield from _as_it_is(plain, signature)
                    yield from _once_encoded(encoded, signature)
        for number, signatures in (
            (self._wrapping, wrappings),
            (self._reference, REFERENCES),
            (self._secret, (SECRET, OF_SECRET)),
        ):
            for signature in signatures:
                yield from _as_it_is(number, signature)
                yield from _once_encoded(number, signature)
        for signature in public:
            yield from _as_it_is(self._public, signature)
        yield Pattern(_IN_LINES, self._in_lines)


def _as_it_is(number: int, signature: Signature) -> Iterator[Pattern]:
    expression = _escaped(signature.pattern) if signature.literal else signature.pattern
    yield Pattern(expression, number, signature.ignore_case)


def _once_encoded(number: int, signature: Signature) -> Iterator[Pattern]:
    if not (signature.literal and signature.encoded):
        return
    spellings = {signature.pattern}
    if signature.ignore_case:  # what base64 makes of a letter has nothing to do with what it makes of its capital
        spellings |= {signature.pattern.lower(), signature.pattern.upper(), signature.pattern.capitalize()}
    for spelling in spellings:
        yield from (Pattern(_escaped(form), number) for form in encoded_forms(spelling))


def _compiled(patterns: Iterable[Pattern]) -> Any:
    hyperscan = _hyperscan()
    different = sorted(set(patterns))
    once = hyperscan.HS_FLAG_SINGLEMATCH  # one match of a pattern is enough to look closer
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[pattern.expression for pattern in different],
        ids=[pattern.number for pattern in different],
        flags=[once | (hyperscan.HS_FLAG_CASELESS if pattern.ignore_case else 0) for pattern in different],
    )
    return database


def _escaped(literal: bytes) -> bytes:
    """Every byte as itself: Hyperscan takes expressions with zero bytes and non-ASCII only in this form."""
    return b"".join(b"%c" % byte if _is_word(byte) else b"\\x%02x" % byte for byte in literal)


def _is_word(byte: int) -> bool:
    return re.match(rb"[A-Za-z0-9]", bytes((byte,))) is not None


def _hyperscan() -> Any:
    try:
        import hyperscan  # noqa: PLC0415 - the message below, not a traceback, where the package has no build
    except ImportError as error:
        raise HardenError(
            f"the package hyperscan cannot be loaded: {error}",
            "it has builds for Linux and macOS on x86-64 and ARM; `pip install hyperscan` says what is missing here",
        ) from error
    return hyperscan
