"""Passwords: made at random, set in a database or by a program, proved by logging in."""

from harden.document.wording import quote
from harden.errors import HardenError
from harden_secrets.inventory.model import PasswordRules, SecretEntry
from harden_secrets.inventory.passwords import has_two_places
from harden_secrets.rotate.kinds.command.program import Program
from harden_secrets.rotate.kinds.password import mysql, postgresql
from harden_secrets.rotate.kinds.password.accounts import Reader
from harden_secrets.rotate.kinds.password.bycommands import ByCommands
from harden_secrets.rotate.kinds.password.oneplace import OnePlace
from harden_secrets.rotate.kinds.password.oneuser import OneUser
from harden_secrets.rotate.kinds.password.server import Endpoint, Server
from harden_secrets.rotate.kinds.password.twousers import TwoUsers
from harden_secrets.rotate.kinds.targetnames import target_names
from harden_secrets.rotate.rotator import Rotator

__all__ = ["password_rotator"]

ONLY_TARGET = "password"
_PORTS = {"postgresql": postgresql.PORT, "mysql": mysql.PORT}


def password_rotator(entry: SecretEntry, secret: Reader) -> Rotator:
    """The rotator of an entry of kind ``password``. ``secret`` gives the fields of another secret of the inventory.

    Raises HardenError where the library for the database is not installed, or the entry says nothing of how to set it.
    """
    rules = entry.password
    if rules is None or not (rules.database or rules.set_command):
        hint = "give it a database, or set_command and test_command"
        raise HardenError(f"{entry.place}: {quote(entry.name)} does not say how its password is set", hint)
    if not rules.database:
        setting, testing = (Program(command, entry.timeout) for command in (rules.set_command, rules.test_command))
        targets = target_names(entry) or (ONLY_TARGET,)
        return OnePlace(rules, ByCommands(rules, entry.name, setting, testing, targets))
    endpoint = _endpoint(rules, entry.timeout.total_seconds())
    server = _server(endpoint)
    if has_two_places(rules):
        return TwoUsers(rules, server, str(endpoint), secret)
    return OnePlace(rules, OneUser(rules, server, str(endpoint), secret))


def _endpoint(rules: PasswordRules, seconds: float) -> Endpoint:
    port = rules.port or _PORTS[rules.database]
    return Endpoint(rules.database, rules.host, port, rules.name, rules.ca_file, seconds)


def _server(endpoint: Endpoint) -> Server:
    return postgresql.PostgreSql(endpoint) if endpoint.database == "postgresql" else mysql.MySql(endpoint)
