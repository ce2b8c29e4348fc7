"""What has to come of trying a password: before a rotation, and at its end."""

from collections.abc import Callable

from harden.errors import HardenError
from harden_secrets.inventory.model import PasswordRules
from harden_secrets.rotate.kinds.password.accounts import made
from harden_secrets.rotate.kinds.password.server import Account, Server
from harden_secrets.rotate.kinds.refusal import refusal


def check_stored(attempt: Callable[[], None]) -> None:
    """Raises HardenError unless the password in Vault, which the attempt uses, is good."""
    if refused := refusal(attempt):
        raise HardenError(
            ("the password in Vault is not good now:", *refused.messages),
            "store the one that is good before it is rotated",
        ) from refused


def check_login(server: Server, account: Account) -> None:
    """Raises HardenError unless the account's password is good, and one that is not is refused."""
    check_stored(lambda: server.try_login(account))
    if refusal(lambda: server.try_login(Account(account.user, made(PasswordRules())))) is None:
        raise HardenError(
            f"{account.user} gets in with any password: nothing could ever be proved refused",
            'the server does not ask for one; of PostgreSQL that is "trust" in pg_hba.conf',
        )


def refused_words(attempt: Callable[[], None], let_in: str) -> str:
    """What was said to the old password, which the attempt uses. Raises HardenError, ``let_in``, where it is good."""
    refused = refusal(attempt)
    if refused is None:
        raise HardenError(let_in)
    return f"refused: {refused.messages[0]}"
