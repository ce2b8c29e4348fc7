"""SARIF, as GitHub's code scanning takes it."""

import json
from pathlib import Path
from typing import Any

import pytest

from harden_secrets.finding import Finding, ObjectField, Place
from harden_secrets.material import Material, Severity
from harden_secrets.scan.report import Report
from harden_secrets.scan.sarif import sarif
from harden_secrets.sources.skipped import Skipped
from tests.harden_secrets.keys import ssh
from tests.harden_secrets.scanned import scan

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FIELD = ObjectField("ConfigMap", "ci", "git-crypt-key", "/data/key")


def finding(source: str, line: int = 3, **more: Any) -> Finding:
    about = {"material": Material.GIT_CRYPT_KEY, "fingerprint": "hk1:1", "severity": Severity.CRITICAL} | more
    about.setdefault("protected", False)
    field = about.pop("object", None)
    return Finding(place=Place(source, line, field), **about)


def report(*findings: Finding, skipped: tuple[Skipped, ...] = ()) -> Report:
    return Report(findings, skipped, (), (), 7, "0badcafe")


def run(*findings: Finding, skipped: tuple[Skipped, ...] = ()) -> Any:
    document = sarif(report(*findings, skipped=skipped))
    assert (document["version"], len(document["runs"])) == ("2.1.0", 1)
    return document["runs"][0]


def test_every_result_refers_to_its_rule() -> None:
    """One rule a kind, with a severity that code scanning reads, levels by severity."""
    got = run(
        finding("a.tf"),
        finding("b.tf", material=Material.PASSWORD, severity=Severity.LOW),
        finding("c.tf", material=Material.JWT, severity=Severity.MEDIUM),
        finding("d.tf"),
    )
    rules = got["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["git-crypt-key", "jwt", "password"]
    assert [rule["properties"]["security-severity"] for rule in rules] == ["9.5", "5.0", "2.0"]
    assert all("security" in rule["properties"]["tags"] for rule in rules)
    for result in got["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["message"]["text"]
    assert [result["level"] for result in got["results"]] == ["error", "note", "warning", "error"]


@pytest.mark.parametrize(
    ("source", "uri", "commit"),
    [
        ("infra/main.tf", "infra/main.tf", None),
        ("./a b/ü%.tf", "a%20b/%C3%BC%25.tf", None),
        ("a:b.tf", "./a:b.tf", None),
        ("/srv/x y", "file:///srv/x%20y", None),
        (f"{COMMIT}:infra/main.tf", "infra/main.tf", COMMIT),
        (COMMIT, f"objects/{COMMIT}", COMMIT),
        (":staged", "staged", None),
        ("\udcff", "%FF", None),
        ("../up", "../up", None),
    ],
)
def test_places_are_uris(source: str, uri: str, commit: str | None) -> None:
    """Relative ones, as a repository's files are known; escaped as URIs are."""
    [result] = run(finding(source))["results"]
    [location] = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == uri
    assert location["physicalLocation"]["region"] == {"startLine": 3}
    assert location.get("properties", {}).get("commit") == commit


def test_an_object_of_a_cluster_has_no_line_but_a_name() -> None:
    """A region must not begin at line 0."""
    [result] = run(finding("cluster:ci/configmaps/git-crypt-key", line=0, object=FIELD))["results"]
    [location] = result["locations"]
    assert "region" not in location["physicalLocation"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "cluster/ci/configmaps/git-crypt-key"
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "ci/ConfigMap/git-crypt-key/data/key"


def _known_by(*findings: Finding) -> list[str]:
    return [result["partialFingerprints"]["primaryLocationLineHash"] for result in run(*findings)["results"]]


def test_a_finding_is_known_again_after_lines_were_added_above() -> None:
    """The same key in the same file; another file, key or field is another finding, and so is a second copy."""
    [first] = _known_by(finding("a.tf"))
    assert _known_by(finding("a.tf", line=90)) == [first]
    others = _known_by(
        finding("a.tf"),
        finding("a.tf", line=9),
        finding("b.tf"),
        finding("a.tf", fingerprint="hk1:2"),
        finding("a.tf", object=FIELD),
    )
    assert others[0] == first
    assert len(set(others)) == 5


def test_what_was_passed_over_is_told() -> None:
    """And an incomplete scan is no successful one."""
    skipped = (Skipped("a", "Permission denied"), Skipped("b", "a pipe", incomplete=False))
    [invocation] = run(skipped=skipped)["invocations"]
    assert not invocation["executionSuccessful"]
    assert [one["level"] for one in invocation["toolExecutionNotifications"]] == ["warning", "note"]
    assert run()["invocations"][0]["executionSuccessful"]


def test_the_command_prints_it(tmp_path: Path) -> None:
    """One document, and the status of findings."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "id").write_bytes(ssh.openssh())
    done = scan(tree, ".", "--format", "sarif")
    assert done.status == 3
    [result] = json.loads(done.stdout)["runs"][0]["results"]
    assert result["ruleId"] == "ssh-private-key"
    assert result["properties"]["encodings"] == []
