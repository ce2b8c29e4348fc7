"""The section ``repository`` of a secret."""

from harden.document.shape import Shape
from harden.document.wording import quote
from harden.document.yamltree import Node
from harden_secrets.inventory.fields import needs, text, texts
from harden_secrets.inventory.model import Repository

REPOSITORY_KEYS = ("path", "branches")


def read_repository(shape: Shape, node: Node) -> Repository | None:
    """The repository, or None where it is wrong."""
    fields = shape.fields(node, '"repository"', REPOSITORY_KEYS)
    if not needs(shape, node, fields, '"repository"', ("path",)):
        return None
    return Repository(
        path=text(shape, fields, "path"),
        branches=texts(shape, fields, "branches", _branch_fault),
        place=shape.place(node),
    )


def _branch_fault(name: str) -> str | None:
    """Roughly git-check-ref-format(1); git itself is the judge of the rest."""
    if name.startswith("-") or ".." in name or any(char in name for char in " ~^:?*[\\") or not name.isprintable():
        return f"{quote(name)} can be no branch"
    return None
