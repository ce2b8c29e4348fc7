"""Broken policies, each a folder of ``tests/golden/broken``, and exactly what is said about them."""

from pathlib import Path

import pytest

from harden.errors import HardenError
from wgfw.commands.gateway import load_policy

CASES = sorted((Path(__file__).parent.parent / "golden" / "broken").iterdir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_policy_is_explained(case: Path, update_golden: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is wrong is said at once, with file and line and, where a name is close, a suggestion."""
    monkeypatch.chdir(case)
    with pytest.raises(HardenError) as caught:
        load_policy("policy.yaml", None, on_gateway=False)
    said = "".join(f"{line}\n" for line in [*caught.value.messages, *(f"hint: {hint}" for hint in caught.value.hints)])
    expected = case / "expected.txt"
    if update_golden:
        expected.write_text(said)
    assert said == expected.read_text()


def test_there_are_enough_of_them() -> None:
    """Sixty ways to break a policy are the least that must be explained."""
    assert len(CASES) >= 60
