"""A command line as values: what ``--help`` says of every command, for pages that are made from it."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """An option or an argument as ``--help`` lists it: ``-o, --output FILE``, and what it is for."""

    term: str
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command or a group of them.

    ``path`` are the words that call it, ``harden`` being the first; ``usage`` is what stands behind them.
    ``paragraphs`` is its help, each paragraph on one line.
    """

    path: tuple[str, ...]
    usage: str
    paragraphs: tuple[str, ...]
    arguments: tuple[Entry, ...] = ()
    options: tuple[Entry, ...] = ()
    commands: tuple["Command", ...] = field(default=())

    @property
    def name(self) -> str:
        """``harden wg apply``."""
        return " ".join(self.path)

    def leaves(self) -> Iterator["Command"]:
        """All commands that do something, those of groups within included, in the order of ``--help``."""
        if not self.commands:
            yield self
        for command in self.commands:
            yield from command.leaves()
