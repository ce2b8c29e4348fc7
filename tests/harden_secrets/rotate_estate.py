"""A database server with two users, and a rotation of its password, step by step."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import PasswordRules, SecretEntry, SecretKind
from harden_secrets.rotate.kinds.password import password_rotator
from harden_secrets.rotate.rotator import Fields, Pair, Rotator
from tests.harden_secrets.rotate_databases import ADMIN, DatabaseServer

USERS = ("app_a", 'app "b"\';--\\')  # a name is data
FIRST = "First0-password-of-the-tests"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Estate:
    """A server and how to speak with it, beside harden."""

    database: str
    server: DatabaseServer
    session: Callable[[DatabaseServer, str, str], Any]

    def login(self, user: str, password: str) -> Any:
        return self.session(self.server, user, password)

    def run(self, statement: str) -> None:
        session = self.login(*ADMIN)
        if self.database == "postgresql":
            session.execute_simple(statement)
        else:
            session.cursor().execute(statement)
        session.close()

    def quoted(self, user: str) -> str:
        if self.database == "postgresql":
            return '"' + user.replace('"', '""') + '"'
        return "'" + user.replace("\\", "\\\\").replace("'", "\\'") + "'@'%'"

    def make(self, user: str, password: str) -> None:
        name = self.quoted(user)
        if self.database == "postgresql":
            self.run(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
        else:
            self.run(f"CREATE USER {name} IDENTIFIED BY '{password}'")

    def drop(self, user: str) -> None:
        what = "ROLE" if self.database == "postgresql" else "USER"
        self.run(f"DROP {what} IF EXISTS {self.quoted(user)}")

    def prepare(self) -> None:
        """The first user in use, and the second one without a password that anybody knows."""
        for user in USERS:
            self.drop(user)
        self.make(USERS[0], FIRST)
        self.make(USERS[1], "Nobody-knows-this-1")

    def rotator(self, seconds: int = 10, **more: Any) -> Rotator:
        rules = PasswordRules(
            database=self.database, host="127.0.0.1", port=self.server.port, users=USERS, admin="db-admin"
        )
        entry = SecretEntry(
            "shop",
            SecretKind.PASSWORD,
            "apps/shop",
            password=replace(rules, **more),
            timeout=timedelta(seconds=seconds),
        )
        return password_rotator(entry, read_admin)


def read_admin(name: str) -> Fields:
    assert name == "db-admin"
    return fields(user=ADMIN[0], password=ADMIN[1])


def fields(**texts: str) -> Fields:
    return {name: Confidential(text.encode()) for name, text in texts.items()}


def text(held: Fields, name: str) -> str:
    return held[name].reveal().decode()


OLD = fields(user=USERS[0], password=FIRST, url="db.example.org")


def begin(rotator: Rotator, old: Fields = OLD) -> Pair:
    """Up to the moment at which nothing but Vault knows the new password."""
    rotator.check(old)
    return Pair(old, rotator.generate(old), "0123456789ab", NOW)


def carry_on(rotator: Rotator, pair: Pair, times: int = 1) -> list[str]:
    """All that the machine asks for, each ``times`` times; what the last of each said."""
    (target,) = rotator.targets
    said = []
    for step in (
        lambda: rotator.install(target, pair),
        lambda: rotator.prove(target, pair),
        lambda: rotator.cut_over(target, pair),
        lambda: rotator.limit(target, pair, datetime.now(UTC) + timedelta(hours=1)),
        lambda: rotator.still_used(target, pair, NOW),
        lambda: rotator.retire(target, pair),
        lambda: rotator.prove_refused(target, pair),
    ):
        for _ in range(times):
            words = step()
        said.append(words)
    return said


def goes_in(estate: Estate, held: Mapping[str, Confidential]) -> bool:
    try:
        estate.login(text(held, "user"), text(held, "password")).close()
    except Exception as error:
        if not any(word in str(error) for word in ("password", "denied", "locked", "not permitted")):
            raise
        return False
    return True
