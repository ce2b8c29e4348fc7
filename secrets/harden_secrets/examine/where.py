"""Where bytes that are looked at stand in the file, however often they were unwrapped."""

from bisect import bisect_right
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Where:
    """The place of some bytes in the file.

    ``start`` and ``end`` are offsets in the file, ``line`` the line where the bytes begin (from 1, 0 without lines).
    ``exact``: the bytes are those of the file from ``start`` to ``end``. ``lined``: their lines are the file's.
    """

    start: int
    end: int
    line: int
    exact: bool = False
    lined: bool = False


class Lines:
    """The lines of some bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._breaks: list[int] | None = None

    def before(self, offset: int) -> int:
        """How many lines end before an offset."""
        if self._breaks is None:
            self._breaks = _breaks(self._content)
        return bisect_right(self._breaks, offset - 1) if offset > 0 else 0


def _breaks(content: bytes) -> list[int]:
    breaks, position = [], content.find(b"\n")
    while position >= 0:
        breaks.append(position)
        position = content.find(b"\n", position + 1)
    return breaks


def part_of(whole: Where, lines: Lines, start: int, end: int) -> Where:
    """The place of what stands from ``start`` to ``end`` in the bytes at ``whole``, as it is there."""
    line = whole.line + lines.before(start) if whole.lined else whole.line
    if whole.exact:
        return Where(whole.start + start, whole.start + end, line, exact=True, lined=whole.lined)
    return replace(whole, line=line, exact=False)
