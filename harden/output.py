"""What the terminal gets: the answer on stdout, everything else on stderr.

Text from outside is made safe to print here, in one place (:mod:`harden.printable`).
"""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TextIO

from harden.errors import HardenError
from harden.file import write_published
from harden.printable import is_plain, printable

Justify = Literal["left", "right"]
Tone = Literal["plain", "good", "bad", "faint"]
_COLOURS: Mapping[Tone, str] = {"plain": "", "good": "green", "bad": "red", "faint": "dim"}


class OutputFailedError(HardenError):
    """What stdout leads to takes no more: its disk is full, say."""


class OutputClosedError(Exception):
    """Whoever read stdout has gone (``harden … | head``): nothing more can be said, and nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, and ``right`` for numbers."""

    heading: str
    justify: Justify = "left"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table with a tone, which a terminal shows as colour; ``str()`` is its text."""

    text: str
    tone: Tone = "plain"

    def __str__(self) -> str:
        return self.text


def json_text(document: object) -> str:
    """One JSON document on one line. What JSON has no type for is an error, never a silent ``str()``.

    What a terminal would act on is escaped as JSON does it, so that a program reads the text as it is.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(", ", ": "), allow_nan=False)
    if text.isprintable():
        return text
    return "".join(char if is_plain(char) else json.dumps(char)[1:-1] for char in text)


@dataclass(frozen=True)
class Output:
    """Where a command says things. Made once for a command, from its ``--json``, ``-q`` and ``-v``.

    ``verbosity``: -1 errors only, 0 as usual, 1 and more with details.
    """

    as_json: bool = False
    verbosity: int = 0
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)

    def document(self, document: Mapping[str, Any] | Sequence[Any]) -> None:
        """The answer as JSON. A command that was given ``--json`` calls this once and writes nothing else."""
        self.raw(json_text(document) + "\n")

    def line(self, text: str = "") -> None:
        """A line of the answer; control characters in it are spelled out."""
        self.raw(printable(text) + "\n")

    def raw(self, text: str) -> None:
        """Text for stdout exactly as it is: rules, scripts, YAML.

        Raises OutputClosedError where nobody reads it any more, and OutputFailedError where it cannot be written.
        """
        try:
            self.stdout.write(_encodable(text, self.stdout))
            self.stdout.flush()
        except BrokenPipeError as error:
            raise OutputClosedError from error
        except OSError as error:
            raise OutputFailedError(f"the answer cannot be written: {error.strerror}") from error

    def published(self, text: str, to: Path | None) -> None:
        """The same, or into a file that everybody may read, where one was named. Raises HardenError."""
        if to is None:
            self.raw(text)
        else:
            write_published(to, text)

    def table(self, columns: Sequence[Column | str], rows: Iterable[Sequence[object]], empty: str = "") -> None:
        """A table of the answer; on a terminal set by rich, elsewhere plain columns that stay on one line each.

        ``empty`` is what to say where there are no rows.
        """
        headed = [column if isinstance(column, Column) else Column(column) for column in columns]
        cells = [[_cell(value) for value in row] for row in rows]
        if not cells:
            if empty:
                self.line(empty)
            return
        self.raw(_rich_table(headed, cells, self.stdout) if is_terminal(self.stdout) else plain_table(headed, cells))

    def note(self, text: str) -> None:
        """Something beside the answer that one usually wants to hear; silenced by ``-q``."""
        if self.verbosity >= 0:
            self._say("", text)

    def detail(self, text: str) -> None:
        """Something for ``-v``."""
        if self.verbosity > 0:
            self._say("", text)

    def warning(self, text: str) -> None:
        """Something that is not an error and should be looked at; ``-q`` does not silence it."""
        self._say("warning: ", text)

    def error(self, error: HardenError) -> None:
        """What went wrong, each message as an error, then what to do about it."""
        for message in error.messages:
            self._say("error: ", message)
        for hint in error.hints:
            self._say("hint: ", hint)

    def _say(self, kind: str, text: str) -> None:
        line = f"harden: {kind}{printable(text)}\n"
        try:
            self.stderr.write(_encodable(line, self.stderr))
            self.stderr.flush()
        except BrokenPipeError:
            # Nobody listens to the remarks; the answer, and the exit status, still matter.
            return


def is_terminal(stream: TextIO) -> bool:
    """Whether a person reads the stream: a terminal that can do more than print (not ``TERM=dumb``)."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _cell(value: object) -> Cell:
    return Cell(printable(str(value)), value.tone if isinstance(value, Cell) else "plain")


def plain_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> str:
    """Columns separated by two spaces, headings in capitals, no line wrapped or cut."""
    lines = [[column.heading.upper() for column in columns], *([cell.text for cell in row] for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(columns))]
    return "".join(_plain_line(columns, line, widths) for line in lines)


def _plain_line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    set_cells = (
        cell.rjust(width) if column.justify == "right" else cell.ljust(width)
        for column, cell, width in zip(columns, cells, widths, strict=True)
    )
    return "  ".join(set_cells).rstrip() + "\n"


def _rich_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], stream: TextIO) -> str:
    # Imported here: a third of the time that a short command takes would go into it.
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(Text(column.heading), justify=column.justify, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell.text, _COLOURS[cell.tone]) for cell in row))  # Text: brackets in a name are no markup
    console = Console(file=stream, highlight=False)  # heeds NO_COLOR by itself
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def _encodable(text: str, stream: TextIO) -> str:
    """The text with what the stream's encoding lacks spelled out (``LANG=C`` and a name in Cyrillic)."""
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
