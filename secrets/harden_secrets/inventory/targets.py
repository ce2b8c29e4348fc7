"""The list ``targets`` of a secret."""

from collections.abc import Mapping as AnyMapping

from harden.document.shape import Fields, Shape
from harden.document.wording import quote
from harden.document.yamltree import Node
from harden_secrets.inventory.fields import entries, flag, needs, number, text, texts
from harden_secrets.inventory.model import Jump, SecretEntry, SecretKind, Target
from harden_secrets.inventory.terms import host_fault, host_key_fault, interface_fault, name_fault, user_fault

OF_SSH = ("jump", "authorized_keys", "login", "login_key", "sudo", "log")
TARGET_KEYS = ("host", "user", "port", "host_key", "interface", *OF_SSH)
JUMP_KEYS = ("host", "user", "port", "host_key")
LOG_WORDS = ("auto", "journal", "none")
_MOST_JUMPS = 8


def target_needs(kind: SecretKind | None) -> tuple[str, ...]:
    """What each target has to say: harden itself goes to a host only by its pinned key; to a program it is a name."""
    return ("host",) if kind in (SecretKind.PASSWORD, SecretKind.COMMAND) else ("host", "host_key")


def read_targets(shape: Shape, fields: Fields, kind: SecretKind | None) -> tuple[Target, ...]:
    """The targets among a secret's fields."""
    found = (_read_target(shape, node, target_needs(kind)) for node in entries(shape, fields, "targets"))
    return tuple(target for target in found if target is not None)


def refuse_unknown_logins(shape: Shape, secrets: AnyMapping[str, SecretEntry]) -> None:
    """A problem for each ``login_key`` that is no other SSH key of the inventory."""
    for entry in secrets.values():
        for target in entry.targets:
            other = secrets.get(target.login_key)
            line = target.place.line
            if target.login_key and other is None:
                shape.problems.add(line, f'"login_key": there is no secret {quote(target.login_key)}')
            elif other is not None and (other is entry or other.kind is not SecretKind.SSH_KEY):
                what = "is this secret itself" if other is entry else f"is of kind {other.kind}"
                shape.problems.add(
                    line, f'"login_key" must be another secret of kind ssh-key: {quote(other.name)} {what}'
                )


def _read_target(shape: Shape, node: Node, needed: tuple[str, ...]) -> Target | None:
    fields = shape.fields(node, "a target", TARGET_KEYS)
    if not needs(shape, node, fields, "a target", needed):
        return None
    return Target(
        host=text(shape, fields, "host", host_fault),
        user=text(shape, fields, "user", user_fault),
        port=number(shape, fields, "port", 22, 65535),
        host_keys=texts(shape, fields, "host_key", host_key_fault),
        interface=text(shape, fields, "interface", interface_fault),
        jump=_read_jumps(shape, fields),
        authorized_keys=text(shape, fields, "authorized_keys", _keys_file_fault),
        login=text(shape, fields, "login", user_fault),
        login_key=text(shape, fields, "login_key", name_fault),
        sudo=flag(shape, fields, "sudo"),
        log=text(shape, fields, "log", _log_fault) or "auto",
        place=shape.place(node),
    )


def _read_jumps(shape: Shape, fields: Fields) -> tuple[Jump, ...]:
    found = [_read_jump(shape, node) for node in entries(shape, fields, "jump")]
    if len(found) > _MOST_JUMPS:
        shape.problems.add(fields["jump"][1].line, f'"jump" leads over more than {_MOST_JUMPS} hosts')
    return tuple(jump for jump in found if jump is not None)


def _read_jump(shape: Shape, node: Node) -> Jump | None:
    fields = shape.fields(node, "a jump", JUMP_KEYS)
    if not needs(shape, node, fields, "a jump", ("host", "host_key")):
        return None
    return Jump(
        host=text(shape, fields, "host", host_fault),
        user=text(shape, fields, "user", user_fault),
        port=number(shape, fields, "port", 22, 65535),
        host_keys=texts(shape, fields, "host_key", host_key_fault),
    )


def _keys_file_fault(path: str) -> str | None:
    parts = path.removeprefix("/").split("/")
    if path.isprintable() and all(part not in ("", ".", "..") for part in parts):
        return None
    return f"{quote(path)} can be no authorized_keys file: write it whole, or from the home folder, without ./ and ../"


def _log_fault(text: str) -> str | None:
    if text in LOG_WORDS or (text.startswith("/") and text.isprintable()):
        return None
    return f'"log" is auto, journal, none or the path of a file, not {quote(text)}'
