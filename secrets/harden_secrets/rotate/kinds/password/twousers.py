"""Two users that take turns: each rotation takes the one that is not in use, so that both are good in the overlap."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from harden.document.wording import quote
from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import PasswordRules
from harden_secrets.rotate.kinds.password.accounts import USER, Reader, admin, made, password_of, user_of
from harden_secrets.rotate.kinds.password.server import Account, Server
from harden_secrets.rotate.kinds.password.trying import check_login, refused_words
from harden_secrets.rotate.rotator import Fields, Pair, Report


@dataclass(frozen=True, slots=True)
class TwoUsers:
    """The user in use is in the field ``user``, and changes with the password."""

    rules: PasswordRules
    server: Server
    target: str
    read: Reader

    @property
    def targets(self) -> Sequence[str]:
        """The server."""
        return (self.target,)

    @property
    def keeps_old(self) -> bool:
        """It is the other user's."""
        return True

    def check(self, old: Fields) -> Report:
        """That the password in Vault is good and others are not, and that the other user is there and idle."""
        now, by = self._account(old), admin(self.rules, self.read)
        other = self._other(now.user)
        check_login(self.server, now)
        if self.server.missing(by, [other]):
            raise HardenError(f"{self.target} has no user {quote(other)}", "make it, with the rights of the other one")
        self.server.probe(by, now)
        if sessions := self.server.sessions(by, other):
            raise HardenError(
                f"{quote(other)} is in use: {'; '.join(sessions)}",
                f'it would get a new password now: is {quote(now.user)} in the field "{USER}" right?',
            )
        return Report((f"{other} takes over from {now.user}; it needs the same rights",))

    def generate(self, old: Fields) -> Fields:
        """The other user, with a new password."""
        other = self._other(user_of(old, self.rules.users))
        return {**old, USER: Confidential(other.encode()), self.rules.field: made(self.rules)}

    def install(self, target: str, pair: Pair) -> str:
        """The other user gets the new password, and may log in."""
        _, new = self._both(pair)
        self.server.set_password(admin(self.rules, self.read), new.user, new.password, opening=True)
        return f"{new.user} has the new password"

    def prove(self, target: str, pair: Pair) -> str:
        """Logged in as the other user."""
        _, new = self._both(pair)
        self.server.try_login(new)
        return f"logged in as {new.user}"

    def cut_over(self, target: str, pair: Pair) -> str:
        """Nothing: both are good."""
        return ""

    def limit(self, target: str, pair: Pair, until: datetime) -> str:
        """The old user's password ends then, where the server can do that."""
        old, _ = self._both(pair)
        if self.server.expire(admin(self.rules, self.read), old.user, until):
            return f"the password of {old.user} is valid until {until:%Y-%m-%d %H:%M:%S %Z}"
        return ""

    def still_used(self, target: str, pair: Pair, since: datetime) -> str:
        """The old user's sessions."""
        old, _ = self._both(pair)
        sessions = self.server.sessions(admin(self.rules, self.read), old.user)
        return f"sessions of {old.user}: {'; '.join(sessions)}" if sessions else ""

    def retire(self, target: str, pair: Pair) -> str:
        """The old user cannot log in any more, and its sessions are ended."""
        old, new = self._both(pair)
        self.server.try_login(new)
        return self._shut(old.user)

    def prove_refused(self, target: str, pair: Pair) -> str:
        """The old user's login was refused."""
        old, _ = self._both(pair)
        return refused_words(lambda: self.server.try_login(old), f"{old.user} can still log in with the old password")

    def withdraw(self, target: str, pair: Pair) -> str:
        """The new user cannot log in; the old one can."""
        old, new = self._both(pair)
        self.server.try_login(old)
        return self._shut(new.user)

    def report(self, pair: Pair) -> Report:
        """Nothing is left to do."""
        return Report()

    def _shut(self, user: str) -> str:
        by = admin(self.rules, self.read)
        self.server.shut(by, user)
        return f"{user} may not log in and has no password; sessions ended: {self.server.end_sessions(by, user)}"

    def _other(self, user: str) -> str:
        return next(one for one in self.rules.users if one != user)

    def _account(self, fields: Fields) -> Account:
        return Account(user_of(fields, self.rules.users), password_of(fields, self.rules.field))

    def _both(self, pair: Pair) -> tuple[Account, Account]:
        old, new = self._account(pair.old), self._account(pair.new)
        if old.user == new.user:
            raise HardenError(f"old and new are both {old.user}", "abandon this rotation: the two must take turns")
        return old, new
