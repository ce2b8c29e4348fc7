"""Compiled patterns between runs: a matter of speed, and never of what is found."""

import os
from pathlib import Path

import pytest

from harden_secrets.patterncache import PatternCache, pattern_cache
from harden_secrets.patterns import Pattern, PatternSet
from tests.harden_secrets.keys import ssh
from tests.harden_secrets.scanned import scan_json

PATTERNS = [Pattern(b"needle", 7), Pattern(b"[0-9]{3}", 8)]


def _made(cache: PatternCache, calls: list[int]) -> PatternSet:
    def patterns() -> list[Pattern]:
        calls.append(1)
        return PATTERNS

    return PatternSet(patterns, "name", cache)


def test_what_is_kept_is_not_made_again(tmp_path: Path) -> None:
    """And finds the same."""
    calls: list[int] = []
    for _ in range(3):
        assert _made(PatternCache(tmp_path / "c"), calls).numbers_in(b"a needle, 12") == {7}
    assert len(calls) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:100],
        lambda content: content[:-1] + bytes((content[-1] ^ 1,)),
        lambda content: os.urandom(len(content)),
    ],
)
def test_a_damaged_file_is_made_anew(tmp_path: Path, damage: object) -> None:
    """Torn, cut off or something else: it is never taken."""
    calls: list[int] = []
    _made(PatternCache(tmp_path), calls)
    [path] = tmp_path.iterdir()
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert _made(PatternCache(tmp_path), calls).numbers_in(b"123") == {8}
    assert len(calls) == 2


def test_what_others_could_have_written_is_not_taken(tmp_path: Path) -> None:
    """A database is run, in a way: neither a file nor a folder that others may write to."""
    calls: list[int] = []
    _made(PatternCache(tmp_path), calls)
    [path] = tmp_path.iterdir()
    path.chmod(0o666)
    _made(PatternCache(tmp_path), calls)
    tmp_path.chmod(0o777)
    _made(PatternCache(tmp_path), calls)
    tmp_path.chmod(0o700)
    os.chown(path, 65534, 65534)
    _made(PatternCache(tmp_path), calls)
    assert len(calls) == 4


def test_a_folder_that_cannot_be_is_no_trouble(tmp_path: Path) -> None:
    """Nothing is kept, everything is found."""
    (tmp_path / "file").write_text("")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "key").write_bytes(ssh.openssh())
    assert scan_json(tree, ".").places == [("key", 1)]
    calls: list[int] = []
    assert _made(PatternCache(tmp_path / "file" / "c"), calls).numbers_in(b"needle") == {7}


def test_old_ones_are_forgotten(tmp_path: Path) -> None:
    """The folder does not grow for ever."""
    cache = PatternCache(tmp_path)
    for number in range(20):
        cache.put(f"{number}", b"x")
    assert len(list(tmp_path.iterdir())) <= 8
    assert cache.get("19") == b"x"


def test_where_it_lies() -> None:
    """In the person's cache folder."""
    assert pattern_cache({"HOME": "/h"})._folder == Path("/h/.cache/harden/patterns")
    assert pattern_cache({"HOME": "/h", "XDG_CACHE_HOME": "/x"})._folder == Path("/x/harden/patterns")
    assert pattern_cache({"HOME": "/h", "XDG_CACHE_HOME": "x"})._folder == Path("/h/.cache/harden/patterns")
