"""The list ``deliver`` of a secret."""

from collections.abc import Mapping as Dictionary
from typing import get_args

from harden.document.shape import Fields, Shape
from harden.document.wording import quote
from harden.document.yamltree import Mapping, Node, Scalar
from harden_secrets.inventory.fields import duration, entries, flag, needs, out_of_place, text, texts
from harden_secrets.inventory.model import DeliverTo, Delivery, Form, KeySource
from harden_secrets.inventory.terms import key_fault, mode_of, namespace_fault, object_fault, type_fault, user_fault

STORE_KINDS = ("SecretStore", "ClusterSecretStore")
SOURCE_KEYS = ("field", "form")
FORMS: tuple[Form, ...] = get_args(Form)

_SECRET = ("to", "namespace", "secret", "type", "keys", "restart")
TAKES: Dictionary[DeliverTo, tuple[str, ...]] = {
    "direct": _SECRET,
    "vault-secrets-operator": (*_SECRET, "auth", "refresh"),
    "external-secrets": (*_SECRET, "store", "store_kind", "refresh"),
    "file": ("to", "path", "keys", "mode", "owner", "group", "reload"),
}
NEEDS: Dictionary[DeliverTo, tuple[str, ...]] = {
    "direct": ("namespace", "secret"),
    "vault-secrets-operator": ("namespace", "secret"),
    "external-secrets": ("namespace", "secret", "store"),
    "file": ("path",),
}
DELIVERY_KEYS = tuple(dict.fromkeys(key for keys in TAKES.values() for key in keys))


def read_deliveries(shape: Shape, fields: Fields) -> tuple[Delivery, ...]:
    """The deliveries among a secret's fields."""
    found = (_read_delivery(shape, node) for node in entries(shape, fields, "deliver"))
    deliveries = tuple(delivery for delivery in found if delivery is not None)
    _refuse_clashes(shape, deliveries)
    return deliveries


def _read_delivery(shape: Shape, node: Node) -> Delivery | None:
    fields = shape.fields(node, "a delivery", DELIVERY_KEYS)
    if not needs(shape, node, fields, "a delivery", ("to",)):
        return None
    words: tuple[DeliverTo, ...] = get_args(DeliverTo)
    word = shape.choice(fields["to"][1], '"to"', words)
    to = next((one for one in words if one == word), None)
    if to is None:
        return None
    what = f"a delivery to {to}"
    out_of_place(shape, fields, what, TAKES[to])
    if not needs(shape, node, fields, what, NEEDS[to]):
        return None
    return Delivery(
        to=to,
        namespace=text(shape, fields, "namespace", namespace_fault),
        secret=text(shape, fields, "secret", object_fault),
        type=text(shape, fields, "type", type_fault) or "Opaque",
        keys=_read_keys(shape, fields, to),
        path=text(shape, fields, "path", _file_fault),
        mode=_read_mode(shape, fields),
        owner=text(shape, fields, "owner", user_fault),
        group=text(shape, fields, "group", user_fault),
        auth=text(shape, fields, "auth", object_fault),
        store=text(shape, fields, "store", object_fault),
        store_kind=_store_kind(shape, fields),
        refresh=duration(shape, fields, "refresh"),
        restart=flag(shape, fields, "restart"),
        reload=_read_reload(shape, fields),
        place=shape.place(node),
    )


def _read_keys(shape: Shape, fields: Fields, to: DeliverTo) -> dict[str, KeySource]:
    if "keys" not in fields:
        return {}
    node = fields["keys"][1]
    found: dict[str, KeySource] = {}
    for name, (key, value) in shape.pairs(node, '"keys"').items():
        if to != "file" and (fault := key_fault(name)):
            shape.problems.add(key.line, fault)
            continue
        source = _read_source(shape, value)
        if source is not None:
            found[name] = source
    if to == "file" and len(found) > 1:
        shape.problems.add(node.line, "a file holds one field: make a delivery for each file")
    return found


def _read_source(shape: Shape, node: Node) -> KeySource | None:
    """A field's name, or a mapping that says also in which form it is wanted."""
    if isinstance(node, Scalar):
        name = shape.string(node, "the field of a key")
        return None if name is None else KeySource(name)
    fields = shape.fields(node, "the source of a key", SOURCE_KEYS)
    if not isinstance(node, Mapping) or not needs(shape, node, fields, "the source of a key", ("field",)):
        return None
    name = text(shape, fields, "field")
    word = shape.choice(fields["form"][1], '"form"', FORMS) if "form" in fields else "raw"
    form = next((one for one in FORMS if one == word), None)
    return KeySource(name, form) if name and form else None


def _read_mode(shape: Shape, fields: Fields) -> int:
    if "mode" not in fields:
        return 0o600
    node = fields["mode"][1]
    written = node.value if isinstance(node, Scalar) else ""
    try:
        # With or without quotes: YAML 1.2 knows no octal numbers, so what stands there is meant.
        return mode_of(written)
    except ValueError as error:
        shape.problems.add(node.line, str(error))
        return 0o600


def _read_reload(shape: Shape, fields: Fields) -> tuple[str, ...]:
    """A program and its arguments. Nothing takes a command line apart, so one that is written as one is a mistake."""
    node = fields["reload"][1] if "reload" in fields else None
    if isinstance(node, Scalar) and any(char.isspace() for char in node.value.strip()):
        example = "[systemctl, reload, nginx]"
        shape.problems.add(node.line, f'"reload" must be a list, the program first: {example}')
        return ()
    return texts(shape, fields, "reload")


def _store_kind(shape: Shape, fields: Fields) -> str:
    if "store_kind" not in fields:
        return STORE_KINDS[0]
    return shape.choice(fields["store_kind"][1], '"store_kind"', STORE_KINDS) or STORE_KINDS[0]


def _file_fault(path: str) -> str | None:
    if path.startswith("/") and path.isprintable() and "/../" not in f"{path}/" and not path.endswith("/"):
        return None
    return f"{quote(path)} is no absolute path of a file"


def _refuse_clashes(shape: Shape, deliveries: tuple[Delivery, ...]) -> None:
    """Two deliveries of one secret to one place would undo each other."""
    seen: dict[tuple[str, str, str], int] = {}
    for delivery in deliveries:
        where = (delivery.namespace, delivery.secret, delivery.path)
        if where in seen:
            name = delivery.path or f"{delivery.namespace}/{delivery.secret}"
            shape.problems.add(delivery.place.line, f"{quote(name)} is delivered in line {seen[where]} already")
        seen.setdefault(where, delivery.place.line)
