"""Text from outside (names of peers, lines of a policy, messages of other programs), made safe to print.

A peer may be called anything, an escape sequence included.
"""

import unicodedata

# Cc: control characters, ESC and C1 among them. Cf: invisible ones, the direction overrides that make text read
# differently from what it is among them. Cs: halves of surrogate pairs, which no stream can encode. Zl, Zp: breaks.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Joiners are invisible too, but emoji and several scripts are written with them, and they move nothing.
_HARMLESS = frozenset("\u200c\u200d")


def printable(text: str) -> str:
    """The text on one line and without anything that a terminal would act on; such characters are spelled out.

    >>> printable("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if is_plain(char) else _spelled(char) for char in text)


def is_plain(char: str) -> bool:
    """Whether a terminal shows the character and does nothing else with it."""
    return char in _HARMLESS or unicodedata.category(char) not in _UNSAFE_CATEGORIES


def _spelled(char: str) -> str:
    return ascii(char)[1:-1]
