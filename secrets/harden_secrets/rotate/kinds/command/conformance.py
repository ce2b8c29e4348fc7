"""Whether a program keeps to the protocol: the whole of it is gone through with made-up values.

Three rotations: one as it should be, with each operation asked for twice; one that is cut off in the middle of
installing and of being withdrawn; one that is cut off while the old value is retired. In between, the program must not
call anything good that is not, nor refused that is good: a proof that cannot fail proves nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.command.calling import Ending, TimeOverError
from harden_secrets.rotate.kinds.command.program import Program
from harden_secrets.rotate.kinds.command.protocol import Answer, Operation, Question
from harden_secrets.rotate.kinds.command.watching import Watch
from harden_secrets.rotate.kinds.randomtext import random_text
from harden_secrets.rotate.masking import holds_value
from harden_secrets.rotate.rotator import Fields

SHORTEST_VALUE = 12  # bytes: what is shorter may be a user's name, which may stand anywhere
_MOMENTS = (0.15, 0.4, 0.65, 0.9)  # of the time that a call takes, at which it is cut off
_LEAST_SECONDS = 0.003
_UNKNOWN = "an-operation-of-a-later-protocol"
_ROTATION = "c0f0c0f0c0f0"


class FaultError(Exception):
    """The program does not do what it has to; the words say what."""


class NotOfferedError(Exception):
    """The program need not do that, and does not."""


@dataclass(frozen=True, slots=True)
class Result:
    """One requirement. ``kept`` is None where the program does not have what it is about."""

    requirement: str
    kept: bool | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is tried. ``start``: fields that work now, or none; ``made_field``: for which harden makes a value."""

    arguments: Sequence[str]
    timeout: timedelta
    target: str
    made_field: str
    start: Fields = field(default_factory=dict)


