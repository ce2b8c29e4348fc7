"""An object as the API server gives it, as a tree. There is no text, so nothing has a place in one."""

from collections.abc import Mapping as AnyMapping
from typing import Any

from harden_secrets.documents.tree import Mapping, Node, Scalar, Sequence


def tree(value: Any, nesting: int) -> Node:
    """The tree of decoded JSON. What lies deeper than ``nesting`` is left out."""
    if isinstance(value, AnyMapping):
        items = value.items() if nesting > 0 else ()
        return Mapping([(str(key), tree(item, nesting - 1)) for key, item in items])
    if isinstance(value, list | tuple):
        return Sequence([tree(item, nesting - 1) for item in value] if nesting > 0 else [])
    if isinstance(value, str):
        return Scalar(value.encode("utf-8", "surrogatepass"), lined=True)
    return Scalar(b"" if value is None else str(value).lower().encode())
