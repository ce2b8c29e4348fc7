"""One user of a database, as the place of a password."""

from collections.abc import Sequence
from dataclasses import dataclass

from harden_secrets.inventory.model import PasswordRules
from harden_secrets.rotate.kinds.password.accounts import Reader, admin, password_of
from harden_secrets.rotate.kinds.password.server import Account, Server
from harden_secrets.rotate.kinds.password.trying import check_login
from harden_secrets.rotate.rotator import Fields


@dataclass(frozen=True, slots=True)
class OneUser:
    """Changed by the admin or, where the inventory names none, by the user itself."""

    rules: PasswordRules
    server: Server
    target: str
    read: Reader

    @property
    def targets(self) -> Sequence[str]:
        """The server."""
        return (self.target,)

    def check(self, old: Fields) -> None:
        """The password in Vault is good, others are not, and sessions can be ended."""
        account = self._account(old)
        check_login(self.server, account)
        self.server.probe(self._by(old), account)

    def set(self, target: str, now: Fields, wanted: Fields) -> None:
        """See :class:`~harden_secrets.rotate.kinds.password.oneplace.Place`."""
        account = self._account(wanted)
        self.server.set_password(self._by(now), account.user, account.password, opening=False)

    def test(self, target: str, fields: Fields) -> None:
        """A login."""
        self.server.try_login(self._account(fields))

    def end_sessions(self, target: str, fields: Fields) -> str:
        """All that there are: the server does not say with which password one was begun."""
        return f"sessions ended: {self.server.end_sessions(self._by(fields), self.rules.users[0])}"

    def _account(self, fields: Fields) -> Account:
        return Account(self.rules.users[0], password_of(fields, self.rules.field))

    def _by(self, fields: Fields) -> Account:
        return admin(self.rules, self.read) if self.rules.admin else self._account(fields)
