"""Comments by which the author of a file says that what looks like a secret there is meant to be there.

    # harden: allow password -- the database of the test suite, which dies with it
    password: not-a-real-one

    db_password = "…"  # harden: allow password, api-token -- rotated after every run

The kinds are those of findings (:class:`~harden_secrets.material.Material`), and a reason must follow two hyphens:
without kinds or reason the comment allows nothing and is remarked upon. A comment alone on its line is about the line
after it, one behind something about its own line; where that line only opens a block (``key: |``, ``<<EOT``), about the
value that begins on the next as well. One inside a quoted text, or inside the value that was found, is part
of that and no comment.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from harden_secrets.material import Material

_MARK = b"harden: allow"
_COMMENT = re.compile(
    rb"(?P<opener>#|//|/\*|<!--|;|--)[ \t]*harden:[ \t]*allow\b(?P<kinds>[^\n]*?)(?:[ \t]--[ \t]*(?P<reason>[^\n]*?))?"
    rb"[ \t]*(?:\*/|-->)?[ \t]*\r?$",
    re.MULTILINE,
)
_QUOTES = re.compile(rb"\\.|[\"']")
_OPENS_BLOCK = re.compile(rb"(?:[:-][ \t]+[|>][+-]?[0-9]?[+-]?|<<[-~]?[\"']?\w+[\"']?)[ \t]*\r?$")
_KINDS = frozenset(str(material) for material in Material)


@dataclass(frozen=True, slots=True)
class Allowance:
    """One comment that allows something: ``lines`` are those it is about; it stands at ``start`` to ``end``."""

    lines: frozenset[int]
    materials: frozenset[Material]
    reason: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong with a comment that was meant to allow something and does not, for the person who wrote it."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Allowances:
    """All such comments of one file."""

    allowed: tuple[Allowance, ...] = ()
    remarks: tuple[Remark, ...] = ()

    def reason_for(self, material: Material, line: int, start: int, end: int) -> str | None:
        """Why a value of this kind that begins on this line, from byte ``start`` to ``end``, may be there; or None."""
        for one in self.allowed:
            inside = start <= one.start < end
            if line in one.lines and material in one.materials and not inside:
                return one.reason
        return None


def allowances(content: bytes) -> Allowances:
    """The comments in a text that allow something, and remarks on those that fail to."""
    if _MARK not in content:
        return Allowances()
    allowed: list[Allowance] = []
    remarks: list[Remark] = []
    for match in _COMMENT.finditer(content):
        if _is_quoted(content, match.start()):
            continue
        line = content.count(b"\n", 0, match.start()) + 1
        problems = list(_problems(match))
        if problems:
            remarks += [Remark(line, f"this comment allows nothing: {problem}") for problem in problems]
            continue
        materials = frozenset(Material(kind) for kind in _kinds(match))
        reason = match["reason"].decode("utf-8", "replace").strip()
        allowed.append(Allowance(_about(content, match, line), materials, reason, match.start(), match.end()))
    return Allowances(tuple(allowed), tuple(remarks))


def _problems(match: re.Match[bytes]) -> Iterator[str]:
    kinds = _kinds(match)
    if not kinds:
        yield "say which kind of secret, as in `harden: allow password -- why`"
    for kind in kinds:
        if kind not in _KINDS:
            yield f"there is no kind of secret called {kind!r}"
    if not (match["reason"] or b"").strip():
        yield "give a reason after two hyphens, as in `harden: allow password -- why`"


def _kinds(match: re.Match[bytes]) -> list[str]:
    return [kind for kind in re.split(r"[,\s]+", match["kinds"].decode("utf-8", "replace")) if kind]


def _about(content: bytes, match: re.Match[bytes], line: int) -> frozenset[int]:
    begin = content.rfind(b"\n", 0, match.start()) + 1
    about = content[begin : match.start()]
    if not about.strip():  # alone on its line
        line += 1
        begin = match.end() + 1
        end = content.find(b"\n", begin)
        about = content[begin : end if end >= 0 else len(content)]
    return frozenset({line, line + 1} if _OPENS_BLOCK.search(about) else {line})


def _is_quoted(content: bytes, start: int) -> bool:
    """Whether a quote before it on its line is still open."""
    open_quote = b""
    for match in _QUOTES.finditer(content, content.rfind(b"\n", 0, start) + 1, start):
        if match[0] == open_quote:
            open_quote = b""
        elif not open_quote and match[0] in {b'"', b"'"}:
            open_quote = match[0]
    return bool(open_quote)
