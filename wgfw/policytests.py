"""The policy's own tests: what its author says must be allowed or denied."""

from collections.abc import Iterable
from dataclasses import dataclass

from harden.errors import HardenError
from wgfw.explain import Answer, Explainer, Question
from wgfw.policy.document import PolicyTest


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test with the answer it got. ``message`` is a complete line with file and line."""

    test: PolicyTest
    answer: Answer
    passed: bool
    message: str


def run_tests(explainer: Explainer, tests: Iterable[PolicyTest]) -> list[Outcome]:
    """Each test's outcome, in order. Raises HardenError, with all of them, for tests that make no sense."""
    outcomes: list[Outcome] = []
    errors: list[str] = []
    hints: dict[str, None] = {}
    for test in tests:
        try:
            answer = explainer.explain(Question(test.source, test.to, test.service))
        except HardenError as error:
            errors.extend(f"{test.place}: {message}" for message in error.messages)
            hints.update(dict.fromkeys(error.hints))
        else:
            outcomes.append(_outcome(test, answer))
    if errors:
        raise HardenError(errors, hints)
    return outcomes


def _outcome(test: PolicyTest, answer: Answer) -> Outcome:
    got = "allow" if answer.allowed else "deny"
    passed = got == test.expect
    line = f"{test.place}: {test.source} to {test.to} {test.service}: "
    if passed:
        line += f"{got}, as expected"
    elif answer.rule is not None:
        line += f"expected {test.expect}, got {got} by {answer.rule.place} {answer.rule.place.text}".rstrip()
    else:
        line += f"expected {test.expect}, got {got}: {answer.reason}"
    return Outcome(test, answer, passed, line)
