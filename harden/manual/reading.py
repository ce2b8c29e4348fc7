"""From the command line that typer runs to values. Every word comes from where ``--help`` gets it."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from harden.manual.tree import Command, Entry


@runtime_checkable
class Imported(Protocol):
    """A group that stands for another one until somebody needs that one."""

    def imported(self) -> Any:
        """The real group."""


def read(group: Any, name: str = "harden") -> Command:
    """All that a command line has, parts that are not imported yet included. What is hidden is left out."""
    return _command(group, (name,), None)


def _command(command: Any, path: tuple[str, ...], parent: Any) -> Command:
    real = command.imported() if isinstance(command, Imported) else command
    # Without arguments most commands would refuse; nothing is run or asked for here.
    context = real.make_context(path[-1], [], parent=parent, resilient_parsing=True)
    return Command(
        path,
        " ".join(real.collect_usage_pieces(context)),
        _paragraphs(real.help or ""),
        tuple(_entries(real, context, "argument")),
        tuple(_entries(real, context, "option")),
        tuple(
            _command(inner, (*path, name), context)
            for name, inner in getattr(real, "commands", {}).items()
            if not inner.hidden
        ),
    )


def _entries(command: Any, context: Any, kind: str) -> Iterator[Entry]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if parameter.param_type_name == kind else None
        if record is not None:
            yield Entry(record[0], " ".join(record[1].split()))


def _paragraphs(text: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in text.split("\n\n") if part.strip())
