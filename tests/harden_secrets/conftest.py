"""What many of these tests begin with."""

from pathlib import Path

import pytest

from harden_secrets.detect import DETECTORS
from harden_secrets.firstpass import FirstPass
from harden_secrets.unwrap import UNWRAP_SIGNATURES


@pytest.fixture(scope="session")
def first_pass() -> FirstPass:
    """That of a scan. Its database is compiled once: it holds nothing of what it has looked at."""
    return FirstPass(DETECTORS, UNWRAP_SIGNATURES)


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    """An empty folder to scan, with nothing of ours beside what the test puts there."""
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder
