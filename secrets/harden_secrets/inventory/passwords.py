"""The section ``password`` of a secret."""

from collections.abc import Iterable, Mapping

from harden.document.shape import Fields, Shape
from harden.document.wording import quote
from harden.document.yamltree import Node
from harden_secrets.inventory.fields import needs, number, out_of_place, text, texts
from harden_secrets.inventory.model import PasswordRules, SecretEntry, SecretKind
from harden_secrets.inventory.randomness import alphabet_fault, strength_fault
from harden_secrets.inventory.terms import host_fault

PASSWORD_KEYS = (
    "alphabet",
    "length",
    "field",
    "set_command",
    "test_command",
    "database",
    "host",
    "port",
    "name",
    "users",
    "admin",
    "ca_file",
)
DATABASES = ("postgresql", "mysql")
OF_A_DATABASE = ("database", "host", "port", "name", "users", "admin", "ca_file")
BY_COMMANDS = ("set_command", "test_command")
_MADE = ("alphabet", "length", "field")
LENGTH = 32
LONGEST = 1024


def read_password(shape: Shape, node: Node) -> PasswordRules | None:
    """How it is made, given to its server and tried; None where nothing of it can be read."""
    fields = shape.fields(node, '"password"', PASSWORD_KEYS)
    if not needs(shape, node, fields, '"password"', ()):
        return None
    _check_together(shape, node, fields)
    known = shape.choice(fields["database"][1], '"database"', DATABASES) if "database" in fields else None
    rules = PasswordRules(
        alphabet=text(shape, fields, "alphabet", alphabet_fault),
        length=number(shape, fields, "length", LENGTH, LONGEST),
        field=text(shape, fields, "field") or "password",
        set_command=texts(shape, fields, "set_command"),
        test_command=texts(shape, fields, "test_command"),
        database=known or "",
        host=text(shape, fields, "host", _server_fault),
        port=number(shape, fields, "port", 0, 65535),
        name=text(shape, fields, "name", _database_name_fault),
        users=texts(shape, fields, "users", _database_name_fault),
        admin=text(shape, fields, "admin"),
        ca_file=text(shape, fields, "ca_file", _absolute_fault),
    )
    _check_strength(shape, node, rules)
    _check_users(shape, fields, rules)
    return rules


def check_passwords(shape: Shape, secrets: Mapping[str, SecretEntry]) -> None:
    """Notes what the sections ``password`` say about other parts of the inventory and is not so."""
    for entry in secrets.values():
        if entry.kind is not SecretKind.PASSWORD or entry.password is None:
            continue
        rules = entry.password
        if rules.admin and (rules.admin not in secrets or rules.admin == entry.name):
            known = "is no other secret of this inventory"
            shape.problems.add(entry.place.line, f"{quote(rules.admin)}, the admin of {quote(entry.name)}, {known}")
        if entry.rotate is not None and entry.rotate.overlap and not has_two_places(rules):
            advice = 'leave out "overlap", or give the database two "users" that take turns'
            shape.problems.add(
                entry.rotate.place.line, f"{quote(entry.name)} has one place for its password and no overlap: {advice}"
            )


def has_two_places(rules: PasswordRules) -> bool:
    """Whether old and new can be good at one time: a database with two users that take turns."""
    return len(rules.users) == 2


def _check_together(shape: Shape, node: Node, fields: Fields) -> None:
    if "database" in fields:
        out_of_place(shape, fields, "the password of a database's user", (*_MADE, *OF_A_DATABASE))
        needs(shape, node, fields, "the password of a database's user", ("host", "users"))
    else:
        out_of_place(shape, fields, 'a password without "database"', (*_MADE, *BY_COMMANDS))
        if set(BY_COMMANDS) & fields.keys():
            needs(shape, node, fields, '"password"', BY_COMMANDS)


def _check_strength(shape: Shape, node: Node, rules: PasswordRules) -> None:
    if fault := strength_fault(rules.alphabet, rules.length):
        shape.problems.add(node.line, fault)


def _check_users(shape: Shape, fields: Fields, rules: PasswordRules) -> None:
    if "users" not in fields:
        return
    line = fields["users"][1].line
    if len(rules.users) > 2 or _has_twice(rules.users):
        shape.problems.add(line, '"users" is one user, or two that take turns')
    elif has_two_places(rules) and "admin" not in fields:
        shape.problems.add(line, 'two "users" need an "admin": the secret with which the one not in use is changed')


def _has_twice(names: Iterable[str]) -> bool:
    listed = list(names)
    return len(set(listed)) != len(listed)


def _server_fault(host: str) -> str | None:
    """A host, or the absolute path of a socket or of its folder."""
    return _absolute_fault(host) if host.startswith("/") else host_fault(host)


def _absolute_fault(path: str) -> str | None:
    if path.startswith("/") and path.isprintable():
        return None
    return f"{quote(path)} is no absolute path of a file"


def _database_name_fault(name: str) -> str | None:
    """A role, user or database: any text, quoted where it is used. 63 bytes: PostgreSQL's NAMEDATALEN - 1."""
    if name.isprintable() and len(name.encode()) <= 63:
        return None
    return f"{quote(name[:80])} can be no name in a database: at most 63 bytes, all of them printable"
