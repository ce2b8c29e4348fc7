"""The plan's file: JSON, as it was written and as it is read again."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harden.errors import HardenError
from harden_secrets.durable import write_file
from harden_secrets.plan.soundness import faults, unknown_keys
from harden_secrets.plan.values import FORMAT, Plan

LARGEST = 256 * 1024 * 1024
_SHOWN = 10
_MAKES_ONE = "harden secrets plan -o FILE makes one"
_ADAPTER: TypeAdapter[Plan] = TypeAdapter(Plan)


def as_text(plan: Plan) -> str:
    """The plan as its file has it."""
    return _ADAPTER.dump_json(plan, indent=2).decode() + "\n"


def as_document(plan: Plan) -> Any:
    """The plan as ``--json`` prints it."""
    return _ADAPTER.dump_python(plan, mode="json")


def read(path: str) -> Plan:
    """The plan in a file that a person names, and may have edited.

    Raises HardenError for what is no plan, one of another format, and one that could not be carried out to its end.
    """
    data = _content(path)
    plan = _parsed(path, data)
    wrong = [f"{place}: is nothing that a plan has" for place in unknown_keys(json.loads(data), as_document(plan))]
    wrong += [f"{place}: {words}" for place, words in faults(plan)]
    if wrong:
        raise HardenError([f"{path}: {words}" for words in wrong[:_SHOWN]], "make the plan anew, and leave it as it is")
    return plan


def read_again(path: str) -> Plan:
    """The plan that a run has kept: it was looked at when the run began. Raises HardenError."""
    return _parsed(path, _content(path))


def _content(path: str) -> bytes:
    try:
        # A pipe without a writer would block the opening for ever.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise HardenError(f"{path}: is no file", _MAKES_ONE)
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no path"
        raise HardenError(f"{path}: cannot be read: {reason}", _MAKES_ONE) from None
    if len(data) > LARGEST:
        raise HardenError(f"{path}: is no plan: larger than {LARGEST >> 20} MiB", _MAKES_ONE)
    return data


def _parsed(path: str, data: bytes) -> Plan:
    try:
        plan = _ADAPTER.validate_json(data)
    except ValidationError as error:
        raise HardenError(_words(path, error), "make the plan anew: harden secrets plan -o FILE") from None
    if plan.version != FORMAT:
        raise HardenError(f"{path}: a plan of format {plan.version}; this harden reads {FORMAT}", "make the plan anew")
    return plan


def write(path: Path, text: str) -> None:
    """Write a file beside and rename it, mode 0600. Raises HardenError."""
    try:
        write_file(path, text.encode())
    except OSError as error:
        raise HardenError(f"{path}: cannot be written: {error.strerror}") from None


def _words(path: str, error: ValidationError) -> list[str]:
    """What is wrong with it, without quoting what stands there: a file given by mistake may hold anything."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    places = [("/" + "/".join(str(part) for part in one["loc"]), one["msg"]) for one in found[:5]]
    return [f"{path}: is no plan: {message} (at {place})" for place, message in places]
