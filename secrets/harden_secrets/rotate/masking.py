"""What a program has said, without any value that it was told or could have read. Pure."""

from collections.abc import Iterable, Iterator

from harden_secrets.confidential import Confidential
from harden_secrets.encodedforms import encoded_forms

MASK = "(a value)"
LEFT_OUT = "(a line that held a part of a value)"
_PIECE = 8
_FIRST_LINES, _LAST_LINES = 3, 2  # what a program wanted to say, and what its interpreter says of an exception
_SHOWN_CHARACTERS = 300


def shown_lines(output: bytes, values: Iterable[Confidential]) -> list[str]:
    """The first and the last lines of it for a person, values masked, too long ones cut."""
    lines = [line[:_SHOWN_CHARACTERS].rstrip() for line in without_values(output, values).splitlines() if line.strip()]
    between = len(lines) - _FIRST_LINES - _LAST_LINES
    if between <= 0:
        return lines
    return [*lines[:_FIRST_LINES], f"(and {between} more lines)", *lines[-_LAST_LINES:]]


def without_values(output: bytes, values: Iterable[Confidential]) -> str:
    """The text with each value masked, whether as it is or as base64, hexadecimal, percent or UTF-16.

    A line is left out that still has eight characters in a row of a value or of its base64: a program that wraps, cuts
    or quotes what it was given has not made it harmless.
    """
    revealed = [value.reveal() for value in values if len(value)]
    forms = sorted({form for value in revealed for form in forms_of(value)}, key=len, reverse=True)
    for form in forms:
        output = output.replace(form, MASK.encode())
    lines = output.split(b"\n")
    return b"\n".join(LEFT_OUT.encode() if _has_piece(line, forms) else line for line in lines).decode(errors="replace")


def holds_value(output: bytes, values: Iterable[Confidential]) -> bool:
    """Whether there is a value in it, in any of these forms."""
    revealed = (value.reveal() for value in values if len(value))
    return any(form in output for value in revealed for form in forms_of(value))


def forms_of(value: bytes) -> Iterator[bytes]:
    """The value itself, without the line feeds around it, and what encodes it."""
    for plain in {value, value.strip()} - {b""}:
        yield plain
        yield from (form for _, form in encoded_forms(plain) if form)


def _has_piece(line: bytes, forms: Iterable[bytes]) -> bool:
    pieces = {line[at : at + _PIECE] for at in range(len(line) - _PIECE + 1)}
    return any(piece in form for form in forms for piece in pieces)
