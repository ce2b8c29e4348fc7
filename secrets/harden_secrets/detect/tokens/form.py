"""A token that its form gives away, and one that needs its name for that; a detector of each."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from harden_secrets.confidential import Confidential
from harden_secrets.detect import quiet
from harden_secrets.detect.filekind import is_binary, is_illustration
from harden_secrets.detect.settings import MARKS, OF_SECRET, settings
from harden_secrets.material import Detection, Detector, Material, Severity, Signature, Surroundings

SEPARATOR = (
    rb"""\\?["']?[ \t]{0,8}(?::=|=>|[:=])[ \t]{0,8}\\?["']?"""  # between a name and its value, in most languages
)


@dataclass(frozen=True, slots=True)
class TokenForm:
    """A published format.

    ``pattern`` matches the token (its group ``token``, if it has one), ``literals`` are the bytes of which one must
    stand in it. ``genuine`` checks what the format has to check: a checksum, a structure; by default that it looks
    random. ``telling`` says that the literals are so rare in ordinary text that finding one is worth a closer look;
    otherwise all of the pattern is searched for.
    """

    name: str
    material: Material
    description: str
    literals: tuple[bytes, ...]
    pattern: bytes
    genuine: Callable[[str], bool] = quiet.looks_random
    severity: Severity | None = None
    telling: bool = True

    @property
    def signatures(self) -> tuple[Signature, ...]:
        """What the first pass searches for."""
        if self.telling and all(len(literal) >= 4 for literal in self.literals):
            return tuple(Signature(literal) for literal in self.literals)
        return Signature(without_looking(self.pattern), literal=False, encoded=False), OF_SECRET


@dataclass(frozen=True, slots=True)
class NamedForm:
    """A value of a plain form (40 letters and digits, say) that is a token where its name says so.

    ``names`` is a regular expression for a part of the name, in lower case; ``value`` one for all of the value.
    """

    name: str
    material: Material
    description: str
    names: bytes
    value: bytes
    severity: Severity | None = None


@cache
def compiled(pattern: bytes, flags: int = 0) -> re.Pattern[bytes]:
    """The pattern, compiled when it is first needed: most runs need few of them."""
    return re.compile(pattern, flags)


def without_looking(pattern: bytes) -> bytes:
    """The pattern in the dialect of the first pass: no look-around, no named groups."""
    return re.sub(rb"\(\?<?![^()]*\)", b"", pattern).replace(b"(?P<token>", b"(?:")


_SHORTEST, _LONGEST = 16, 160  # characters of a token that its name gives away


def form_detector(form: TokenForm) -> Detector:
    """The detector of a published format."""

    def detect(content: bytes, _surroundings: Surroundings) -> Iterator[Detection]:
        if not any(literal in content for literal in form.literals):
            return
        pattern = compiled(form.pattern)
        group = "token" if "token" in pattern.groupindex else 0
        for match in pattern.finditer(content):
            token = match.group(group)
            if form.genuine(token.decode("latin-1")):
                start, end = match.span(group)
                yield Detection(
                    form.material, Confidential(token), start, end, form.description, severity=form.severity
                )

    return Detector(form.name, form.signatures, detect)


def named_detector(forms: tuple[NamedForm, ...]) -> Detector:
    """One detector of all tokens that their name gives away, in settings and as fields of that name."""

    def detect(content: bytes, surroundings: Surroundings) -> Iterator[Detection]:
        if is_illustration(surroundings.file) or is_binary(content):
            return
        text = content.strip()
        start = content.find(text)
        if surroundings.name:
            yield from _matching(surroundings.name, content, start, start + len(text))
        for setting in settings(content):
            yield from _matching(setting.name, content, setting.start, setting.end)

    def _matching(name: str, content: bytes, start: int, end: int) -> Iterator[Detection]:
        token = content[start:end]
        if not _SHORTEST <= len(token) <= _LONGEST:
            return
        spelt = name.encode().lower()
        for form in forms:
            if compiled(form.names).search(spelt) and compiled(form.value).fullmatch(token):
                if quiet.looks_random(token.decode("latin-1")):
                    yield Detection(
                        form.material, Confidential(token), start, end, form.description, severity=form.severity
                    )
                return

    names = b"|".join(form.names for form in forms)
    pattern = rb"(?:" + names + rb")" + MARKS + rb"\s{0,8}[:=]\s{0,8}" + MARKS + rb"[A-Za-z0-9+/_-]{20}"
    signature = Signature(pattern, literal=False, encoded=False, ignore_case=True)
    return Detector("named-token", (signature, OF_SECRET), detect)
