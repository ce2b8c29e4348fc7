"""The first pass: one look over raw bytes that says whether a closer look pays, and which detectors should take it.

All signatures of all detectors, their encoded forms and the magic numbers of what compresses, as one Hyperscan
database: it goes through a hundred megabytes in a fraction of a second, whatever the number of patterns.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from enum import IntFlag
from functools import partial

from harden_secrets.detect.settings import OF_SECRET
from harden_secrets.encodedforms import encoded_forms
from harden_secrets.material import Detector, Encoding, Signature
from harden_secrets.patterns import Content, Pattern, PatternSet, Remembered

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
MAKING = 1  # raised whenever something else is made of a signature: what was compiled and kept is then of no use


class Interest(IntFlag):
    """What makes some bytes interesting."""

    NOTHING = 0
    SECRET = 1  # something in them, or in what they wrap, may be key material
    PUBLIC = 2  # a public half may stand in them
    BASE64 = 4  # it may stand in base64
    HEXADECIMAL = 8  # it may stand in hexadecimal digits
    PERCENT = 16  # it may stand in percent-encoding, as base64 may as well
    WHOLE = 32  # what was seen says something about all of the bytes: an archive, a key store, a manifest


_ANCHORED = len(Encoding)  # a form of its own: what is of interest only at the beginning of the bytes
_NEEDS: Mapping[int, Interest] = {
    _ANCHORED: Interest.WHOLE,
    Encoding.BASE64: Interest.BASE64 | Interest.PERCENT,
    Encoding.HEXADECIMAL: Interest.HEXADECIMAL,
    Encoding.PERCENT: Interest.PERCENT,
}


class FirstPass:
    """What to search for, compiled. Made once, before worker processes are forked.

    ``wrappings`` are the signatures of what hides everything within it, such as gzip; ``public`` those of public
    halves, which are searched for as they are only. Raises HardenError where Hyperscan has no build for the machine.
    """

    def __init__(
        self,
        detectors: Sequence[Detector],
        wrappings: Sequence[Signature],
        public: Sequence[Signature] = (),
        remembered: Remembered | None = None,
    ) -> None:
        self._detectors = tuple(detectors)
        # Detectors have the numbers of their places, once for each form that a signature has; so has what wraps.
        self._count = len(self._detectors) + 1
        self._wrapping = self._count - 1
        self._forms = self._count * (_ANCHORED + 1)
        self._in_lines, self._public, self._secret, self._reference = range(self._forms, self._forms + 4)
        self._weak = {self._in_lines, self._public, self._secret}  # what says nothing by itself
        self._of_secret = [at for at, one in enumerate(detectors) if OF_SECRET in one.signatures]
        patterns = partial(self._patterns, wrappings, public)
        name = _name(detectors, wrappings, public)
        self._fixed = PatternSet(partial(patterns, bare=False), f"{name}-fixed", remembered)
        self._loose = PatternSet(partial(patterns, bare=True), f"{name}-loose", remembered)

    def interest_in(self, content: Content, *, program: bool = False) -> Interest:
        """What a closer look at the bytes could be for; nothing for nearly all bytes.

        In the text of a ``program`` long runs of letters and digits mean nothing: what has no fixed bytes to be known
        by, such as any text in base64, is not searched for.
        """
        return self._interest(content, self._seen_in(content, program=program))

    def judged(self, content: Content, *, program: bool = False) -> tuple[Interest, Sequence[Detector]]:
        """The interest in the bytes, and the detectors for them, in one go."""
        seen = self._seen_in(content, program=program)
        return self._interest(content, seen), self._chosen(content, seen)

    def _interest(self, content: Content, seen: set[int]) -> Interest:
        if not seen:
            return Interest.NOTHING
        interest = Interest.PUBLIC if self._public in seen else Interest.NOTHING
        if self._in_lines in seen:
            joined = self._seen_in(bytes(content).translate(None, _LINE_ENDS))
            seen = seen | joined.intersection(range(self._count, self._forms))
        strong = seen - self._weak
        manifest = self._secret in seen and _DATA.search(content) is not None
        if not (strong or manifest):
            return interest
        forms = {number // self._count for number in strong if number < self._forms}
        for form, needs in _NEEDS.items():
            if form in forms:
                interest |= needs
        if manifest or self._wrapping in seen:
            interest |= Interest.WHOLE
        return interest | Interest.SECRET

    def has_any(self, content: Content) -> bool:
        """Whether anything at all that is searched for stands in the bytes."""
        return bool(self._seen_in(content))

    def deserves_look(self, content: Content, *, program: bool = False) -> bool:
        """Whether something in the bytes, or in what they wrap, may be key material."""
        return bool(self.interest_in(content, program=program) & Interest.SECRET)

    def detectors_for(self, content: Content) -> Sequence[Detector]:
        """The detectors that may recognise something in the bytes themselves, or once decoded, in their order."""
        return self._chosen(content, self._seen_in(content))

    def _chosen(self, content: Content, seen: set[int]) -> Sequence[Detector]:
        if not seen:
            return ()
        chosen = {number % self._count for number in seen if number < self._forms} - {self._wrapping}
        if self._secret in seen and _DATA.search(content):
            chosen.update(self._of_secret)
        return [self._detectors[number] for number in sorted(chosen)]

    def _seen_in(self, content: Content, *, program: bool = False) -> set[int]:
        seen = self._fixed.numbers_in(content)
        return seen if program else seen | self._loose.numbers_in(content)

    def _patterns(
        self, wrappings: Sequence[Signature], public: Sequence[Signature], *, bare: bool
    ) -> Iterator[Pattern]:
        groups = [*(detector.signatures for detector in self._detectors), wrappings]
        for number, signatures in enumerate(groups):
            for signature in signatures:
                if signature.bare == bare and signature != OF_SECRET:
                    yield from self._in_all_forms(number, signature)
        if bare:
            yield Pattern(_IN_LINES, self._in_lines)
            return
        for signature in (SECRET, OF_SECRET):
            yield from _as_it_is(self._secret, signature)
        for signature in REFERENCES:
            yield from _as_it_is(self._reference, signature)
        for signature in public:
            yield from _as_it_is(self._public, signature)

    def _in_all_forms(self, number: int, signature: Signature) -> Iterator[Pattern]:
        if signature.plain:
            anchored = signature.pattern.startswith(rb"\A") and not signature.literal
            form = _ANCHORED if anchored else signature.encoding
            yield from _as_it_is(number + self._count * form, signature)
        if signature.literal and signature.encoded:
            for spelling in _spellings(signature):
                for form, literal in encoded_forms(spelling):
                    yield Pattern(_escaped(literal), number + self._count * form)


def _name(detectors: Sequence[Detector], *others: Sequence[Signature]) -> str:
    """Differs wherever other patterns are made: by the signatures, and by what we make of one."""
    signatures = (*(detector.signatures for detector in detectors), *others, SECRET, OF_SECRET, REFERENCES, _IN_LINES)
    return hashlib.sha256(repr((MAKING, signatures)).encode()).hexdigest()[:24]


def _as_it_is(number: int, signature: Signature) -> Iterator[Pattern]:
    expression = _escaped(signature.pattern) if signature.literal else signature.pattern
    yield Pattern(expression, number, signature.ignore_case)


def _spellings(signature: Signature) -> set[bytes]:
    """What base64 makes of a letter has nothing to do with what it makes of its capital."""
    plain = signature.pattern
    return {plain, plain.lower(), plain.upper(), plain.capitalize()} if signature.ignore_case else {plain}


_ESCAPED = [b"%c" % byte if chr(byte).isascii() and chr(byte).isalnum() else b"\\x%02x" % byte for byte in range(256)]


def _escaped(literal: bytes) -> bytes:
    """Every byte as itself: Hyperscan takes expressions with zero bytes and non-ASCII only in this form."""
    return b"".join(map(_ESCAPED.__getitem__, literal))
