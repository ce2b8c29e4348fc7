"""Options that make no sense together."""

import pytest

from harden.errors import UsageError
from wgfw.cli import status


def test_a_status_has_one_form() -> None:
    """JSON or metrics: a program that asked for one must not get the other."""
    with pytest.raises(UsageError, match="two answers"):
        status(form="prometheus", as_json=True)
