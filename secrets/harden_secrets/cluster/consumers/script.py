"""A script as text: its statements, its variables, and where the output of a statement goes. No shell is interpreted.

What is not plain enough to be understood here gives an empty answer, never a wrong one: an unknown namespace, an
unknown entry. Everything is bounded: a text may be megabytes of one line.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import islice

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\Z")  # as Kubernetes lets objects be called
_VARIABLE = re.compile(r"\$\{?(?P<shell>\w+)(?::?-(?P<default>[\w.-]+))?\}?\Z|\{(?P<braces>\w+)\}\Z")
_CONTINUED = re.compile(r"\\\r?\n|\|[ \t]{0,20}\r?\n|\r?\n(?=[ \t]{0,40}\|[^|])|&&[ \t]{0,20}\r?\n")
# `KEY="$(curl …`, and in other languages `key = client.read…`, `key, err := …`
_CAPTURED = (
    re.compile(r"(?<![\w$])(?P<variable>\w{1,100})=[\"']?(?:\$\(|`)[^`]*\Z"),
    re.compile(r"(?:\A|[\s;({])(?P<variable>\w{1,100})(?:\s*,\s*\w{1,100})?\s*:?=\s*[^=\n]{0,200}\Z"),
)
_WRITTEN = re.compile(r"(?:>>?|\btee\b(?:\s+-a)?|\s-o|--output)\s*(?P<file>[\"']?[\w$./{}~-]{1,200}[\"']?)")
_NO_FILE = frozenset({"/dev/null", "json", "yaml"})
_BEFORE, _AFTER = 1000, 4000  # characters of a statement, around what is looked at
_FAR = 20_000  # characters in which the output of a statement is looked for
_MOST = 24  # uses of it


class Script:
    """A text that is looked at several times. ``text`` has the same length and lines as the one given."""

    def __init__(self, text: str) -> None:
        self.text = text
        continued = {at for match in _CONTINUED.finditer(text) for at in range(*match.span())}
        self._breaks = [match.start() for match in re.finditer("\n", text) if match.start() not in continued]
        self._values: dict[str, str] = {}

    def statement(self, at: int) -> str:
        """The statement around an offset: the line, with those that continue it."""
        start, end = self.extent(at)
        return self.text[start:end]

    def extent(self, at: int) -> tuple[int, int]:
        """Where the statement around an offset begins and ends."""
        number = bisect_left(self._breaks, at)
        start = self._breaks[number - 1] + 1 if number else 0
        end = self._breaks[number] if number < len(self._breaks) else len(self.text)
        return max(start, at - _BEFORE), min(end, at + _AFTER)

    def value_of(self, word: str) -> str:
        """A name that is written out, or that of a variable which the text sets to one; else empty."""
        if word not in self._values:
            self._values[word] = self._value(word.strip("\"'"))
        return self._values[word]

    def what_becomes_of(self, start: int, end: int) -> str:
        """The rest of the statement, and the statements that use the variable or file into which its output goes.

        From hand to hand: what is made of that again is followed too.
        """
        seen: list[str] = []
        pending = [(start, end)]
        while pending and len(seen) < _MOST:
            start, end = pending.pop(0)
            first, last = self.extent(start)
            rest = self.text[end:last] if last > end else ""
            seen.append(self.text[first:start] + " " + rest if seen else rest)
            for holder in _holders(self.text[first:start], rest):
                pending += islice(self._uses(holder, last), _MOST - len(seen))
        return "\n".join(seen)

    def _uses(self, holder: str, after: int) -> Iterator[tuple[int, int]]:
        for match in re.compile(holder).finditer(self.text, after, after + _FAR):
            yield match.span()

    def _value(self, word: str) -> str:
        if _NAME.match(word):
            return word
        match = _VARIABLE.match(word)
        if match is None:
            return ""
        name, default = match["shell"] or match["braces"], match["default"]
        value = r"[\"']?([a-z0-9][-a-z0-9.]{0,252})[\"']?[ \t]{0,20}(?:$|[\s;#,)])"
        set_to = re.search(rf"(?<![\w.$]){re.escape(name)}[ \t]{{0,20}}[:=]\s{{0,20}}{value}", self.text, re.MULTILINE)
        found = set_to[1] if set_to else default or ""
        return found if _NAME.match(found) else ""


def _holders(before: str, rest: str) -> Iterator[str]:
    """Patterns for what holds the output of a statement afterwards."""
    variable = next((match for pattern in _CAPTURED if (match := pattern.search(before))), None)
    if variable is not None:
        name = re.escape(variable["variable"])
        yield rf"\$\{{?{name}\b\}}?|(?<![\w.\"'$]){name}\b(?=[\[.),])"
    for written in _WRITTEN.finditer(before + rest):
        name = written["file"].strip("\"'")
        if len(name) > 2 and name not in _NO_FILE:
            yield rf"(?<![\w./-]){re.escape(name)}(?![\w-])"
