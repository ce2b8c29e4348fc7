"""What was found before and is known: only what is new gets reported.

The file is JSON for a repository: sorted, one finding a line, no value in it. It bears the name of the key under which
its fingerprints were made; under another key nothing can be compared, and that is an error, not a clean result.
"""

import json
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from harden.errors import HardenError
from harden_secrets.finding import Finding

_VERSION = 1


@dataclass(frozen=True, slots=True, order=True)
class Known:
    """A key at a source. Its line may change; a copy of it in another source is another one."""

    source: str
    material: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """The known findings, under the fingerprint key of that name."""

    key_id: str
    known: frozenset[Known]

    @classmethod
    def of(cls, findings: Iterable[Finding], key_id: str) -> "Baseline":
        """All of these findings as known ones."""
        return cls(key_id, frozenset(map(_known, findings)))

    def new(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """Those of the findings that are not known, in their order."""
        return tuple(finding for finding in findings if _known(finding) not in self.known)

    def gone(self, findings: Iterable[Finding]) -> tuple[Known, ...]:
        """What is known and was not found any more."""
        return tuple(sorted(self.known - {_known(finding) for finding in findings}))

    def as_text(self) -> str:
        """The content of the file: the same for the same findings, in whatever order they come."""
        lines = ",\n".join(
            "    " + json.dumps({"source": one.source, "material": one.material, "fingerprint": one.fingerprint})
            for one in sorted(self.known)
        )
        findings = f"[\n{lines}\n  ]" if lines else "[]"
        return f'{{\n  "version": {_VERSION},\n  "fingerprint_key": "{self.key_id}",\n  "findings": {findings}\n}}\n'


def parse_baseline(text: str, file: str, key_id: str) -> Baseline:
    """The baseline in the text of a file. ``key_id`` names the key that this run makes fingerprints with.

    Raises HardenError if it is no baseline, of a later version, or made under another key.
    """
    content = _content(text, file)
    if content.get("version") != _VERSION:
        raise HardenError(
            f"{file}: a baseline of another version than {_VERSION}",
            "write it anew with --write-baseline, or use the harden that wrote it",
        )
    if content.get("fingerprint_key") != key_id:
        raise HardenError(
            f"{file}: its fingerprints were made with another key than this run's, so nothing can be compared",
            [
                "give the same key to every run with --fingerprint-key FILE",
                "or write the baseline anew with --write-baseline, after looking at what it takes in",
            ],
        )
    return Baseline(key_id, frozenset(_entry(one, file) for one in content["findings"]))


def _content(text: str, file: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or not isinstance(content.get("findings"), list):
        raise HardenError(f"{file}: not a baseline", "write one with `harden secrets scan --write-baseline FILE`")
    return content


def _entry(entry: object, file: str) -> Known:
    if isinstance(entry, dict):
        parts = [entry.get(name) for name in ("source", "material", "fingerprint")]
        if all(isinstance(part, str) for part in parts):
            return Known(*map(str, parts))
    raise HardenError(f"{file}: a finding in it has not just a source, a material and a fingerprint as texts")


def _known(finding: Finding) -> Known:
    # `./infra/a.tf` and `infra/a.tf` are one file; what has a scheme or a commit before it is left as it is.
    source = posixpath.normpath(finding.place.source)
    return Known(source, str(finding.material), finding.fingerprint)
