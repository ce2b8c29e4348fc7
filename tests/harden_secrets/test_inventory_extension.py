"""Deliveries added to an entry that a person may have edited since."""

import pytest

from harden.errors import HardenError
from harden_secrets.inventory.extension import extended
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.inventory.model import Delivery, KeySource

OLD = Delivery("direct", namespace="ci", secret="key", keys={"key": KeySource("key")})
NEW = Delivery("direct", namespace="agent", secret="key", keys={"key": KeySource("key", "base64")})
LINE = "{to: direct, namespace: ci, secret: key, keys: {key: key}}"
ADDED = "{to: direct, namespace: agent, secret: key, keys: {key: {field: key, form: base64}}}"
HEAD = "version: 1\nsecrets:\n"
TAIL = "  other: {kind: opaque, path: c/d}   # theirs\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            f"  key:  # mine\n    kind: opaque\n    path: a/b\n    deliver:\n      - {LINE}  # us\n",
            f"  key:  # mine\n    kind: opaque\n    path: a/b\n    deliver:\n      - {LINE}  # us\n      - {ADDED}\n",
            id="a list",
        ),
        pytest.param(
            f"  key:\n    kind: opaque\n    deliver:\n    - {LINE}\n    path: a/b\n",
            f"  key:\n    kind: opaque\n    deliver:\n    - {LINE}\n    - {ADDED}\n    path: a/b\n",
            id="a list that is not the last, and not indented",
        ),
        pytest.param(
            f"  key: {{kind: opaque, path: a/b, deliver: [{LINE}]}}\n",
            f"  key: {{kind: opaque, path: a/b, deliver: [{LINE}, {ADDED}]}}\n",
            id="all on one line",
        ),
        pytest.param(
            "  key:\n    kind: opaque\n    path: a/b\n",
            f"  key:\n    kind: opaque\n    path: a/b\n    deliver:\n      - {ADDED}\n",
            id="none yet",
        ),
    ],
)
def test_they_stand_behind_those_that_are_there(before: str, after: str) -> None:
    """Every other byte stays, and what is there already is not added again."""
    made = extended(HEAD + before + TAIL, "key", [OLD, NEW] if LINE in before else [NEW])
    assert made == HEAD + after + TAIL
    assert NEW in read_inventory(made.encode(), "inventory").secrets["key"].deliver
    assert extended(made, "key", [NEW]) == made


def test_where_there_is_no_place_the_person_hears_what_to_add() -> None:
    """Rather than a guess."""
    with pytest.raises(HardenError, match="cannot be added") as refused:
        extended(f"{HEAD}  key: {{kind: opaque, path: a/b}}\n", "key", [NEW], "inventory.yaml")
    assert ADDED in refused.value.hints[0]
