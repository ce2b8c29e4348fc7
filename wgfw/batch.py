"""Many questions at once: one JSON object a line."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from harden.document.wording import did_you_mean, quote
from harden.errors import HardenError
from wgfw.explain import Explainer, Question

KEYS = ("from", "to", "service", "source")
MOST_ERRORS = 20


def explain_batch(explainer: Explainer, lines: Iterable[str], name: str) -> Iterator[dict[str, Any]]:
    """The answers, as for ``--json``, in the order of the questions; empty lines are passed over.

    ``name`` is the file's, for messages. All questions are answered before the first answer comes, so that a bad
    line (HardenError with ``name:line``, up to 20 of them) leaves nothing half-done.
    """
    answers: list[dict[str, Any]] = []
    errors: list[str] = []
    hints: dict[str, None] = {}
    for number, line in enumerate(lines, 1):
        if line.isspace() or not line:
            continue
        try:
            answers.append(explainer.explain(_question(line)).document())
        except HardenError as error:
            errors.extend(f"{name}:{number}: {message}" for message in error.messages)
            hints.update(dict.fromkeys(error.hints))
            if len(errors) >= MOST_ERRORS:
                break
    if errors:
        raise HardenError(errors, hints)
    return iter(answers)


def _question(line: str) -> Question:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise HardenError(f"no JSON: {error}") from None
    if not isinstance(value, dict):
        raise HardenError('a question is a JSON object such as {"from": "anca", "to": "10.32.0.1", "service": "https"}')
    for key, field in value.items():
        if key not in KEYS:
            raise HardenError(f"unknown key {quote(key)}{did_you_mean(key, KEYS)}")
        if not isinstance(field, str) and not (field is None and key in ("service", "source")):
            raise HardenError(f"{quote(key)} must be a string")
    missing = [quote(key) for key in ("from", "to") if key not in value]
    if missing:
        raise HardenError(f"{' and '.join(missing)} missing")
    return Question(value["from"], value["to"], value.get("service"), value.get("source"))
