"""Traces of a key: files that hold it in some form, and processes that are still there."""

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path

_LONG = 24  # bytes of a key that do not occur by chance


def forms(key: bytes) -> tuple[bytes, ...]:
    """How a stretch from the middle of a key looks: its bytes, hexadecimal, and the three ways that base64 has."""
    start = (len(key) - _LONG) // 2
    inner = key[start : start + _LONG]
    shifted = (base64.b64encode(inner[shift:])[: (_LONG - 3) // 3 * 4 - 4] for shift in range(3))
    return inner, inner.hex().encode(), *shifted


def in_text(text: str, key: bytes) -> bool:
    """Whether a text shows the key."""
    return any(form in text.encode("utf-8", "surrogateescape") for form in forms(key))


def files_with(folder: Path, key: bytes) -> Iterator[Path]:
    """The files below a folder that hold the key as it is or encoded once, those of git's own store aside."""
    wanted = forms(key)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".git" not in path.parts:
            content = path.read_bytes().replace(b"\n", b"")
            if any(form in content for form in wanted):
                yield path.relative_to(folder)


def processes_with(word: str) -> list[str]:
    """The command lines, of all processes that there are in this PID namespace, that hold a word."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if word in line:
                found.append(line)
    return found
