"""Texts of others in units of systemd: as words of a command line, and as paths."""

from harden.document.wording import quote
from harden.errors import HardenError


def word(text: str) -> str:
    """One word of a command line (systemd.service(5), command lines; % is systemd.unit(5), specifiers)."""
    escaped = specifiers_escaped(text).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if any(char in escaped for char in " \t'\"\\;") else escaped


def path(text: str) -> str:
    """One item of a list of paths (systemd.exec(5), ReadWritePaths). Raises HardenError for what a line cannot hold."""
    if not text.isprintable():
        raise HardenError(f"{quote(text)}: a unit of systemd cannot name it", "name it without control characters")
    escaped = specifiers_escaped(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if any(char in escaped for char in " '\"\\") else escaped


def bound(text: str) -> str:
    """The same for BindPaths, where a colon comes between two paths."""
    return path(text.replace(":", "\\:"))


def setting(name: str, value: str) -> str:
    """A variable for Environment=."""
    escaped = specifiers_escaped(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}={escaped}"'


def specifiers_escaped(text: str) -> str:
    """The text with what systemd would replace by something else."""
    return text.replace("%", "%%")
