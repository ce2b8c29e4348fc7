"""Rotation by a program of the user's.

A program either installs a new value beside the old one, or it has one place for both: then it has ``cut-over`` in
place of ``install``, and nothing can be proved before that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from harden.document.wording import listing, quote
from harden.errors import HardenError
from harden_secrets.rotate.kinds.command.program import REFERENCE, Program
from harden_secrets.rotate.kinds.command.protocol import Operation, Question
from harden_secrets.rotate.kinds.randomtext import random_text
from harden_secrets.rotate.rotator import Fields, Pair, Report

ONLY_FIELD = "value"
_AT_CUT_OVER = "nothing yet: it has one place, which changes at the cut-over"


@dataclass(frozen=True)
class CommandRotator:
    """Asks the program for each step. What it says is what the step has shown."""

    secret: str
    program: Program
    targets: Sequence[str]
    _one_place: dict[str, bool] = field(default_factory=dict, compare=False)

    @property
    def keeps_old(self) -> bool:
        """Where the program was seen to install beside the old value; what is not known counts as no."""
        return bool(self._one_place) and not any(self._one_place.values())

    def check(self, old: Fields) -> Report:
        """The program is there, and has nothing against a rotation."""
        self.program.find()
        found = [self.program.ask(self._about(Operation.CHECK, target, old=old)) for target in self.targets]
        return Report(tuple(answer.said for answer in found if answer is not None and answer.said))

    def generate(self, old: Fields) -> Fields:
        """What the program makes or, where it makes nothing, 32 random letters and digits for the only field."""
        answer = self.program.ask(self._about(Operation.GENERATE, old=old))
        if answer is None:
            return {_only_field(old, self.program.name): random_text()}
        if not answer.fields:
            raise HardenError(f"{self.program.name} generate answered no fields", REFERENCE)
        new = {**old, **answer.fields}
        if new == dict(old):
            raise HardenError(f"{self.program.name} generate answered what was there before")
        return new

    def install(self, target: str, pair: Pair) -> str:
        """The new value is good at the target too, unless it has one place."""
        answer = self.program.ask(self._of_pair(Operation.INSTALL, target, pair))
        self._one_place[target] = answer is None
        return _AT_CUT_OVER if answer is None else answer.said or "installed"

    def prove(self, target: str, pair: Pair) -> str:
        """The program has used the new value."""
        if self._has_one_place(target, pair):
            return _AT_CUT_OVER
        return self._proved(target, pair)

    def cut_over(self, target: str, pair: Pair) -> str:
        """The new value is in the one place, and was used there."""
        answer = self.program.ask(self._of_pair(Operation.CUT_OVER, target, pair))
        if answer is not None:
            return f"{answer.said or 'cut over'}; {self._proved(target, pair)}"
        if self._has_one_place(target, pair):
            raise HardenError(f"{self.program.name} has neither install nor cut-over", REFERENCE)
        return "nothing to cut over"

    def limit(self, target: str, pair: Pair, until: datetime) -> str:
        """What the program did so that the old value ends by itself."""
        answer = self.program.ask(self._of_pair(Operation.LIMIT, target, pair, until=until))
        return "" if answer is None else answer.said or "limited"

    def still_used(self, target: str, pair: Pair, since: datetime) -> str:
        """Who the program says uses the old value."""
        answer = self.program.ask(self._of_pair(Operation.STILL_USED, target, pair, since=since))
        return "" if answer is None else answer.said

    def retire(self, target: str, pair: Pair) -> str:
        """The new value works, and the old one was taken out."""
        self._proved(target, pair)
        question = self._of_pair(Operation.RETIRE, target, pair)
        answer = self.program.ask(question)
        if answer is not None:
            return answer.said or "retired"
        if self._has_one_place(target, pair):
            return "nothing is left of the old value: there is one place"
        raise HardenError(f"{self.program.name} does not have the operation {question.operation}", REFERENCE)

    def prove_refused(self, target: str, pair: Pair) -> str:
        """The program has tried the old value in vain."""
        return self.program.demand(self._of_pair(Operation.PROVE_REFUSED, target, pair)).said or "refused"

    def withdraw(self, target: str, pair: Pair) -> str:
        """The new value is out again. Where the program cannot do that, the old one has to work still."""
        answer = self.program.ask(self._of_pair(Operation.WITHDRAW, target, pair))
        if answer is not None:
            return answer.said or "withdrawn"
        back = Pair(pair.new, pair.old, pair.rotation, pair.began)
        return f"{self.program.name} takes nothing back; the old value: {self._proved(target, back)}"

    def report(self, pair: Pair) -> Report:
        """Nothing."""
        return Report()

    def _proved(self, target: str, pair: Pair) -> str:
        return self.program.demand(self._of_pair(Operation.PROVE, target, pair)).said or "works"

    def _has_one_place(self, target: str, pair: Pair) -> bool:
        """Known from an install of this process, or from asking for it again, which changes nothing then."""
        if target not in self._one_place:
            self.install(target, pair)
        return self._one_place[target]

    def _about(self, operation: Operation, target: str = "", *, old: Fields) -> Question:
        return Question(operation, self.secret, target, old=old)

    def _of_pair(
        self,
        operation: Operation,
        target: str,
        pair: Pair,
        until: datetime | None = None,
        since: datetime | None = None,
    ) -> Question:
        return Question(operation, self.secret, target, pair.rotation, pair.old, pair.new, until, since)


def _only_field(old: Mapping[str, object], program: str) -> str:
    if len(old) > 1:
        known = listing([quote(name) for name in sorted(old)])
        raise HardenError(
            f"which of {known} is made anew is for {program} to say: it does not have the operation generate", REFERENCE
        )
    return next(iter(old), ONLY_FIELD)
