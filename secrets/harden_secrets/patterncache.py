"""Compiled patterns kept between runs, in the person's cache folder (XDG Base Directory Specification).

A database is code of a kind: one that another user could have written is not taken.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from harden_secrets.durable import write_file

_DIGEST = 32  # bytes before the content: a torn or damaged file is none
_LARGEST = 64 << 20
_KEPT = 8  # databases; more than one version of harden may be in use


class PatternCache:
    """Files in a folder; where that cannot be read or written nothing is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> bytes | None:
        """What was put there under the name by this user."""
        try:
            with (self._folder / name).open("rb") as file:
                about = os.fstat(file.fileno())
                if not _is_ours(about) or not _is_ours(self._folder.stat()):
                    return None
                content = file.read(_LARGEST)
        except OSError:
            return None
        digest, database = content[:_DIGEST], content[_DIGEST:]
        return database if hashlib.sha256(database).digest() == digest else None

    def put(self, name: str, content: bytes) -> None:
        """Keeps it, and forgets the oldest."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_ours(self._folder.stat()):
                write_file(self._folder / name, hashlib.sha256(content).digest() + content)
                self._forget()

    def _forget(self) -> None:
        there = sorted(self._folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in there[_KEPT:]:
            path.unlink(missing_ok=True)


def pattern_cache(environment: Mapping[str, str]) -> PatternCache:
    """The cache of the person whose environment this is."""
    given = Path(environment.get("XDG_CACHE_HOME", ""))
    folder = given if given.is_absolute() else Path(environment.get("HOME") or "/nonexistent", ".cache")
    return PatternCache(folder / "harden" / "patterns")


def _is_ours(about: os.stat_result) -> bool:
    others_may_write = about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return about.st_uid == os.geteuid() and not others_may_write
