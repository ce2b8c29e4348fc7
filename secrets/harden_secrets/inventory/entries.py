"""The section ``secrets``."""

from harden.document.shape import Fields, Shape
from harden.document.wording import quote
from harden.document.yamltree import Node, Scalar
from harden_secrets.inventory.deliveries import read_deliveries
from harden_secrets.inventory.fields import duration, entries, needs, number, out_of_place, text, texts
from harden_secrets.inventory.model import Delivery, Repository, Rotate, SecretEntry, SecretKind, Target, Window
from harden_secrets.inventory.paths import path_fault
from harden_secrets.inventory.spans import WINDOW_EXAMPLE, duration_text, parse_window
from harden_secrets.inventory.terms import host_fault, host_key_fault, interface_fault, name_fault, user_fault

TARGET_KEYS = ("host", "user", "port", "host_key", "interface")
REPOSITORY_KEYS = ("path", "branches")
ROTATE_KEYS = ("every", "overlap", "window", "jitter")
_ALWAYS = ("kind", "path", "description", "deliver", "rotate")
TAKES: dict[SecretKind, tuple[str, ...]] = {
    SecretKind.SSH_KEY: (*_ALWAYS, "targets"),
    SecretKind.GIT_CRYPT: (*_ALWAYS, "repository"),
    SecretKind.WIREGUARD: (*_ALWAYS, "targets"),
    SecretKind.PASSWORD: (*_ALWAYS, "targets", "command"),
    SecretKind.COMMAND: (*_ALWAYS, "targets", "command"),
    SecretKind.OPAQUE: tuple(key for key in _ALWAYS if key != "rotate"),
}
ENTRY_KEYS = (*_ALWAYS, "targets", "repository", "command")
# What a rotation cannot do without: it would make a new secret that is installed nowhere.
ROTATION_NEEDS: dict[SecretKind, tuple[str, ...]] = {
    SecretKind.SSH_KEY: ("targets",),
    SecretKind.GIT_CRYPT: ("repository",),
    SecretKind.WIREGUARD: ("targets",),
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
        path=text(shape, fields, "path", path_fault),
        deliver=read_deliveries(shape, fields),
        targets=_read_targets(shape, fields),
        repository=_read_repository(shape, fields["repository"][1]) if "repository" in fields else None,
        command=texts(shape, fields, "command"),
        rotate=_read_rotate(shape, fields["rotate"][1]) if "rotate" in fields else None,
        description=text(shape, fields, "description"),
        place=shape.place(node, key),
    )


def _read_targets(shape: Shape, fields: Fields) -> tuple[Target, ...]:
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


def _read_repository(shape: Shape, node: Node) -> Repository | None:
    fields = shape.fields(node, '"repository"', REPOSITORY_KEYS)
    if not needs(shape, node, fields, '"repository"', ("path",)):
        return None
    return Repository(text(shape, fields, "path"), texts(shape, fields, "branches", _branch_fault), shape.place(node))


def _branch_fault(name: str) -> str | None:
    """Roughly git-check-ref-format(1); git itself is the judge of the rest."""
    if name.startswith("-") or ".." in name or any(char in name for char in " ~^:?*[\\") or not name.isprintable():
        return f"{quote(name)} can be no branch"
    return None


def _read_rotate(shape: Shape, node: Node) -> Rotate | None:
    fields = shape.fields(node, '"rotate"', ROTATE_KEYS)
    if not needs(shape, node, fields, '"rotate"', ("every",)):
        return None
    every = duration(shape, fields, "every")
    if every is None:
        return None
    zero = every - every
    rotate = Rotate(
        every=every,
        overlap=duration(shape, fields, "overlap") or zero,
        window=_read_window(shape, fields["window"][1]) if "window" in fields else None,
        jitter=duration(shape, fields, "jitter") or zero,
        place=shape.place(node),
    )
    _check_spans(shape, fields, rotate)
    return rotate


def _check_spans(shape: Shape, fields: Fields, rotate: Rotate) -> None:
    every = duration_text(rotate.every)
    if not rotate.every:
        shape.problems.add(fields["every"][1].line, '"every" cannot be no time at all')
    for name, length in (("overlap", rotate.overlap), ("jitter", rotate.jitter)):
        if rotate.every and length >= rotate.every:
            message = f"{quote(name)} must be shorter than {quote('every')}, which is {every}"
            shape.problems.add(fields[name][1].line, message)
    if rotate.window is not None and rotate.jitter > rotate.window.length:
        hours = duration_text(rotate.window.length)
        shape.problems.add(fields["jitter"][1].line, f'"jitter" would leave the window, which is {hours} long')


def _read_window(shape: Shape, node: Node) -> Window | None:
    written = shape.string(node, '"window"', WINDOW_EXAMPLE)
    if written is None:
        return None
    try:
        return Window(*parse_window(written))
    except ValueError as error:
        shape.problems.add(node.line, str(error))
        return None


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
