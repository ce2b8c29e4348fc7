"""A program of the user's that speaks the protocol."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from harden.document.wording import quote
from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.environment import is_there
from harden_secrets.rotate.kinds.command.calling import Ending, call
from harden_secrets.rotate.kinds.command.protocol import (
    DONE,
    LATER,
    NOT_THERE,
    REFUSED,
    Answer,
    Question,
    parse_answer,
)
from harden_secrets.rotate.kinds.refusal import RefusedError
from harden_secrets.rotate.masking import shown_lines

REFERENCE = "docs/reference/rotation-command.md says what it is asked and how it answers"


@dataclass(frozen=True, slots=True)
class Program:
    """Its argument list, and the longest that a call may take. Nothing that it says is passed on with a value in it.

    ``started`` hears of the session of each call, ``ended`` of how it ended.
    """

    arguments: Sequence[str]
    timeout: timedelta
    started: Callable[[int], None] | None = None
    ended: Callable[[Question, Ending], None] | None = None

    @property
    def name(self) -> str:
        """For messages."""
        return quote(self.arguments[0])

    def find(self) -> None:
        """Raises HardenError where there is no such program."""
        if not is_there(self.arguments[0]):
            raise HardenError(f"there is no program {self.name}", "name it with its absolute path in the inventory")

    def demand(self, question: Question) -> Answer:
        """The answer to something that the program has to be able to do."""
        answer = self.ask(question)
        if answer is None:
            raise HardenError(f"{self.name} does not have the operation {question.operation}", REFERENCE)
        return answer

    def ask(self, question: Question) -> Answer | None:
        """The answer; None: it does not have this operation. Raises HardenError for everything else."""
        values = [*question.old.values(), *question.new.values()]
        ending = call(self.arguments, question.document(), self.timeout.total_seconds(), self.started)
        if self.ended is not None:
            self.ended(question, ending)
        if ending.status == NOT_THERE:
            return None
        if ending.status != DONE:
            raise self._failure(question, ending, values)
        try:
            answer = parse_answer(ending.stdout)
        except ValueError as error:
            raise HardenError(f"{self._what(question)}: {error}", REFERENCE) from None
        return Answer(answer.fields, " ".join(shown_lines(answer.said.encode(errors="replace"), values)))

    def _failure(self, question: Question, ending: Ending, values: Iterable[Confidential]) -> HardenError:
        lines = shown_lines(ending.stderr, values) or ["it said nothing on stderr"]
        what = self._what(question)
        if ending.status == LATER:
            return HardenError([f"{what} is to be tried again later:", *lines])
        if ending.status == REFUSED:
            return RefusedError([f"{what}: {lines[0]}", *lines[1:]])
        how = f"was ended by signal {-ending.status}" if ending.status < 0 else f"failed with status {ending.status}"
        return HardenError([f"{what} {how}:", *lines], REFERENCE)

    def _what(self, question: Question) -> str:
        where = f" for {question.target}" if question.target else ""
        return f"{self.name} {question.operation}{where}"
