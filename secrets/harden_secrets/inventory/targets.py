"""The list ``targets`` of a secret."""

from harden.document.shape import Fields, Shape
from harden.document.yamltree import Node
from harden_secrets.inventory.fields import entries, needs, number, text, texts
from harden_secrets.inventory.model import Target
from harden_secrets.inventory.terms import host_fault, host_key_fault, interface_fault, user_fault

TARGET_KEYS = ("host", "user", "port", "host_key", "interface")


def read_targets(shape: Shape, fields: Fields) -> tuple[Target, ...]:
    """The targets among a secret's fields."""
    found = (_read_target(shape, node) for node in entries(shape, fields, "targets"))
    return tuple(target for target in found if target is not None)


def _read_target(shape: Shape, node: Node) -> Target | None:
    fields = shape.fields(node, "a target", TARGET_KEYS)
    if not needs(shape, node, fields, "a target", ("host", "host_key")):
        return None
    return Target(
        host=text(shape, fields, "host", host_fault),
        user=text(shape, fields, "user", user_fault),
        port=number(shape, fields, "port", 22, 65535),
        host_keys=texts(shape, fields, "host_key", host_key_fault),
        interface=text(shape, fields, "interface", interface_fault),
        place=shape.place(node),
    )
