"""The baseline: only what is new is reported, and nothing is compared that cannot be."""

import os
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.finding import Finding, Place
from harden_secrets.material import Material, Severity
from harden_secrets.scan.baseline import Baseline, parse_baseline
from harden_secrets.scan.baselinefile import read_baseline, write_baseline


def finding(source: str, fingerprint: str, line: int = 1) -> Finding:
    return Finding(Material.PASSWORD, fingerprint, Severity.HIGH, False, Place(source, line))


KNOWN = [finding("b.tf", "hk1:2"), finding("a.tf", "hk1:1"), finding("a.tf", "hk1:1", line=9)]


def test_what_is_known_is_not_new_even_on_another_line() -> None:
    """A key stays known in its file; another key there, or a copy of it elsewhere, is new."""
    baseline = parse_baseline(Baseline.of(KNOWN, "k").as_text(), "f", "k")
    elsewhere, other = finding("c.tf", "hk1:1"), finding("a.tf", "hk1:3")
    assert baseline.new([finding("./a.tf", "hk1:1", line=77), elsewhere, *KNOWN, other]) == (elsewhere, other)


def test_the_file_is_the_same_whatever_the_order() -> None:
    """So that a repository shows a change only where there is one."""
    assert Baseline.of(KNOWN, "k").as_text() == Baseline.of(reversed(KNOWN), "k").as_text()


def test_what_is_gone_is_told() -> None:
    """Entries that no finding stands for any more."""
    gone = Baseline.of(KNOWN, "k").gone([KNOWN[0]])
    assert [(one.source, one.fingerprint) for one in gone] == [("a.tf", "hk1:1")]


def test_an_empty_baseline_is_one() -> None:
    """Nothing known, everything new."""
    assert parse_baseline(Baseline.of([], "k").as_text(), "f", "k").new(KNOWN) == tuple(KNOWN)


def test_a_baseline_under_another_key_is_an_error() -> None:
    """Never a report in which everything is new, nor one in which nothing is."""
    with pytest.raises(HardenError, match="another key"):
        parse_baseline(Baseline.of(KNOWN, "other").as_text(), "f", "k")


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "null", '{"findings": 1}', '{"version": 2, "fingerprint_key": "k", "findings": []}',
     '{"version": 1, "fingerprint_key": "k", "findings": [{"source": 1}]}', "[" * 100_000],
)  # fmt: skip
def test_what_is_no_baseline_is_an_error(text: str) -> None:
    """With the file's name, and no traceback."""
    with pytest.raises(HardenError, match=r"^f: "):
        parse_baseline(text, "f", "k")


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    """And what was written is read back."""
    path = tmp_path / "baseline.json"
    baseline = Baseline.of(KNOWN, "k")
    assert write_baseline(path, baseline)
    before = path.stat().st_mtime_ns
    assert not write_baseline(path, baseline)
    assert path.stat().st_mtime_ns == before
    assert read_baseline(path, "k") == baseline


def test_a_file_of_another_kind_is_not_overwritten(tmp_path: Path) -> None:
    """A mistyped name costs nobody a file."""
    path = tmp_path / "main.tf"
    path.write_text("resource {}")
    with pytest.raises(HardenError, match="left alone"):
        write_baseline(path, Baseline.of(KNOWN, "k"))
    assert path.read_text() == "resource {}"
    assert os.listdir(tmp_path) == ["main.tf"]


def test_a_missing_or_binary_file_is_an_error(tmp_path: Path) -> None:
    """With its name."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\0")
    for name in ("missing", "binary"):
        with pytest.raises(HardenError, match=name):
            read_baseline(tmp_path / name, "k")
