"""Two programs of the user's, ``set_command`` and ``test_command``, as the place of a password.

They are asked as docs/reference/rotation-command.md says, for the operations ``set`` and ``test``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from harden.errors import HardenError
from harden_secrets.inventory.model import PasswordRules
from harden_secrets.rotate.kinds.command.program import REFERENCE, Program
from harden_secrets.rotate.kinds.command.protocol import Question
from harden_secrets.rotate.kinds.password.accounts import made
from harden_secrets.rotate.kinds.password.trying import check_stored
from harden_secrets.rotate.kinds.refusal import refusal
from harden_secrets.rotate.rotator import Fields

SET = "set"
TEST = "test"


@dataclass(frozen=True, slots=True)
class ByCommands:
    """``setting`` puts ``new`` where ``old`` was; ``testing`` uses ``new``, and ends with 77 where it is refused."""

    rules: PasswordRules
    secret: str
    setting: Program
    testing: Program
    targets: Sequence[str]

    def check(self, old: Fields) -> None:
        """The programs are there, and testing tells the password from a wrong one."""
        self.setting.find()
        self.testing.find()
        for target in self.targets:
            check_stored(partial(self.test, target, old))
            if refusal(partial(self.test, target, {**old, self.rules.field: made(self.rules)})) is None:
                raise HardenError(f"{self.testing.name} test says that a made-up password works", REFERENCE)

    def set(self, target: str, now: Fields, wanted: Fields) -> None:
        """See :class:`~harden_secrets.rotate.kinds.password.oneplace.Place`."""
        self.setting.demand(Question(SET, self.secret, target, old=now, new=wanted))

    def test(self, target: str, fields: Fields) -> None:
        """By the program."""
        self.testing.demand(Question(TEST, self.secret, target, new=fields))

    def end_sessions(self, target: str, fields: Fields) -> str:
        """That is not for these programs: ``command`` has an operation for it."""
        return ""
