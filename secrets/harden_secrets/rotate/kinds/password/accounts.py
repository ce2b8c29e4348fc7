"""The accounts that fields in Vault stand for."""

from collections.abc import Callable

from harden.document.wording import quote
from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.model import PasswordRules
from harden_secrets.rotate.kinds.password.server import Account
from harden_secrets.rotate.kinds.randomtext import random_text
from harden_secrets.rotate.rotator import Fields

USER = "user"
ADMIN_PASSWORD = "password"  # noqa: S105 - a field's name

Reader = Callable[[str], Fields]
"""The fields of another secret of the inventory, by its name there."""


def password_of(fields: Fields, field: str) -> Confidential:
    """Raises HardenError where there is none."""
    if field not in fields or not len(fields[field]):
        hint = "store the one that is in use before it is rotated"
        raise HardenError(f"there is no field {quote(field)} with a password in Vault", hint)
    return fields[field]


def user_of(fields: Fields, users: tuple[str, ...]) -> str:
    """Which of the two is in use. Raises HardenError where the field does not say."""
    known = " or ".join(quote(user) for user in users)
    if USER not in fields:
        raise HardenError(f'there is no field "{USER}" in Vault', f"store {known} in it: whose password is in use")
    user = fields[USER].reveal().decode(errors="replace").strip()
    if user not in users:
        raise HardenError(f'the field "{USER}" in Vault holds none of the users in the inventory', f"it is {known}")
    return user


def admin(rules: PasswordRules, read: Reader) -> Account:
    """The account in the secret ``admin``: its fields ``user`` and ``password``."""
    fields = read(rules.admin)
    if missing := [quote(name) for name in (USER, ADMIN_PASSWORD) if name not in fields]:
        raise HardenError(f"{quote(rules.admin)} in Vault has no field {' and no field '.join(missing)}")
    return Account(fields[USER].reveal().decode(errors="replace").strip(), fields[ADMIN_PASSWORD])


def made(rules: PasswordRules) -> Confidential:
    """A new password by the rules."""
    return random_text(rules.alphabet, rules.length)
