"""A report as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), in the part of it that GitHub takes."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from harden import __version__
from harden_secrets.finding import Finding, Place
from harden_secrets.material import Material, Severity
from harden_secrets.scan.report import Report
from harden_secrets.sources.skipped import Skipped

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Mapping[Severity, str] = {
    Severity.CRITICAL: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
}
# GitHub reads a severity between 0 and 10 from here and calls it critical from 9.0, high from 7.0, medium from 4.0.
_SCORES: Mapping[Severity, str] = {
    Severity.CRITICAL: "9.5",
    Severity.HIGH: "8.0",
    Severity.MEDIUM: "5.0",
    Severity.LOW: "2.0",
}


def sarif(report: Report) -> dict[str, Any]:
    """The document. Places are relative to the root of the repository if the scan was started there."""
    rules = sorted({finding.material for finding in report.findings})
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "harden",
                "semanticVersion": __version__,
                "rules": [_rule(material, report.findings) for material in rules],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": list(_results(report.findings, rules)),
        "invocations": [
            {
                "executionSuccessful": not report.incomplete,
                "toolExecutionNotifications": [_notification(skipped) for skipped in report.skipped],
            }
        ],
        "properties": {"fingerprintKey": report.key_id},
    }
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(material: Material, findings: Sequence[Finding]) -> dict[str, Any]:
    worst = min((one.severity for one in findings if one.material == material), key=list(Severity).index)
    words = str(material).replace("-", " ")
    return {
        "id": str(material),
        "name": "".join(word.capitalize() for word in str(material).split("-")),
        "shortDescription": {"text": f"Key material: {words}"},
        "fullDescription": {"text": f"Key material of the kind {words} lies where others than its user can read it."},
        "help": {"text": "Move it into a Vault and rotate it: what has lain here may have been read already."},
        "defaultConfiguration": {"level": _LEVELS[worst]},
        "properties": {"tags": ["security", "secret"], "precision": "very-high", "security-severity": _SCORES[worst]},
    }


def _results(findings: Sequence[Finding], rules: Sequence[Material]) -> Iterator[dict[str, Any]]:
    times: Counter[str] = Counter()  # two of the same in one file differ by nothing but this
    for finding in findings:
        identity = _identity(finding)
        times[identity] += 1
        yield _result(finding, rules.index(finding.material), f"{identity}:{times[identity]}")


def _result(finding: Finding, rule: int, identity: str) -> dict[str, Any]:
    return {
        "ruleId": str(finding.material),
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [_location(finding.place)],
        # The one name that GitHub reads, from which it knows a finding again.
        "partialFingerprints": {"primaryLocationLineHash": identity},
        "fingerprints": {"hardenKey/v1": finding.fingerprint},
        "properties": {key: value for key, value in finding.as_json().items() if key not in {"source", "line"}},
    }


def _message(finding: Finding) -> str:
    about = ", ".join(
        [
            *([finding.description] if finding.description else []),
            *(["protected by a passphrase"] if finding.protected else []),
            *([f"in {' > '.join(finding.encodings)}"] if finding.encodings else []),
        ]
    )
    return f"{finding.material}{f' ({about})' if about else ''}, fingerprint {finding.fingerprint}"


def _location(place: Place) -> dict[str, Any]:
    commit, path = _split(place.source)
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(path)}}
    if place.line:
        physical["region"] = {"startLine": place.line}
    location: dict[str, Any] = {"physicalLocation": physical}
    if place.object:
        held = place.object
        name = "/".join(part for part in (held.namespace, held.kind, held.name) if part) + held.field
        location["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "member"}]
    if commit:
        location["properties"] = {"commit": commit}
    return location


def _split(source: str) -> tuple[str, str]:
    """The commit and the path of a source; a commit message, or a blob without a name, stands under its own id."""
    head, colon, path = source.partition(":")
    is_id = len(head) in {40, 64} and all(digit in "0123456789abcdef" for digit in head)
    if is_id:
        return head, path if colon else f"objects/{head}"
    return "", source.removeprefix(":")


def _uri(path: str) -> str:
    """A relative reference (RFC 3986), or a file's URI where the path is absolute."""
    if path.startswith("cluster:"):
        path = path.replace(":", "/", 1)
    quoted = quote(path.removeprefix("./").encode("utf-8", "surrogateescape"), safe="/:")
    if path.startswith("/"):
        return f"file://{quoted}"
    # A colon before the first slash would end a scheme (RFC 3986, 4.2).
    return f"./{quoted}" if ":" in quoted.partition("/")[0] else quoted


def _identity(finding: Finding) -> str:
    """Names the finding in this place, whatever lines come and go above it."""
    _, path = _split(finding.place.source)
    held = finding.place.object
    parts = [finding.fingerprint, path, *(held.as_json().values() if held else ()), *finding.encodings]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _notification(skipped: Skipped) -> dict[str, Any]:
    level = "warning" if skipped.incomplete else "note"
    return {"level": level, "message": {"text": f"{skipped.source}: {skipped.reason}"}}
