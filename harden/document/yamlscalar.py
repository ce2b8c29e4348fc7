"""Text as a YAML scalar, for what harden writes into policies or shows as a line to add to one."""

import re

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*\Z")
_ADDRESS = re.compile(r"[0-9]+(?:\.[0-9]+){3}(?:/[0-9]+)?\Z")
# Words that YAML 1.1 or 1.2 takes for something else than themselves.
_WORDS = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))


def yaml_scalar(text: str) -> str:
    """The text as one scalar that means just it, to YAML 1.1 and 1.2 alike, quoted where it must be.

    What cannot be seen is escaped: control characters, line breaks of any kind, marks that turn the direction
    of text and so could make the file read otherwise than it means.
    """
    if (_PLAIN.match(text) and text.lower() not in _WORDS) or _ADDRESS.match(text):
        return text
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
