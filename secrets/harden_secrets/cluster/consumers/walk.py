"""Walking over objects that may hold anything: what has the wrong type is passed over, what is too deep left out."""

from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str | int, ...]
DEEPEST = 64


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def entries(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The mappings in a list, with their positions."""
    if isinstance(value, list):
        yield from ((at, one) for at, one in enumerate(value) if isinstance(one, Mapping))


def text(value: Any) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> int | None:
    """The value if it is a number that counts something."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def at(value: Any, *path: str) -> Any:
    """What lies at a path of members; None where there is nothing."""
    for part in path:
        value = mapping(value).get(part)
    return value


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """All texts below a value."""
    if isinstance(value, str):
        yield path, value
    elif len(path) < DEEPEST and isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(inner, (*path, str(name)))
    elif len(path) < DEEPEST and isinstance(value, list):
        for position, inner in enumerate(value):
            yield from leaves(inner, (*path, position))
