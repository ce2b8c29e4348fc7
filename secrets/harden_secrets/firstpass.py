"""The first pass: one look over raw bytes that says whether a closer look pays, and which detectors should take it.

All signatures of all detectors, their encoded forms and the magic numbers of what compresses, as one Hyperscan
database: it goes through a hundred megabytes in a fraction of a second, whatever the number of patterns.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from enum import IntFlag
from typing import Any

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
    rb"ata(?:\\{0,7}[\"'])?\s{0,8}:\s{0,8}\{?(?:\s|\\n){0,200}(?:#[^\n]{0,200}\s{0,80}){0,9}(?:\\{0,7}[\"'])?"
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


class Interest(IntFlag):
    """What makes some bytes interesting."""

    NOTHING = 0
    SECRET = 1  # something in them, or in what they wrap, may be key material
    PUBLIC = 2  # a public half may stand in them


class FirstPass:
    """What to search for, compiled. Made once, before worker processes are forked.

    ``wrappings`` are the signatures of what hides everything within it, such as gzip; ``public`` those of public
    halves, which are searched for as they are only. Raises HardenError where Hyperscan has no build for the machine.
    """

    def __init__(
        self, detectors: Sequence[Detector], wrappings: Sequence[Signature], public: Sequence[Signature] = ()
    ) -> None:
        self._detectors = tuple(detectors)
        self._any = len(self._detectors)  # the numbers above those of the detectors
        self._in_lines, self._public, self._secret = range(self._any + 1, self._any + 4)
        self._weak = {self._in_lines, self._public, self._secret}  # what says nothing by itself
        self._of_secret = [at for at, one in enumerate(detectors) if OF_SECRET in one.signatures]
        self._database = _compiled(self._patterns(wrappings, public))

    def interest_in(self, content: Content) -> Interest:
        """What a closer look at the bytes could be for; nothing for nearly all bytes."""
        seen = self._seen_in(content)
        if not seen:
            return Interest.NOTHING
        secret = Interest.SECRET if self._is_secret(seen, content) else Interest.NOTHING
        return secret | Interest.PUBLIC if self._public in seen else secret

    def _is_secret(self, seen: set[int], content: Content) -> bool:
        if seen - self._weak:
            return True
        if self._in_lines in seen and self._seen_in(bytes(content).translate(None, _LINE_ENDS)) - self._weak:
            return True
        return self._secret in seen and _DATA.search(content) is not None

    def deserves_look(self, content: Content) -> bool:
        """Whether something in the bytes, or in what they wrap, may be key material."""
        return bool(self.interest_in(content) & Interest.SECRET)

    def detectors_for(self, content: Content) -> Sequence[Detector]:
        """The detectors that may recognise something in the bytes themselves, or once encoded, in their order."""
        seen = self._seen_in(content)
        if self._secret in seen:
            seen.update(self._of_secret)
        return [self._detectors[number] for number in sorted(seen) if number < self._any] if seen else ()

    def _seen_in(self, content: Content) -> set[int]:
        seen: set[int] = set()

        def note(number: int, _start: int, _end: int, _flags: int, _context: object) -> None:
            seen.add(number)

        self._database.scan(content, match_event_handler=note)
        return seen

    def _patterns(self, wrappings: Sequence[Signature], public: Sequence[Signature]) -> Iterator[tuple[int, Signature]]:
        for number, detector in enumerate(self._detectors):
            yield from ((number, signature) for signature in detector.signatures if signature != OF_SECRET)
        yield from ((self._any, signature) for signature in (*wrappings, *REFERENCES))
        yield from ((self._secret, signature) for signature in (SECRET, OF_SECRET))
        yield from ((self._public, replace(signature, encoded=False)) for signature in public)
        yield self._in_lines, Signature(_IN_LINES, literal=False)


def _compiled(patterns: Iterable[tuple[int, Signature]]) -> Any:
    hyperscan = _hyperscan()
    found = {
        (number, expression, signature.ignore_case)
        for number, signature in patterns
        for expression in expressions(signature)
    }
    numbers, texts, ignoring = zip(*sorted(found), strict=True)
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    once = hyperscan.HS_FLAG_SINGLEMATCH  # one match of a pattern is enough to look closer
    flags = [once | (hyperscan.HS_FLAG_CASELESS if ignore else 0) for ignore in ignoring]
    database.compile(expressions=list(texts), ids=list(numbers), flags=flags)
    return database


def expressions(signature: Signature) -> Iterator[bytes]:
    """The regular expressions that find a signature, its encoded forms included. Literal bytes are escaped."""
    if not signature.literal:
        yield signature.pattern
        return
    yield _escaped(signature.pattern)
    if signature.encoded:
        spellings = {signature.pattern}
        if signature.ignore_case:  # what base64 makes of a letter has nothing to do with what it makes of its capital
            spellings |= {signature.pattern.lower(), signature.pattern.upper(), signature.pattern.capitalize()}
        yield from (_escaped(form) for spelling in spellings for form in encoded_forms(spelling))


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
