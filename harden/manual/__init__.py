"""Pages about the command line, made from what typer knows of it: the same source as ``--help``."""

from typing import Any

from harden.manual.reading import read
from harden.manual.roff import manual_page


def page(group: Any, version: str) -> str:
    """The manual page of a command line, as text for ``man``; parts that are not imported yet are, for it."""
    return manual_page(read(group), version)


__all__ = ["page", "read"]
