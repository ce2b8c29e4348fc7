"""A tutorial as its reader follows it: what is typed, what is shown, what goes into files.

- A block `sh` is typed. A block `text` right behind it is what that shows.
- A block whose first line is a comment with the name of a file is that file: `# site.yml`.
- What installs harden, and what is for others than root, is not typed: `# in a checkout`, `# only without root`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# ([\w./-]+\.[a-z]+)\n")
_NOT_TYPED = ("# in a checkout", "# only without root")


@dataclass(frozen=True)
class Block:
    """``line`` is where it begins in the page. ``shown`` is what the page shows of a command; None where nothing."""

    language: str
    text: str
    line: int
    shown: str | None = None

    @property
    def file(self) -> str | None:
        """The name of the file that it is."""
        named = None if self.language in {"sh", "text"} else _FILE.match(self.text)
        return named[1] if named else None

    @property
    def typed(self) -> bool:
        """Whether the reader types it."""
        return self.language == "sh" and not any(words in self.text for words in _NOT_TYPED)


def blocks(page: str) -> list[Block]:
    """Those of a page of docs/, in its order."""
    return list(_read((DOCS / page).read_text()))


def _read(text: str) -> Iterator[Block]:
    before: tuple[Block, int] | None = None
    for found in _FENCE.finditer(text):
        indent, language, content = found.groups()
        block = Block(language, re.sub(f"(?m)^{indent}", "", content), text.count("\n", 0, found.start()) + 1)
        if before is not None and language == "text" and not text[before[1] : found.start()].strip():
            yield Block("sh", before[0].text, before[0].line, block.text)
            before = None
            continue
        if before is not None:
            yield before[0]
        before = (block, found.end()) if language == "sh" else None
        if language != "sh":
            yield block
    if before is not None:
        yield before[0]


# What is another each time: it has to look the same, and need not be the same.
_VARYING = {
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?( UTC|Z|\+00:00)?": "TIME",
    r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d:\d\d\b": "TIME",
    r"hk1:[0-9a-f]+(…|\b)": "FINGERPRINT",
    r"SHA256:[A-Za-z0-9+/]+": "FINGERPRINT",
    r"OpenSSH_\S+\b": "OPENSSH",
    r"\b\d+(\.\d+)? ?(ms|s|min)\b": "DURATION",
    r"\b[0-9a-f]{12,64}\b": "ID",
}


def unlike(shown: str, printed: str) -> str:
    """Which line of what a page shows is not in what was printed, as words; empty where it is all there, in its order.

    Times, fingerprints, versions and other names of the moment are alike; ``…`` stands for anything, alone in a line
    for any lines; a run of spaces and dashes for any such run, as tables are as wide as what they hold.
    """
    lines = [alike(line) for line in printed.rstrip().splitlines()]
    anywhere = False
    for line in shown.splitlines():
        if line.strip() == "…":
            anywhere = True
            continue
        wanted = re.compile(".*".join(re.escape(part) for part in alike(line).split("…")))
        places = range(len(lines)) if anywhere else range(min(1, len(lines)))
        place = next((place for place in places if wanted.fullmatch(lines[place])), None)
        if place is None:
            return f"the page shows {line!r}, and what is left of the output is:\n" + "\n".join(lines)
        del lines[: place + 1]
        anywhere = False
    return "" if anywhere or not lines else "the page does not show:\n" + "\n".join(lines)


def alike(line: str) -> str:
    """The line without what differs each time."""
    for pattern, word in _VARYING.items():
        line = re.sub(pattern, word, line)
    return re.sub(r"[ ─━-]{2,}", "  ", line).rstrip()
