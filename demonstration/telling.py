"""How a story is told: titles, sentences, commands with what they said, and a difference that nobody overlooks."""

from collections.abc import Sequence

from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.text import Text

from demonstration.harden_command import Said
from harden.errors import HardenError


class DifferenceError(HardenError):
    """Reality is not what harden says."""


class Telling:
    """What every story has. ``promised`` is what reality is held to: "the policy"."""

    promised = ""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, text: str, style: str = "") -> None:
        """A sentence or two of narration."""
        self.console.print(Text(text, style=style))

    def title(self, text: str) -> None:
        """The beginning of an act."""
        self.console.print()
        self.console.print(Rule(Text(text, style="bold"), align="left", style="cyan"))

    def show(self, said: Said) -> None:
        """A command and what it said."""
        self.console.print()
        self.console.print(Text.assemble(("$ ", "dim"), (said.command, "bold cyan")))
        if said.output:
            self.console.print(Text(said.output))

    def insist(self, failures: Sequence[str]) -> None:
        """Nothing, where there are no failures; otherwise say so loudly and raise DifferenceError."""
        if not failures:
            return
        title = f"REALITY DIFFERS FROM {self.promised.upper()}"
        self.console.print(Panel(Text("\n".join(failures)), title=title, style="bold red"))
        raise DifferenceError([f"reality differs from {self.promised}", *failures])
