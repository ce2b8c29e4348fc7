"""Words for messages: how a name or a moment is shown, and which known name was meant."""

import difflib
from collections.abc import Collection
from datetime import UTC, datetime
from itertools import islice

SHOWN = 80
CANDIDATES = 300


def quote(text: str) -> str:
    """The text in double quotes on one line, control characters escaped, long texts cut."""
    cut = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
    if cut.isprintable() and '"' not in cut and "\\" not in cut:
        return f'"{cut}"'
    return '"' + "".join(_visible(char) for char in cut) + '"'


def _visible(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable():
        return char
    return char.encode("unicode_escape").decode()


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known name that was probably meant, or None where none is close; case does not count."""
    wanted = word.casefold()[:SHOWN]
    if len(known) > CANDIDATES:
        # A comparison with thousands of names for each of hundreds of errors would take minutes.
        alike = (name for name in known if name[:2].casefold() == wanted[:2] and abs(len(name) - len(word)) <= 3)
        known = list(islice(alike, CANDIDATES))
    folded = {name.casefold(): name for name in sorted(known) if len(name) <= SHOWN}
    close = difflib.get_close_matches(wanted, list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(word: str, known: Collection[str]) -> str:
    """``; did you mean "clients"?``, or nothing where no known name is close."""
    name = nearest(word, known)
    return f"; did you mean {quote(name)}?" if name is not None else ""


def moment(when: datetime) -> str:
    """A moment as the policy file writes it, in UTC."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def listing(names: Collection[str]) -> str:
    """``a, b and c``."""
    words = list(names)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
