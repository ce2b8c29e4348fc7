"""One password in one place: the new one takes the old one's place right before the switch.

From then until the last consumer has the new one there is an outage. Nobody can do better with one password.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from harden.errors import HardenError
from harden_secrets.inventory.model import PasswordRules
from harden_secrets.rotate.kinds.password.accounts import made, password_of
from harden_secrets.rotate.kinds.password.trying import refused_words
from harden_secrets.rotate.kinds.refusal import refusal
from harden_secrets.rotate.rotator import Fields, Pair, Report

_AT_CUT_OVER = "nothing yet: there is one place, which changes right before the switch"
_OUTAGE = "there is one place for the password: from its change until the delivery consumers have none that is good"


class Place(Protocol):
    """Where the password is, at each of the targets."""

    @property
    def targets(self) -> Sequence[str]:
        """Their names."""
        ...

    def check(self, old: Fields) -> None:
        """Raises HardenError where the old one is not good, or cannot be told from a wrong one."""
        ...

    def set(self, target: str, now: Fields, wanted: Fields) -> None:
        """The one in ``wanted`` takes the place of the one in ``now``."""
        ...

    def test(self, target: str, fields: Fields) -> None:
        """Uses it. Raises RefusedError where it is not good, HardenError where that is not known."""
        ...

    def end_sessions(self, target: str, fields: Fields) -> str:
        """What was begun with the old one is ended: what that was, or nothing where it cannot be known."""
        ...


@dataclass(frozen=True, slots=True)
class OnePlace:
    """The rotation of such a password."""

    rules: PasswordRules
    place: Place

    @property
    def targets(self) -> Sequence[str]:
        """Those of the place."""
        return self.place.targets

    @property
    def keeps_old(self) -> bool:
        """There is one place."""
        return False

    def check(self, old: Fields) -> Report:
        """As the place does; and a word about the outage."""
        password_of(old, self.rules.field)
        self.place.check(old)
        return Report((_OUTAGE,))

    def generate(self, old: Fields) -> Fields:
        """A new password."""
        return {**old, self.rules.field: made(self.rules)}

    def install(self, target: str, pair: Pair) -> str:
        """Not yet."""
        return _AT_CUT_OVER

    def prove(self, target: str, pair: Pair) -> str:
        """Not yet."""
        return _AT_CUT_OVER

    def cut_over(self, target: str, pair: Pair) -> str:
        """The new one is set, and works; where it does not, the old one is set again."""
        if self._works(target, pair.new):
            return "the new password works already"
        self.place.set(target, pair.old, pair.new)
        try:
            self.place.test(target, pair.new)
        except HardenError as error:  # refused, or not known: consumers have the old one until the switch
            raise self._set_again(target, pair, error) from error
        return "the new password is set and works"

    def limit(self, target: str, pair: Pair, until: datetime) -> str:
        """Nothing: the old one is gone."""
        return ""

    def still_used(self, target: str, pair: Pair, since: datetime) -> str:
        """Nobody can use it."""
        return ""

    def retire(self, target: str, pair: Pair) -> str:
        """What was begun with the old one is ended."""
        self.place.test(target, pair.new)
        return self.place.end_sessions(target, pair.new) or "nothing is left of the old password: there is one place"

    def prove_refused(self, target: str, pair: Pair) -> str:
        """The old one was tried, and refused."""
        return refused_words(lambda: self.place.test(target, pair.old), f"{target}: the old password still works")

    def withdraw(self, target: str, pair: Pair) -> str:
        """The old one is in its place, and works."""
        if self._works(target, pair.old):
            return "the old password works"
        self.place.set(target, pair.new, pair.old)
        self.place.test(target, pair.old)
        return "the old password is set again and works"

    def report(self, pair: Pair) -> Report:
        """Nothing is left to do."""
        return Report()

    def _set_again(self, target: str, pair: Pair, error: HardenError) -> HardenError:
        """Puts the old one back; what to say of both."""
        said = "the new password was set and did not work;"
        try:
            with suppress(HardenError):  # it is set again where it is not known
                if self._works(target, pair.old):
                    return HardenError((f"{said} the old one works:", *error.messages), error.hints)
            self.place.set(target, pair.new, pair.old)
        except HardenError as worse:
            words = (f"{said} the old one could not be set again:", *error.messages, *worse.messages)
            return HardenError(words, (*error.hints, *worse.hints))
        return HardenError((f"{said} the old one is set again:", *error.messages), error.hints)

    def _works(self, target: str, fields: Fields) -> bool:
        return refusal(lambda: self.place.test(target, fields)) is None
