"""``harden wg check``."""

from harden.errors import ANSWER_IS_NO
from harden.output import Output
from wgfw.commands.gateway import Loaded, load_policy, now
from wgfw.lint import lint
from wgfw.policytests import Outcome, run_tests


def check_policy(path: str, netns: str | None, peers: tuple[str, ...], output: Output) -> int:
    """Validates, warns and tests."""
    moment = now()
    loaded = load_policy(path, netns, peers=peers)
    warnings = [*loaded.policy.warnings, *(str(w) for w in lint(loaded.document, loaded.policy, moment))]
    outcomes = run_tests(loaded.explainer(moment), loaded.policy.tests)
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if output.as_json:
        output.document(
            {
                "ok": not failed,
                "clients": len(loaded.policy.clients),
                "warnings": warnings,
                "tests": [_document(outcome) for outcome in outcomes],
            }
        )
    else:
        _say(loaded, warnings, outcomes, output)
    return ANSWER_IS_NO if failed else 0


def _say(loaded: Loaded, warnings: list[str], outcomes: list[Outcome], output: Output) -> None:
    for warning in warnings:
        output.warning(warning)
    for outcome in outcomes:
        if not outcome.passed:
            output.line(f"FAILED {outcome.message}")
        elif output.verbosity > 0:
            output.line(f"passed {outcome.message}")
    passed = sum(outcome.passed for outcome in outcomes)
    clients, plural = len(loaded.policy.clients), "" if len(loaded.policy.clients) == 1 else "s"
    tests = f"{passed} of {len(outcomes)} tests passed" if outcomes else "no tests"
    remarks = f"{len(warnings)} warning{'' if len(warnings) == 1 else 's'}"
    output.line(f"{loaded.document.path}: valid, {clients} client{plural}, {remarks}, {tests}")


def _document(outcome: Outcome) -> dict[str, object]:
    test = outcome.test
    return {
        "file": test.place.file,
        "line": test.place.line,
        "from": test.source,
        "to": test.to,
        "service": test.service,
        "expect": test.expect,
        "got": "allow" if outcome.answer.allowed else "deny",
        "passed": outcome.passed,
    }
