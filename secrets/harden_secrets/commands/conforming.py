"""``harden secrets conform``: whether a program of the user's can be trusted with a rotation."""

import json
from collections.abc import Sequence
from pathlib import Path

from harden.errors import ANSWER_IS_NO, HardenError, UsageError
from harden.output import Cell, Output, Tone
from harden.progress import progress
from harden_secrets.confidential import Confidential
from harden_secrets.inventory.spans import parse_duration
from harden_secrets.rotate.kinds.command.conformance import Conformance, Result, Subject
from harden_secrets.rotate.kinds.command.program import Program
from harden_secrets.rotate.kinds.command.watching import Watch
from harden_secrets.rotate.rotator import Fields

_WORDS: dict[bool | None, tuple[str, Tone]] = {True: ("yes", "good"), False: ("no", "bad"), None: ("-", "faint")}


def conform(subject: Subject, output: Output, *, dry_run: bool) -> int:
    """Goes through the protocol with the program. 3: it does not keep to it."""
    Program(subject.arguments, subject.timeout).find()
    with Watch() as watch:
        examination = Conformance(subject, watch)
        if dry_run:
            results = [Result(requirement, None, "") for requirement, _, _ in examination.requirements()]
        else:
            with progress(output, f"asking {subject.arguments[0]}"):
                results = list(examination.results())
    _print(results, output)
    return ANSWER_IS_NO if any(result.kept is False for result in results) else 0


def subject_of(arguments: Sequence[str], timeout: str, target: str, field: str, start: Path | None) -> Subject:
    """What is to be tried. Raises UsageError, and HardenError for a file that cannot be used."""
    try:
        length = parse_duration(timeout)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if not length:
        raise UsageError("--timeout 0s leaves no time at all")
    fields = _start(start) if start is not None else {}
    return Subject(tuple(arguments), length, target, next(iter(fields)) if len(fields) == 1 else field, fields)


def _start(path: Path) -> Fields:
    hint = 'write one JSON object of texts: {"user": "…", "password": "…"}'
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise HardenError(f"{path}: {error.strerror}") from error
    except ValueError:
        raise HardenError(f"{path}: is not JSON", hint) from None
    if not isinstance(document, dict) or not all(isinstance(value, str) and value for value in document.values()):
        raise HardenError(f"{path}: is no object of texts", hint)
    return {name: Confidential(value.encode()) for name, value in document.items()}


def _print(results: Sequence[Result], output: Output) -> None:
    if output.as_json:
        found = [{"requirement": one.requirement, "kept": one.kept, "said": one.words} for one in results]
        output.document({"conforms": all(one.kept is not False for one in results), "requirements": found})
        return
    rows = [(one.requirement, Cell(*_WORDS[one.kept]), one.words) for one in results]
    output.table(["requirement", "kept", "seen"], rows)
