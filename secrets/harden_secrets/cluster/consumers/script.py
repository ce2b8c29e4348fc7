"""A script as text: its statements, its variables, and where the output of a statement goes. No shell is interpreted.

What is not plain enough to be understood here gives an empty answer, never a wrong one: an unknown namespace, an
unknown entry.
"""

import re
from bisect import bisect_left

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\Z")  # as Kubernetes lets objects be called
_VARIABLE = re.compile(r"\$\{?(?P<shell>\w+)(?::?-(?P<default>[\w.-]+))?\}?\Z|\{(?P<braces>\w+)\}\Z")
_CONTINUED = re.compile(r"\\\r?\n|\|\s*\r?\n|\r?\n(?=\s*\|[^|])|&&\s*\r?\n")
# `KEY="$(curl …`, and in other languages `key = client.read…`, `key, err := …`
_CAPTURED = (
    re.compile(r"(?<![\w$])(?P<variable>\w+)=[\"']?(?:\$\(|`)[^`]*\Z"),
    re.compile(r"(?:\A|[\s;({])(?P<variable>\w+)(?:\s*,\s*\w+)?\s*:?=\s*[^=\n]{0,200}\Z"),
)
_WRITTEN = re.compile(r"(?:>>?|\btee\b(?:\s+-a)?|\s-o|--output)\s*(?P<file>[\"']?[\w$./{}~-]+[\"']?)")
_LONGEST = 4000  # characters of a statement
_MOST = 20  # later uses of one variable


class Script:
    """A text that is looked at several times."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._breaks = _breaks(text)

    def statement(self, at: int) -> str:
        """The statement around an offset: the line, with those that continue it."""
        start, end = self.extent(at)
        return self.text[start:end]

    def extent(self, at: int) -> tuple[int, int]:
        """Where the statement around an offset begins and ends."""
        number = bisect_left(self._breaks, at)
        start = self._breaks[number - 1] + 1 if number else 0
        end = self._breaks[number] if number < len(self._breaks) else len(self.text)
        return max(start, at - _LONGEST), min(end, at + _LONGEST)

    def value_of(self, word: str) -> str:
        """A name that is written out, or that of a variable which the text sets to one; else empty."""
        word = word.strip("\"'")
        if _NAME.match(word):
            return word
        match = _VARIABLE.match(word)
        if match is None:
            return ""
        name, default = match["shell"] or match["braces"], match["default"]
        value = r"[\"']?([a-z0-9][-a-z0-9.]*)[\"']?\s*(?:$|[\s;#,)])"
        set_to = re.search(rf"(?<![\w.$]){re.escape(name)}\s*[:=]\s*{value}", self.text, re.MULTILINE)
        found = set_to[1] if set_to else default or ""
        return found if _NAME.match(found) else ""

    def what_becomes_of(self, start: int, end: int, times: int) -> str:
        """The rest of the statement, and the statements that use the variable or file into which its output goes."""
        first, last = self.extent(start)
        rest = self.text[end:last]
        if times == 0:
            return rest
        for holder in self._holders(self.text[first:start], rest):
            for use in list(re.finditer(holder, self.text[last:]))[:_MOST]:
                at = last + use.start()
                begin, _ = self.extent(at)
                rest += "\n" + self.text[begin:at] + self.what_becomes_of(at, last + use.end(), times - 1)
        return rest

    @staticmethod
    def _holders(before: str, rest: str) -> list[str]:
        """Patterns for what holds the output afterwards."""
        found = []
        variable = next((match for pattern in _CAPTURED if (match := pattern.search(before))), None)
        if variable is not None:
            name = re.escape(variable["variable"])
            found.append(rf"\$\{{?{name}\b\}}?|(?<![\w.\"'$]){name}\b(?=[\[.),])")
        for written in _WRITTEN.finditer(before + rest):
            name = written["file"].strip("\"'")
            if name not in ("/dev/null", "-", "json", "yaml") and len(name) > 2:
                found.append(rf"(?<![\w./-]){re.escape(name)}(?![\w-])")
        return found


def _breaks(text: str) -> list[int]:
    """The offsets of those line ends that end a statement."""
    continued = {position for match in _CONTINUED.finditer(text) for position in range(*match.span())}
    return [match.start() for match in re.finditer("\n", text) if match.start() not in continued]
