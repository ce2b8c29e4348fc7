"""``harden secrets scan``."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from harden.errors import ANSWER_IS_NO, HardenError, UsageError
from harden.output import Output
from harden_secrets.confidential import Confidential
from harden_secrets.detect import DETECTORS
from harden_secrets.detect.publichalf import SIGNATURES as PUBLIC_SIGNATURES
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.fingerprintkey import (
    fingerprint_key,
    known_fingerprint_key,
    passing_fingerprint_key,
    shared_fingerprint_key,
)
from harden_secrets.firstpass import FirstPass
from harden_secrets.patterncache import pattern_cache
from harden_secrets.scan.filescan import find_public_halves, scan_files
from harden_secrets.scan.look import Look
from harden_secrets.scan.report import Gathered, Report
from harden_secrets.statefolder import secrets_state
from harden_secrets.unwrap import UNWRAP_SIGNATURES

Format = Literal["text", "json", "sarif"]
_SHOWN = 10  # warnings about what could not be looked at; the rest is a number


@dataclass(frozen=True, slots=True)
class Subject:
    """What to look at: paths, a repository's objects, a cluster's (in one namespace, or all)."""

    paths: tuple[str, ...] = ()
    repository: str | None = None
    cluster: bool = False
    namespace: str | None = None
    kubeconfig: Path | None = None
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What a scan compares with: the key of fingerprints, and what was known before."""

    state: Path | None = None
    shared_key: Path | None = None
    baseline: Path | None = None
    new_baseline: Path | None = None

    def fingerprinter(self, *, dry_run: bool = False) -> Fingerprinter:
        """Gives fingerprints under the key in the shared file or else the state folder. Raises HardenError."""
        return Fingerprinter(self._key(dry_run=dry_run))

    def _key(self, *, dry_run: bool) -> Confidential:
        if self.shared_key is not None:
            return shared_fingerprint_key(self.shared_key)
        folder = secrets_state(self.state, os.environ, os.geteuid())
        if dry_run:
            return known_fingerprint_key(folder) or passing_fingerprint_key()
        return fingerprint_key(folder)


def scan(subject: Subject, memory: Memory, form: Format, output: Output, *, dry_run: bool = False) -> int:
    """Looks, and prints what was found. 3: there are findings.

    Raises HardenError where something could not be looked at and nothing was found: that is no clean result.
    """
    _check(subject, memory)
    report = find(subject, memory.fingerprinter(dry_run=dry_run), output)
    report = _without_known(report, memory.baseline)
    _warn(report, output)
    if memory.new_baseline is not None:
        return _remember(report, memory.new_baseline, output, dry_run=dry_run)
    show(report, form, output)
    if report.findings:
        return ANSWER_IS_NO
    _must_be_complete(report)
    return 0


def find(subject: Subject, fingerprinter: Fingerprinter, output: Output) -> Report:
    """Everything that is found. Raises HardenError."""
    first_pass = FirstPass(DETECTORS, UNWRAP_SIGNATURES, PUBLIC_SIGNATURES, pattern_cache(os.environ))
    look = Look(first_pass, DETECTORS, fingerprinter)
    gathered = Gathered()
    if subject.paths:
        scan_files(subject.paths, look, output, gathered)
    if subject.repository is not None:
        from harden_secrets.scan.gitscan import scan_repository  # noqa: PLC0415 - only who asks for it waits for it

        scan_repository(subject.repository, look, output, gathered)
    if subject.cluster:
        from harden_secrets.commands.clusters import opened  # noqa: PLC0415 - as above
        from harden_secrets.scan.clusterscan import scan_cluster  # noqa: PLC0415

        cluster = opened(subject.kubeconfig, subject.context, output)
        scan_cluster(cluster, subject.namespace or "", look, output, gathered)
    find_public_halves(look, gathered)
    return gathered.report(fingerprinter.key_id)


def show(report: Report, form: Format, output: Output) -> None:
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


def _check(subject: Subject, memory: Memory) -> None:
    if not (subject.paths or subject.repository is not None or subject.cluster):
        raise UsageError("nothing to look at", "name a path, or --git REPO, or --cluster")
    if subject.namespace is not None and not subject.cluster:
        raise UsageError("--namespace goes with --cluster", "add --cluster")
    if memory.baseline is not None and memory.new_baseline is not None:
        raise UsageError("--baseline reads a baseline and --write-baseline writes one", "leave one of them out")


def _without_known(report: Report, baseline: Path | None) -> Report:
    if baseline is None:
        return report
    from harden_secrets.scan.baselinefile import read_baseline  # noqa: PLC0415

    new = read_baseline(baseline, report.key_id).new(report.findings)
    return replace(report, findings=new, known=len(report.findings) - len(new))


def _remember(report: Report, path: Path, output: Output, *, dry_run: bool) -> int:
    from harden_secrets.scan.baseline import Baseline  # noqa: PLC0415
    from harden_secrets.scan.baselinefile import write_baseline  # noqa: PLC0415

    _must_be_complete(report)
    count = f"{len(report.findings)} finding{'' if len(report.findings) == 1 else 's'}"
    if dry_run:
        output.line(f"{path} would hold {count}")
        return 0
    changed = write_baseline(path, Baseline.of(report.findings, report.key_id))
    output.line(f"{path} {'holds' if changed else 'already held'} {count}")
    return 0


def _must_be_complete(report: Report) -> None:
    if report.incomplete:
        raise HardenError(
            f"{len(report.incomplete)} of what was asked for could not be looked at, so this is no clean result",
            "run it as a user who may read all of it, or leave that out",
        )


def _warn(report: Report, output: Output) -> None:
    for remark in report.remarks:
        output.warning(f"{remark.source}:{remark.line}: {remark.text}")
    _some([f"{one.source}: {one.reason}" for one in report.incomplete], output.warning)
    for skipped in report.skipped:
        if not skipped.incomplete:
            output.detail(f"{skipped.source}: {skipped.reason}")
    for allowed in report.allowed:
        output.detail(f"{allowed.source}:{allowed.line}: {allowed.material} is allowed there: {allowed.reason}")


def _some(lines: list[str], say: Callable[[str], None]) -> None:
    for line in lines[:_SHOWN]:
        say(line)
    if len(lines) > _SHOWN:
        say(f"and {len(lines) - _SHOWN} more could not be looked at; --json lists them all")
