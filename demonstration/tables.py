"""The tables of the demonstration."""

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

from demonstration.attempts import Attempt
from demonstration.matrix import Answers, Question, Verdicts, through_gateway
from demonstration.probes import Outcome
from demonstration.topology import SOURCES, TARGETS, Source, Target

SIGNS = {
    Outcome.REACHED: ("✓ reached", "green"),
    Outcome.REFUSED: ("✗ refused", "red"),
    Outcome.SILENT: ("✗ silence", "yellow"),
}


def _half(question: Question, answers: Answers, verdicts: Verdicts | None) -> tuple[str, str]:
    """The text and the style of one family's half of a cell."""
    answer = answers[question]
    text, style = SIGNS[answer.outcome]
    if verdicts and (answer.outcome is Outcome.REACHED) != verdicts[question].allowed:
        return f"{text}!", "bold reverse red"
    return text, style


def _cell(source: Source, target: Target, answers: Answers, verdicts: Verdicts | None) -> Text:
    if not through_gateway(source, target):
        return Text("·", style="dim")
    four, six = (_half(Question(source, target, family), answers, verdicts) for family in (4, 6))
    if four == six:
        return Text(four[0], style=four[1])
    return Text.assemble((f"4: {four[0]}", four[1]), "\n", (f"6: {six[0]}", six[1]))


def who_reaches_what(answers: Answers, verdicts: Verdicts | None = None) -> Table:
    """One row a target, one column a source; a cell is split where IPv4 and IPv6 differ.

    With ``verdicts`` a cell that differs from the policy stands out.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("target", no_wrap=True)
    table.add_column("over IPv4 and IPv6", style="dim", no_wrap=True)
    for source in SOURCES:
        table.add_column(Text.assemble(source.machine, "\n", (source.note, "italic cyan")), no_wrap=True)
    for target in TARGETS:
        cells = (_cell(source, target, answers, verdicts) for source in SOURCES)
        table.add_row(f"{target.machine} {target.what}", f"{target.v4} {target.service}", *cells)
    return table


def attempts_table(attempts: Iterable[Attempt]) -> Table:
    """One row an attempt to get round the policy."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("attempt", ratio=3)
    table.add_column("what came of it", ratio=3)
    table.add_column("", no_wrap=True)
    for attempt in attempts:
        sign = Text("✓ held", style="green") if not attempt.failures else Text("✗ OPEN", style="bold reverse red")
        result = Text("\n".join(attempt.failures) or attempt.result, style="red" if attempt.failures else "")
        table.add_row(attempt.title, result, sign)
    return table
