"""The plan's file: JSON, as it was written and as it is read again."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from harden.errors import HardenError
from harden_secrets.durable import write_file
from harden_secrets.plan.values import FORMAT, Plan

LARGEST = 256 * 1024 * 1024
_ADAPTER: TypeAdapter[Plan] = TypeAdapter(Plan)


def as_text(plan: Plan) -> str:
    """The plan as its file has it."""
    return _ADAPTER.dump_json(plan, indent=2).decode() + "\n"


def as_document(plan: Plan) -> Any:
    """The plan as ``--json`` prints it."""
    return _ADAPTER.dump_python(plan, mode="json")


def read(path: str) -> Plan:
    """The plan in a file. Raises HardenError for what is no plan, or one of another format."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise HardenError(
            f"{path}: cannot be read: {error.strerror}", "harden secrets plan -o FILE makes one"
        ) from None
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
