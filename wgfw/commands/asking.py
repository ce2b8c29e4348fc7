"""``harden wg explain``."""

from pathlib import Path

from harden.document.wording import moment
from harden.errors import HardenError
from harden.output import Output, json_text
from wgfw.batch import explain_batch
from wgfw.commands.gateway import Gateway, load_policy, now
from wgfw.explain import Answer, Question

BATCH_LIMIT = 256 << 20  # bytes


def explain_one(path: str, gateway: Gateway, question: Question, output: Output) -> int:
    """Answers one question."""
    answer = load_policy(path, gateway.netns, peers=gateway.peers).explainer(now()).explain(question)
    if output.as_json:
        output.document(answer.document())
        return 0
    for line in _lines(answer):
        output.line(line)
    return 0


def explain_batch_file(path: str, gateway: Gateway, batch: Path, output: Output) -> int:
    """Answers a file of questions, one JSON object a line, with as many lines."""
    try:
        if not batch.is_file():
            raise HardenError(f"{batch}: {'is not a file' if batch.exists() else 'no such file'}")
        if batch.stat().st_size > BATCH_LIMIT:
            raise HardenError(f"{batch}: larger than {BATCH_LIMIT >> 20} MiB", "split it")
        lines = batch.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise HardenError(f"{batch}: not UTF-8 text") from error
    except OSError as error:
        raise HardenError(f"{batch}: {error.strerror}") from error
    explainer = load_policy(path, gateway.netns, peers=gateway.peers).explainer(now())
    output.raw("".join(json_text(answer) + "\n" for answer in explain_batch(explainer, lines, str(batch))))
    return 0


def _lines(answer: Answer) -> list[str]:
    question = answer.question
    who = answer.client if answer.client is not None else question.source
    source = f" ({answer.address})" if answer.address not in (None, who) else ""
    service = question.service or "any service"
    verdict = "allowed" if answer.allowed else "denied"
    lines = [f"{verdict}: {who}{source} to {question.to} {service}", f"  {answer.reason}"]
    if answer.rule is not None and answer.rule.place.text:
        lines.append(f"  {answer.rule.place.text}")
    if answer.until is not None:
        lines.append(f"  until {moment(answer.until)}")
    if answer.allowed_services and not answer.allowed:
        lines.append(f"  allowed there: {', '.join(answer.allowed_services)}")
    if answer.suggestion:
        lines.append("  to allow it:")
        lines.extend(f"    {line}" for line in answer.suggestion)
    return lines
