"""JSON pointers (RFC 6901): how a field of an object is named, and found again. Pure."""

from collections.abc import Iterable
from typing import Any


def joined(tokens: Iterable[str | int]) -> str:
    """The pointer of a path: the names of members and the positions in lists, from the whole object inwards."""
    return "".join("/" + escaped(str(token)) for token in tokens)


def escaped(token: str) -> str:
    """One name as it stands in a pointer."""
    return token.replace("~", "~0").replace("/", "~1") if "/" in token or "~" in token else token


def tokens(pointer: str) -> list[str]:
    """The names and positions in a pointer; none for the whole object."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def entered(holder: Any, token: str) -> Any:
    """What lies one token further inwards. Raises LookupError, ValueError or TypeError where nothing does."""
    if not isinstance(holder, list):
        return holder[token]
    if not token.isdecimal():  # -1 is not the last one
        raise IndexError(token)
    return holder[int(token)]


def at(found: Any, pointer: str) -> Any:
    """What lies at a pointer. Raises LookupError, ValueError or TypeError where nothing does."""
    for token in tokens(pointer):
        found = entered(found, token)
    return found


def at_or_none(found: Any, pointer: str) -> Any:
    """What lies at a pointer; None where nothing does."""
    try:
        return at(found, pointer)
    except (LookupError, ValueError, TypeError):
        return None
