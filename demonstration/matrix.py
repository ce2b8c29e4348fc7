"""Who reaches what: the whole table as questions, as answered by packets, and as the policy has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from demonstration.probes import Answer, Outcome, Probe, Worker, ask_all
from demonstration.topology import CLIENTS, SOURCES, TARGETS, Source, Target

FAMILIES = (4, 6)


@dataclass(frozen=True, slots=True)
class Question:
    """One half of a cell: may this source reach this target over this family?"""

    source: Source
    target: Target
    family: int

    @property
    def probe(self) -> Probe:
        """How to ask it with packets."""
        return Probe(self.target.address(self.family), self.target.service)

    def __str__(self) -> str:
        where = f"{self.target.machine} ({self.target.address(self.family)}) {self.target.service}"
        return f"{self.source.machine} to {where} over IPv{self.family}"


Answers = Mapping[Question, Answer]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says about a question; ``because`` is the deciding line, or empty."""

    allowed: bool
    because: str


Verdicts = Mapping[Question, Verdict]


def through_gateway(source: Source, target: Target) -> bool:
    """Whether the gateway is on the way: it is not between machines of the LAN, nor from a machine to itself."""
    clients = {client.name for client in CLIENTS}
    return source.machine != target.machine and (source.machine in clients or target.machine in clients)


QUESTIONS = tuple(
    Question(source, target, family)
    for source in SOURCES
    for target in TARGETS
    for family in FAMILIES
    if through_gateway(source, target)
)


def measure(workers: Mapping[str, Worker], questions: Sequence[Question] = QUESTIONS) -> dict[Question, Answer]:
    """Ask all of them with real packets, all at the same time."""
    of_machine: dict[str, list[Question]] = {}
    for question in questions:
        of_machine.setdefault(question.source.machine, []).append(question)
    answers = ask_all(workers, {machine: [q.probe for q in asked] for machine, asked in of_machine.items()})
    return {q: a for machine, asked in of_machine.items() for q, a in zip(asked, answers[machine], strict=True)}


def differences(answers: Answers, verdicts: Verdicts) -> list[str]:
    """Every question where the packets say otherwise than the policy, as a line for people."""
    found = []
    for question, answer in answers.items():
        verdict, got = verdicts[question], answer.outcome is Outcome.REACHED
        if got != verdict.allowed:
            says = "allows" if verdict.allowed else "denies"
            found.append(f"{question}: the policy {says} it, the packets were {in_words(answer)}")
        elif got and answer.by not in ("", question.target.machine):
            found.append(f"{question}: {answer.by} answered in its place")
    return found


def in_words(answer: Answer) -> str:
    """What became of the packets."""
    return {
        Outcome.REACHED: "answered",
        Outcome.REFUSED: "refused",
        Outcome.SILENT: "lost without a word",
    }[answer.outcome]
