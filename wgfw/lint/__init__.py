"""What is valid in a policy and yet probably not what its author means."""

from collections.abc import Callable, Iterable
from datetime import datetime

from wgfw.lint.finding import Finding, Survey
from wgfw.lint.idle import idle
from wgfw.lint.neighbour import neighbours
from wgfw.lint.shadowed import shadowed
from wgfw.lint.unused import unused
from wgfw.lint.wide import wide
from wgfw.policy.document import Document
from wgfw.policy.model import Policy

__all__ = ["Finding", "lint"]

_CHECKS: tuple[Callable[[Survey], Iterable[Finding]], ...] = (idle, shadowed, unused, wide, neighbours)


def lint(document: Document, policy: Policy, now: datetime) -> list[Finding]:
    """The findings by file and line. ``policy`` is the document's, resolved."""
    survey = Survey.of(document, policy, now)
    found = dict.fromkeys(finding for check in _CHECKS for finding in check(survey))
    return sorted(found, key=lambda finding: (finding.place.file, finding.place.line, finding.message))
