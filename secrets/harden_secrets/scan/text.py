"""A report for people: by key, since several places of one key are one thing to do."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from harden_secrets.finding import Finding, Place
from harden_secrets.material import Severity
from harden_secrets.scan.report import Report, place_order

_ORDER = list(Severity)
_SHORT_COMMIT = 12


def report_lines(report: Report) -> Iterator[str]:
    """The lines, worst key first. No value is among them."""
    keys = by_key(report.findings)
    for places in keys:
        yield _heading(places)
        yield from (f"  {line}" for line in _columns([_cells(finding) for finding in places]))
        yield from (f"  its public half: {source}" for source in places[0].public_copies)
        yield ""
    yield _summary(report, len(keys))


def by_key(findings: Iterable[Finding]) -> list[Sequence[Finding]]:
    """The findings of each key together: worst severity first, then by the first place."""
    by_fingerprint = sorted(findings, key=lambda finding: finding.fingerprint)
    groups = [
        sorted(group, key=place_order) for _, group in groupby(by_fingerprint, key=lambda finding: finding.fingerprint)
    ]
    return sorted(groups, key=lambda group: (min(_severity(one) for one in group), place_order(group[0])))


def _severity(finding: Finding) -> int:
    return _ORDER.index(finding.severity)


def _heading(places: Sequence[Finding]) -> str:
    kinds = dict.fromkeys(str(finding.material) for finding in places)
    worst = min(places, key=_severity)
    details = dict.fromkeys(finding.description for finding in places if finding.description)
    guarded = ["protected by a passphrase"] if all(finding.protected for finding in places) else []
    count = [f"{len(places)} places, one key"] if len(places) > 1 else []
    about = ", ".join([*details, *guarded, *count])
    return f"{worst.severity}: {' / '.join(kinds)}{f' ({about})' if about else ''}  {places[0].fingerprint}"


def _cells(finding: Finding) -> tuple[str, str, str]:
    place = finding.place
    where = f"{short_source(place)}:{place.line}" if place.line else short_source(place)
    held = place.object
    names = [held.kind, f"{held.namespace}/{held.name}" if held.namespace else held.name, held.field] if held else []
    return where, " ".join(name for name in names if name), " > ".join(finding.encodings)


def short_source(place: Place) -> str:
    """The source as a person reads it: the id of a commit cut to twelve digits, which git takes as well."""
    commit, colon, path = place.source.partition(":")
    if len(commit) in {40, 64} and all(digit in "0123456789abcdef" for digit in commit):
        return commit[:_SHORT_COMMIT] + colon + path
    return place.source


def _columns(rows: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
        yield "  ".join(cells).rstrip()


def _summary(report: Report, keys: int) -> str:
    places = len(report.findings)
    known = f"; {_count(report.known, 'finding is', 'findings are')} known already" if report.known else ""
    if not places:
        new = "new " if known else ""
        return f"no {new}key material in {_count(report.blobs, 'file or object', 'files and objects')}{known}"
    return f"{_count(keys, 'key', 'keys')} in {_count(places, 'place', 'places')}{known}"


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
