"""``harden secrets scan``."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from harden.errors import ANSWER_IS_NO, HardenError, UsageError
from harden.output import Output
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.fingerprintkey import fingerprint_key, shared_fingerprint_key
from harden_secrets.firstpass import FirstPass
from harden_secrets.scan.filescan import scan_files
from harden_secrets.scan.look import Look
from harden_secrets.scan.report import Gathered, Report
from harden_secrets.statefolder import secrets_state
from harden_secrets.unwrap import UNWRAP_SIGNATURES

Form = Literal["text", "json", "sarif"]
_SHOWN = 10  # warnings about what could not be read; the rest is a number


@dataclass(frozen=True, slots=True)
class Request:
    """What to look at, and how to name what is found."""

    paths: tuple[str, ...] = ()
    repository: str | None = None
    state: Path | None = None
    shared_key: Path | None = None


def scan(request: Request, form: Form, output: Output) -> int:
    """Looks, and prints what was found. 3: there are findings.

    Raises HardenError where something could not be looked at and nothing was found: that is no clean result.
    """
    report = find(request, output)
    _warn(report, output)
    show(report, form, output)
    if report.findings:
        return ANSWER_IS_NO
    if report.incomplete:
        raise HardenError(
            f"nothing was found, but {len(report.incomplete)} of what was asked for could not be looked at",
            "run it as a user who may read all of it, or leave that out",
        )
    return 0


def find(request: Request, output: Output) -> Report:
    """Everything that is found. Raises HardenError."""
    if not (request.paths or request.repository):
        raise UsageError("nothing to look at", "name a path, or --git REPO, or --cluster")
    fingerprinter = Fingerprinter(_key(request))
    look = Look(FirstPass(DETECTORS, UNWRAP_SIGNATURES), fingerprinter)
    gathered = Gathered()
    if request.paths:
        scan_files(request.paths, look, output, gathered)
    if request.repository:
        from harden_secrets.scan.gitscan import scan_repository  # noqa: PLC0415 - only who asks for it waits for it

        scan_repository(request.repository, look, output, gathered)
    return gathered.report(fingerprinter.key_id)


def show(report: Report, form: Form, output: Output) -> None:
    """The report on stdout."""
    match form:
        case "json":
            output.document(report.as_json())
        case "sarif":
            from harden_secrets.scan.sarif import sarif  # noqa: PLC0415

            output.document(sarif(report))
        case "text":
            from harden_secrets.scan.text import report_lines  # noqa: PLC0415

            for line in report_lines(report):
                output.line(line)


def _key(request: Request) -> Confidential:
    if request.shared_key is not None:
        return shared_fingerprint_key(request.shared_key)
    return fingerprint_key(secrets_state(request.state, os.environ, os.geteuid()))


def _warn(report: Report, output: Output) -> None:
    for skipped in report.incomplete[:_SHOWN]:
        output.warning(f"{skipped.source}: {skipped.reason}")
    more = len(report.incomplete) - _SHOWN
    if more > 0:
        output.warning(f"and {more} more could not be looked at; --json lists them all")
    for skipped in report.skipped:
        if not skipped.incomplete:
            output.detail(f"{skipped.source}: {skipped.reason}")
