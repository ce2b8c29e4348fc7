"""What each command takes: the tables of options, from the tree of commands that ``--help`` shows."""

from collections.abc import Iterator, Mapping

from harden.manual.facts import EXIT_STATUSES
from harden.manual.tree import Command, Entry
from reference.markdown import code, table

EVERYWHERE = frozenset({"--help", "--json", "-q, --quiet", "-v, --verbose"})  # the page says it once for all
_ANSWERS = (0, 1, 2, 3)  # the others are no answers of harden's own


def options_page(root: Command) -> Iterator[str]:
    """The page of all commands with all that they take."""
    yield from (
        "# Options and arguments",
        "",
        "This page is made from the code, as `harden COMMAND --help` and `harden man` are. What the answers look like:",
        "[commands.md](commands.md).",
    )
    for leaf in root.leaves():
        yield from ("", f"## {leaf.name}", *_paragraphs(leaf), "", code(f"{leaf.name} {leaf.usage}"), "")
        yield from table(("option or argument", "means"), ((code(entry.term), entry.text) for entry in _entries(leaf)))


def shared_options(part: Command) -> Iterator[str]:
    """A table of what several commands of a part take, each option with the commands that do."""
    rows = {entry: names for entry, names in _takers(part).items() if len(names) > 1}
    cells = ((code(entry.term), ", ".join(names), entry.text) for entry, names in rows.items())
    return table(("option", "with", "means"), cells)


def exit_statuses() -> Iterator[str]:
    """A table of what the exit statuses say."""
    return table(("exit status", "means"), ((str(status), EXIT_STATUSES[status]) for status in _ANSWERS))


def _entries(command: Command) -> tuple[Entry, ...]:
    return (*command.arguments, *(entry for entry in command.options if entry.term != "--help"))


def _paragraphs(command: Command) -> Iterator[str]:
    for paragraph in command.paragraphs:
        yield from ("", paragraph)


def _takers(part: Command) -> Mapping[Entry, list[str]]:
    found: dict[Entry, list[str]] = {}
    for leaf in part.leaves():
        for entry in leaf.options:
            if entry.term not in EVERYWHERE:
                found.setdefault(entry, []).append(" ".join(leaf.path[len(part.path) :]))
    return found
