"""Which work trees a repository has, where they are, and what is checked out in them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harden.errors import HardenError
from harden_secrets.rotate.kinds.gitcrypt.layout import repository

_HEADS = "refs/heads/"


@dataclass(frozen=True, slots=True)
class Checkout:
    """A work tree, its own git folder, and the branch that is checked out, or rebased, in it; empty: none is."""

    root: Path
    git_dir: Path
    branch: str


def checkouts(path: str) -> tuple[Checkout, ...]:
    """The work trees of a repository that are there. Raises HardenError where git does not say where one is."""
    printed = os.fsdecode(repository(path).run("worktree", "list", "--porcelain", "-z"))
    return tuple(_checkouts(path, printed))


def _checkouts(path: str, printed: str) -> Iterator[Checkout]:
    for number, block in enumerate(printed.split("\0\0")):
        about = dict(line.partition(" ")[::2] for line in block.split("\0") if line)
        place = about.get("worktree", "")
        if place and "bare" not in about and Path(place).is_dir():
            root, git_dir = _whereabouts(place) if number else _main_whereabouts(place, path)
            branch = about.get("branch") or _rebased(git_dir)
            yield Checkout(root, git_dir, branch.removeprefix(_HEADS) if branch.startswith(_HEADS) else "")


def _main_whereabouts(place: str, path: str) -> tuple[Path, Path]:
    """Of the main work tree. Git names the git folder instead where that is not in it (submodules, among others)."""
    for one in (place, path):
        asked = repository(one).attempt("rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir")
        own, common = os.fsdecode(asked.stdout).split("\n")[:2] if asked.returncode == 0 else ("", "other")
        if own == common and repository(one).attempt("rev-parse", "--show-toplevel").returncode == 0:
            return _whereabouts(one)
    raise HardenError(f"{path}: git does not say where its work tree is", "give the work tree as `path`")


def _whereabouts(place: str) -> tuple[Path, Path]:
    """Root and git folder of the work tree that a folder belongs to."""
    asked = repository(place).run("rev-parse", "--path-format=absolute", "--show-toplevel", "--git-dir")
    root, git_dir = os.fsdecode(asked).split("\n")[:2]
    return Path(root), Path(git_dir)


def _rebased(git_dir: Path) -> str:
    """The branch that will be moved at the end of a rebase, during which nothing is checked out."""
    for name in ("rebase-merge", "rebase-apply"):
        with suppress(OSError):
            return os.fsdecode((git_dir / name / "head-name").read_bytes()).strip()
    return ""
