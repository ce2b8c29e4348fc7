"""What a plan changes, for a script and for a person."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from harden.output import Output

if TYPE_CHECKING:
    from wgfw.access import AccessChange


def changes_document(changes: Iterable["AccessChange | str"], *, in_sync: bool) -> dict[str, Any]:
    """The answer of ``plan --json``. A text among the changes is about rules and no client."""
    return {
        "in_sync": in_sync,
        "changes": [
            document
            for change in changes
            for document in (({"change": "rules", "text": change},) if isinstance(change, str) else change.documents())
        ],
    }


def say_changes(changes: Sequence["AccessChange | str"], output: Output, nobody: str) -> None:
    """Access first; the rules for those who want to hear more, or where they are all, after the line ``nobody``."""
    access = [change for change in changes if not isinstance(change, str)]
    rules = [change for change in changes if isinstance(change, str)]
    for line in access:
        output.line(str(line))
    if not access:
        output.line(nobody)
    if output.verbosity > 0 or not access:
        for rule in rules:
            output.line(f"  {rule}")