@dataclass
class Conformance:
    """One examination; ``results`` goes through it once."""

    subject: Subject
    watch: Watch
    values: list[Confidential] = field(default_factory=list)
    leaks: set[str] = field(default_factory=set)
    one_place: bool = False
    current: Fields = field(default_factory=dict)
    before: Fields = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # the longest that an operation took

    def results(self) -> Iterator[Result]:
        """One result after the other. After one that all others build on has failed, no more come."""
        for requirement, check, vital in self.requirements():
            try:
                words, kept = check(), True
            except FaultError as fault:
                words, kept = str(fault), False
            except HardenError as error:
                words, kept = " ".join(error.messages), False
            except NotOfferedError as reason:
                yield Result(requirement, None, str(reason))
                continue
            yield Result(requirement, kept, words)
            if vital and not kept:
                yield Result("the rest", False, "was not tried")
                return

    def requirements(self) -> Sequence[tuple[str, Callable[[], str], bool]]:
        """What is required, how that is seen, and whether there is no going on without it."""
        back = [("the values from before are good again", self._put_back, False)] if self.subject.start else []
        return [
            ("an operation that it does not know ends with status 64", self._unknown, False),
            ("check changes nothing and can be repeated", self._check, False),
            ("generate makes another value each time", self._generate, True),
            ("a first value works", self._first, True),
            ("a value that was never installed does not work", self._never_installed, False),
            ("a value that works is not called refused", self._not_yet_refused, False),
            ("a new value is installed, twice, and works", self._renew, True),
            ("the old value works beside it", self._overlap, False),
            ("limit can be repeated", self._limit, False),
            ("still-used can be repeated", self._still_used, False),
            ("the old value is retired, twice, and the new one works", self._retire, True),
            ("the old value is refused, and does not work", self._refused, False),
            ("installing that is killed in the middle is finished by the next call", self._cut_off_install, True),
            ("a withdrawal that is killed in the middle is finished, and the old value works", self._withdraw, False),
            ("retiring that is killed in the middle is finished by the next call", self._cut_off_retire, False),
            *back,
            ("no value is on a command line or in an environment", self._unseen, False),
            ("no value is in what it says", self._unsaid, False),
        ]

    def _unknown(self) -> str:
        if self._ask(_UNKNOWN) is not None:
            raise FaultError(f"it answers {_UNKNOWN} as if it had done something")
        return ""

    def _check(self) -> str:
        return self._twice(Operation.CHECK, self.subject.start, {}).said

    def _generate(self) -> str:
        made = [self._ask(Operation.GENERATE, self.subject.start) for _ in range(2)]
        if made[0] is None or made[1] is None:
            raise NotOfferedError("harden makes 32 letters and digits")
        if not made[0].fields or made[0].fields == made[1].fields:
            raise FaultError("it made the same twice, or nothing")
        return f"fields: {', '.join(made[0].fields)}"

    def _first(self) -> str:
        if self.subject.start:
            self.current = self.subject.start
            return self._works(self.current)
        first = self._make()
        self._install({}, first)
        self.current = first
        return self._works(first)

    def _never_installed(self) -> str:
        never = self._make()
        self._fails(Operation.PROVE, self.current, never, "it proves a value that it has never seen")
        return ""

    def _not_yet_refused(self) -> str:
        self._fails(Operation.PROVE_REFUSED, self.current, self._make(), "it calls refused what works")
        return ""

    def _renew(self) -> str:
        self.before, new = self.current, self._make()
        for _ in range(2):
            self._install(self.before, new)
        self.current = new
        return self._works(new)

    def _overlap(self) -> str:
        if self.one_place:
            raise NotOfferedError("it has one place: cut-over instead of install")
        return self._works(self.before)

    def _limit(self) -> str:
        return self._twice(Operation.LIMIT, self.before, self.current).said

    def _still_used(self) -> str:
        return self._twice(Operation.STILL_USED, self.before, self.current).said

    def _retire(self) -> str:
        for _ in range(2):
            self._retired(self.before, self.current)
        return self._works(self.current)

    def _refused(self) -> str:
        for _ in range(2):
            words = self._demand(Operation.PROVE_REFUSED, self.before, self.current).said
        self._fails(Operation.PROVE, self.current, self.before, "it says that the old value works")
        return words

    def _cut_off_install(self) -> str:
        self.before, new = self.current, self._make()
        operation = Operation.CUT_OVER if self.one_place else Operation.INSTALL
        killed = self._cut_off(operation, self.before, new)
        self._install(self.before, new)
        self.current = new
        self._works(new)
        return killed

    def _withdraw(self) -> str:
        """In the way of a rotation that is abandoned: what was before is to be good again."""
        old, new = self.before, self.current
        if self._ask(Operation.WITHDRAW, old, new) is None:
            raise NotOfferedError("an abandoned rotation leaves its value")
        self._install(old, new)
        killed = self._cut_off(Operation.WITHDRAW, old, new)
        self._twice(Operation.WITHDRAW, old, new)
        self.current = old
        self._works(old)
        self._demand(Operation.PROVE_REFUSED, new, old)
        return killed

    def _cut_off_retire(self) -> str:
        self.before, new = self.current, self._make()
        self._install(self.before, new)
        self.current = new
        killed = self._cut_off(Operation.RETIRE, self.before, new)
        self._retired(self.before, new)
        self._works(new)
        self._demand(Operation.PROVE_REFUSED, self.before, new)
        return killed

    def _put_back(self) -> str:
        made, start = self.current, self.subject.start
        self._install(made, start)
        words = self._works(start)
        self._retired(made, start)
        return words

    def _unseen(self) -> str:
        if self.watch.seen:
            raise FaultError(f"a value is {' and '.join(sorted(self.watch.seen))}")
        return f"in {self.watch.looks} looks at its processes"

    def _unsaid(self) -> str:
        if self.leaks:
            raise FaultError(f"a value is in {', '.join(sorted(self.leaks))}")
        return ""

    def _install(self, old: Fields, new: Fields) -> None:
        """As a rotation does it, up to the point where the new value is in use."""
        self.one_place = self._ask(Operation.INSTALL, old, new) is None
        cut_over = self._ask(Operation.CUT_OVER, old, new)
        if self.one_place and cut_over is None:
            raise FaultError("it has neither install nor cut-over")

    def _retired(self, old: Fields, new: Fields) -> None:
        if self._ask(Operation.RETIRE, old, new) is None and not self.one_place:
            raise FaultError("it does not have the operation retire")

    def _works(self, fields: Fields) -> str:
        return self._demand(Operation.PROVE, self.before, fields).said

    def _fails(self, operation: Operation, old: Fields, new: Fields, words: str) -> None:
        try:
            answer = self._ask(operation, old, new)
        except TimeOverError:
            raise
        except HardenError:
            return
        raise FaultError(words if answer is not None else f"it does not have the operation {operation}")

    def _twice(self, operation: Operation, old: Fields, new: Fields) -> Answer:
        answers = [self._ask(operation, old, new) for _ in range(2)]
        if answers[0] is None or answers[1] is None:
            raise NotOfferedError(f"it does not have {operation}")
        return answers[1]

    def _cut_off(self, operation: Operation, old: Fields, new: Fields) -> str:
        """Kill it at several moments."""
        killed, whole = 0, self.seconds.get(operation, 0.0)
        for moment in _MOMENTS:
            seconds = max(whole * moment, _LEAST_SECONDS)
            try:
                self._ask(operation, old, new, timedelta(seconds=seconds))
            except TimeOverError:
                killed += 1
            except HardenError:
                continue  # it may say that something is half done: the next whole call counts
        return f"killed {killed} times"

    def _demand(self, operation: Operation, old: Fields, new: Fields) -> Answer:
        answer = self._ask(operation, old, new)
        if answer is None:
            raise FaultError(f"it does not have the operation {operation}")
        return answer

    def _ask(
        self, operation: str, old: Fields | None = None, new: Fields | None = None, timeout: timedelta | None = None
    ) -> Answer | None:
        subject, now = self.subject, datetime.now(UTC)
        program = Program(subject.arguments, timeout or subject.timeout, self.watch.started, self._ended)
        question = Question(operation, "conformance", subject.target, _ROTATION, old or {}, new or {})
        if operation == Operation.LIMIT:
            question = replace(question, until=now + timedelta(hours=1))
        if operation == Operation.STILL_USED:
            question = replace(question, since=now - timedelta(hours=1))
        return program.ask(question)

    def _ended(self, question: Question, ending: Ending) -> None:
        self.seconds[question.operation] = max(ending.seconds, self.seconds.get(question.operation, 0.0))
        outputs = {"stderr": ending.stderr}
        if question.operation != Operation.GENERATE:
            outputs["stdout"] = ending.stdout
        for name, output in outputs.items():
            if holds_value(output, self.values):
                self.leaks.add(f"{name} of {question.operation}")

    def _make(self) -> Fields:
        answer = self._ask(Operation.GENERATE, self.subject.start)
        made = answer.fields if answer is not None else {self.subject.made_field: random_text()}
        secret = [value for value in made.values() if len(value) >= SHORTEST_VALUE]
        self.values += secret
        self.watch.look_for(secret)
        return {**self.subject.start, **made}
