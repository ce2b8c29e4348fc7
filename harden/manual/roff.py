"""A command line as a manual page: text with the requests of man(7), which groff and mandoc both set."""

import re
from collections.abc import Iterable, Iterator, Mapping

from harden.manual.facts import EXIT_STATUSES, FILES, VARIABLES
from harden.manual.tree import Command, Entry

# Characters that roff acts on, or that its output devices would replace by typographical ones (groff_char(7)).
_ESCAPES = {"\\": r"\(rs", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
_CODE = re.compile(r"`([^`]+)`")
_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def manual_page(command: Command, version: str) -> str:
    """The page of a whole command line, in section 1. The same command and version give the same text."""
    return "\n".join(_lines(command, version)) + "\n"


def _lines(command: Command, version: str) -> Iterator[str]:
    # No date: the page changes with the version and with nothing else.
    yield f'.TH {_plain(command.name.upper())} 1 "" "{_plain(f"{command.name} {version}")}" "User Commands"'
    summary, *more = command.paragraphs
    yield from (".SH NAME", rf"{_plain(command.name)} \- {_text(summary.rstrip('.'))}")
    yield from (".SH SYNOPSIS", _call(command))
    yield from (".SH DESCRIPTION", _text(summary))
    yield from _paragraphs(more)
    yield from _list((f"`{inner.name}`", inner.paragraphs[0]) for inner in command.commands)
    yield from _section("OPTIONS", ((_term(entry), entry.text) for entry in command.options))
    for inner in command.commands:
        yield from _part(inner)
    yield from _section("EXIT STATUS", ((str(status), meaning) for status, meaning in EXIT_STATUSES.items()))
    yield from _section("ENVIRONMENT", _bold_terms(VARIABLES))
    yield from _section("FILES", _bold_terms(FILES))


def _part(command: Command) -> Iterator[str]:
    """A section for a part with its commands, or for a command that is in none."""
    yield f'.SH "{_plain(command.name.upper())}"'
    yield from _body(command)
    for leaf in command.leaves():
        if leaf is not command:
            yield f'.SS "{_plain(leaf.name)}"'
            yield from _body(leaf)


def _body(command: Command) -> Iterator[str]:
    yield _call(command)
    yield from _paragraphs(command.paragraphs)
    yield from _list((_term(entry), entry.text) for entry in (*command.arguments, *command.options))


def _call(command: Command) -> str:
    return rf"\fB{_plain(command.name)}\fR {_plain(command.usage)}"


def _section(title: str, entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    yield f'.SH "{title}"'
    yield from _list(entries)


def _list(entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, text in entries:
        yield from (".TP", term if term.startswith("\\") else _text(term), _text(text))


def _bold_terms(meanings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((f"`{term}`", meaning) for term, meaning in meanings.items())


def _paragraphs(paragraphs: Iterable[str]) -> Iterator[str]:
    for paragraph in paragraphs:
        yield from (".PP", _text(paragraph))


def _term(entry: Entry) -> str:
    r"""Names of options in bold, the rest in italics: ``\fB\-o\fR, \fB\-\-output\fR \fIFILE\fR``."""
    names, last = [], 0
    for found in _OPTION.finditer(entry.term):
        names.append(rf"\fB{_plain(found.group())}\fR")
        last = found.end()
    value = entry.term[last:].strip()
    return r"\&" + ", ".join(names) + (" " if names and value else "") + (rf"\fI{_plain(value)}\fR" if value else "")


def _text(text: str) -> str:
    """A line of prose: what stands between backticks in bold, nothing in it a request."""
    pieces = _CODE.split(text)  # prose and code in turns
    line = "".join(rf"\fB{_plain(piece)}\fR" if at % 2 else _plain(piece) for at, piece in enumerate(pieces))
    return rf"\&{line}" if line.startswith(".") else line


def _plain(text: str) -> str:
    return "".join(_character(character) for character in text)


def _character(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    # By its number, so that the page is set alike whatever encoding the program that sets it expects.
    return character if character.isascii() else rf"\[u{ord(character):04X}]"
