"""From the inventory's bytes to an :class:`~harden_secrets.inventory.model.Inventory`, or to all that is wrong."""

from harden.document.problems import Problems
from harden.document.shape import Fields, Shape
from harden.document.yamltree import Mapping, Node, Scalar, parse
from harden_secrets.inventory.entries import read_secrets
from harden_secrets.inventory.model import Inventory
from harden_secrets.inventory.vaultsection import read_vault

TOP_KEYS = ("version", "vault", "secrets")
_NOTHING = Mapping({}, True, 1, 0, 0)


def read_inventory(data: bytes, path: str) -> Inventory:
    """The inventory in ``data``; ``path`` is for messages and places.

    Raises HardenError with every problem, each as ``path:line: …``.
    """
    problems = Problems(path)
    tree = parse(data, problems)
    shape = Shape(tree, problems)
    if not isinstance(tree.root, Mapping):
        problems.stop(tree.root.line, 'an inventory is a mapping that begins with "version: 1"')
    fields = shape.fields(tree.root, "an inventory", TOP_KEYS)
    shape.check_version(fields, tree.root.line)
    inventory = Inventory(
        path=path,
        vault=read_vault(shape, fields["vault"][1]) if "vault" in fields else None,
        secrets=read_secrets(shape, _section(fields, "secrets")),
    )
    problems.raise_if_any()
    return inventory


def _section(fields: Fields, name: str) -> Node:
    """A section's node; one that is not there or has only comments is an empty mapping."""
    node = fields[name][1] if name in fields else _NOTHING
    return _NOTHING if isinstance(node, Scalar) and node.kind == "null" else node
