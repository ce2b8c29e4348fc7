"""Whole gateways as folders: the files a person has, and the rules and the access that they mean."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from wgfw.access import diff_access
from wgfw.addresses import AddressSet
from wgfw.compiler import compile_policy
from wgfw.policy.gather import read_peers
from wgfw.policy.loader import load
from wgfw.policy.resolve import resolve
from wgfw.render import restore_text

CASES = Path(__file__).parent.parent / "golden" / "gateway"
NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_gateway(case: str, update_golden: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules of both families and the access in words are those in the folder."""
    monkeypatch.chdir(CASES / case)
    document = load("policy.yaml")
    policy = resolve(document, read_peers(document), AddressSet())
    rules = compile_policy(policy)
    access = "".join(f"{change}\n" for change in diff_access(None, policy, NOW, document.networks))
    for name, text in {
        "expected.v4": restore_text(rules.v4),
        "expected.v6": restore_text(rules.v6),
        "access": access,
    }.items():
        if update_golden:
            Path(name).write_text(text)
        assert Path(name).read_text() == text
