"""JSON pointers: the examples of RFC 6901, and that every path that is written is found again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harden_secrets.pointer import at, at_or_none, joined, tokens

# RFC 6901, section 5
DOCUMENT = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, 'k"l': 6, " ": 7, "m~n": 8}
EXAMPLES = {
    "": DOCUMENT, "/foo": ["bar", "baz"], "/foo/0": "bar", "/": 0, "/a~1b": 1, "/c%d": 2, "/e^f": 3, "/g|h": 4,
    "/i\\j": 5, '/k"l': 6, "/ ": 7, "/m~0n": 8,
}  # fmt: skip
NAMES = st.text(st.sampled_from("ab~/01-é"), max_size=6)


@pytest.mark.parametrize("pointer", EXAMPLES)
def test_the_examples_of_the_standard_hold(pointer: str) -> None:
    """What the standard says lies there is found there."""
    assert at(DOCUMENT, pointer) == EXAMPLES[pointer]


@given(st.lists(NAMES, max_size=5))
def test_every_path_that_is_written_is_read_again(path: list[str]) -> None:
    """Whatever names have in them, tildes and slashes too."""
    assert tokens(joined(path)) == path


@pytest.mark.parametrize("pointer", ["/foo/2", "/foo/-1", "/foo/-", "/foo/bar", "/bar", "/foo/0/x", "/c%d/0"])
def test_what_is_not_there_is_not_found(pointer: str) -> None:
    """A position before the first is none from the end."""
    nothing: Any = at_or_none(DOCUMENT, pointer)
    assert nothing is None
    with pytest.raises((LookupError, ValueError, TypeError)):
        at(DOCUMENT, pointer)
