"""Attributes turned to the driver of the next key: everything that named the old one, and nothing else."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harden_secrets.rotate.kinds.gitcrypt.attributes import filters, turned

_TO = {"git-crypt": "git-crypt-generation-2"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            b"*.key filter=git-crypt diff=git-crypt\n",
            b"*.key filter=git-crypt-generation-2 diff=git-crypt-generation-2\n",
        ),
        (b"*.key\tfilter=git-crypt  -text", b"*.key\tfilter=git-crypt-generation-2  -text"),
        (b"a filter=git-crypt\r\n", b"a filter=git-crypt-generation-2\r\n"),
        (b"  a filter=git-crypt", b"  a filter=git-crypt-generation-2"),
        (b"[attr]crypt filter=git-crypt\n", b"[attr]crypt filter=git-crypt-generation-2\n"),
        (b'"filter=git-crypt x" filter=git-crypt', b'"filter=git-crypt x" filter=git-crypt-generation-2'),
        (b'"a\\" b" diff=git-crypt', b'"a\\" b" diff=git-crypt-generation-2'),
        (b"filter=git-crypt text\n", b"filter=git-crypt text\n"),
        (b"# *.key filter=git-crypt\n", b"# *.key filter=git-crypt\n"),
        (b"* filter=git-crypt-ops diff=git-cryptic\n", b"* filter=git-crypt-ops diff=git-cryptic\n"),
        (b"* !filter -diff filter=lfs merge=git-crypt\n", b"* !filter -diff filter=lfs merge=git-crypt\n"),
        (b"", b""),
    ],
)
def test_a_line_is_turned(before: bytes, after: bytes) -> None:
    """Patterns, comments, other drivers, blanks and ends of lines stay."""
    assert turned(before, _TO) == after


_WORDS = st.sampled_from(
    ["filter=git-crypt", "diff=git-crypt", "-filter", "!filter", "filter=lfs", "text", "crypt", "-crypt", "filter"]
)
_PATTERNS = st.sampled_from(["*", "*.a", '"a b"', "b/*", "/c.a", "[attr]crypt", "# *", "!x", "a"])
_LINES = st.builds(
    lambda pattern, words, end: " ".join([pattern, *words]) + end,
    _PATTERNS,
    st.lists(_WORDS, max_size=3),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty repository, to ask git in."""
    path = tmp_path_factory.mktemp("attributes")
    subprocess.run(["git", "init", "--quiet", str(path)], check=True)
    return path


@settings(deadline=None, max_examples=50)  # each asks git twice
@given(st.lists(_LINES, max_size=6).map("".join))
def test_git_sees_the_new_driver_where_it_saw_the_old_one(repository: Path, text: str) -> None:
    """By git's own reading of the file, for paths that its patterns are about."""

    def seen(content: bytes) -> dict[str, str]:
        (repository / ".gitattributes").write_bytes(content)
        argv = [
            "git",
            "-c",
            "core.attributesFile=/dev/null",
            "check-attr",
            "-z",
            "filter",
            "--",
            "a",
            "a b",
            "b/d",
            "c.a",
        ]
        return filters(subprocess.run(argv, cwd=repository, check=True, capture_output=True).stdout)

    before = seen(text.encode())
    assert seen(turned(text.encode(), _TO)) == {path: _TO.get(driver, driver) for path, driver in before.items()}
