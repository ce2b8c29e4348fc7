"""The section ``secrets``."""

from harden.document.shape import Shape
from harden.document.wording import quote
from harden.document.yamltree import Node, Scalar
from harden_secrets.inventory.deliveries import read_deliveries
from harden_secrets.inventory.fields import duration, needs, out_of_place, text, texts
from harden_secrets.inventory.model import DEFAULT_TIMEOUT, Delivery, SecretEntry, SecretKind
from harden_secrets.inventory.passwords import check_passwords, read_password
from harden_secrets.inventory.paths import secret_path_fault
from harden_secrets.inventory.repositories import read_repository
from harden_secrets.inventory.rotating import read_rotate
from harden_secrets.inventory.targets import read_targets, refuse_unknown_logins
from harden_secrets.inventory.terms import name_fault

_ALWAYS = ("kind", "path", "description", "deliver", "rotate")
TAKES: dict[SecretKind, tuple[str, ...]] = {
    SecretKind.SSH_KEY: (*_ALWAYS, "targets"),
    SecretKind.GIT_CRYPT: (*_ALWAYS, "repository"),
    SecretKind.WIREGUARD: (*_ALWAYS, "targets"),
    SecretKind.PASSWORD: (*_ALWAYS, "targets", "password", "timeout"),
    SecretKind.COMMAND: (*_ALWAYS, "targets", "command", "timeout"),
    SecretKind.OPAQUE: tuple(key for key in _ALWAYS if key != "rotate"),
}
ENTRY_KEYS = (*_ALWAYS, "targets", "repository", "command", "password", "timeout")
# What a rotation cannot do without: it would make a new secret that is installed nowhere.
ROTATION_NEEDS: dict[SecretKind, tuple[str, ...]] = {
    SecretKind.SSH_KEY: ("targets",),
    SecretKind.GIT_CRYPT: ("repository",),
    SecretKind.WIREGUARD: ("targets",),
    SecretKind.PASSWORD: ("password",),
    SecretKind.COMMAND: ("command",),
}


def read_secrets(shape: Shape, node: Node) -> dict[str, SecretEntry]:
    """The secrets by name; what is wrong with them goes to the shape's problems."""
    found: dict[str, SecretEntry] = {}
    for name, (key, value) in shape.pairs(node, '"secrets"').items():
        if fault := name_fault(name):
            shape.problems.add(key.line, fault)
        entry = _read_entry(shape, name, key, value)
        if entry is not None:
            found[name] = entry
    _refuse_shared(shape, found)
    refuse_unknown_logins(shape, found)
    check_passwords(shape, found)
    return found


def _read_entry(shape: Shape, name: str, key: Scalar, node: Node) -> SecretEntry | None:
    what = f"secret {quote(name)}"
    fields = shape.fields(node, what, ENTRY_KEYS)
    if not needs(shape, node, fields, what, ("kind", "path")):
        return None
    word = shape.choice(fields["kind"][1], '"kind"', list(SecretKind))
    kind = SecretKind(word) if word is not None else None
    if kind is not None:
        out_of_place(shape, fields, f"a secret of kind {kind}", TAKES[kind])
    if kind is not None and "rotate" in fields:
        needs(shape, node, fields, f"the rotation of a secret of kind {kind}", ROTATION_NEEDS.get(kind, ()))
    return SecretEntry(
        name=name,
        kind=kind or SecretKind.OPAQUE,
        path=text(shape, fields, "path", secret_path_fault),
        deliver=read_deliveries(shape, fields),
        targets=read_targets(shape, fields, kind),
        repository=read_repository(shape, fields["repository"][1]) if "repository" in fields else None,
        command=texts(shape, fields, "command"),
        timeout=duration(shape, fields, "timeout") or DEFAULT_TIMEOUT,
        password=read_password(shape, fields["password"][1]) if "password" in fields else None,
        rotate=read_rotate(shape, fields["rotate"][1]) if "rotate" in fields else None,
        description=text(shape, fields, "description"),
        place=shape.place(node, key),
    )


def _refuse_shared(shape: Shape, secrets: dict[str, SecretEntry]) -> None:
    """Two secrets at one path, or delivered to one place, would overwrite each other."""
    paths: dict[str, SecretEntry] = {}
    places: dict[tuple[str, ...], SecretEntry] = {}
    for entry in secrets.values():
        other = paths.setdefault(entry.path, entry)
        if other is not entry and entry.path:
            message = f"{quote(entry.name)} and {quote(other.name)} have the same path {quote(entry.path)}"
            shape.problems.add(entry.place.line, message)
        for delivery in entry.deliver:
            _refuse_shared_keys(shape, entry, delivery, places)


def _refuse_shared_keys(
    shape: Shape, entry: SecretEntry, delivery: Delivery, places: dict[tuple[str, ...], SecretEntry]
) -> None:
    for key in delivery.keys or ("",):
        where = (delivery.path,) if delivery.to == "file" else (delivery.namespace, delivery.secret, key)
        other = places.setdefault(where, entry)
        if other is not entry and all(where):
            name = delivery.path or f"{delivery.namespace}/{delivery.secret} ({key})"
            message = f"{quote(name)} is also where {quote(other.name)} is delivered"
            shape.problems.add(delivery.place.line, message)
