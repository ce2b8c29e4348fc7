"""Which files git-crypt's filter covers, and ``.gitattributes`` turned to another driver. Pure.

See gitattributes(5): a line is a pattern, which may be quoted, and attributes; a macro's begins with ``[attr]``.
"""

import re
from collections.abc import Mapping

NAME = ".gitattributes"
_LINE = re.compile(
    rb"(?P<blank>[ \t\r]*)(?P<pattern>\[attr\][^ \t\r]*|\"(?:[^\"\\]|\\.)*\"[^ \t\r]*|[^ \t\r]+)(?P<rest>.*)", re.DOTALL
)
_SPLIT = re.compile(rb"([ \t\r]+)")
_ATTRIBUTES = (b"filter", b"diff")


def filters(printed: bytes) -> dict[str, str]:
    """The ``filter`` of each path, from what ``git check-attr -z`` prints; those that have none are left out."""
    parts = printed.split(b"\0")
    found: dict[str, str] = {}
    for at in range(0, len(parts) - 2, 3):
        path, _, value = parts[at : at + 3]
        if value not in (b"unspecified", b"unset", b"set"):
            found[path.decode("utf-8", "surrogateescape")] = value.decode("utf-8", "surrogateescape")
    return found


def is_of(path: str) -> bool:
    """Whether that is a file with attributes."""
    return path == NAME or path.endswith(f"/{NAME}")


def turned(content: bytes, drivers: Mapping[str, str]) -> bytes:
    """The file with each driver replaced by the one it maps to, wherever an attribute names it; else as it was."""
    known = {old.encode(): new.encode() for old, new in drivers.items()}
    return b"\n".join(_turned_line(line, known) for line in content.split(b"\n"))


def _turned_line(line: bytes, drivers: Mapping[bytes, bytes]) -> bytes:
    parts = _LINE.fullmatch(line)
    if parts is None or parts["pattern"].startswith(b"#"):
        return line
    words = [_turned_word(word, drivers) for word in _SPLIT.split(parts["rest"])]
    return parts["blank"] + parts["pattern"] + b"".join(words)


def _turned_word(word: bytes, drivers: Mapping[bytes, bytes]) -> bytes:
    name, equals, value = word.partition(b"=")
    if equals and name in _ATTRIBUTES and value in drivers:
        return name + equals + drivers[value]
    return word
