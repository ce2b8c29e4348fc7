"""Where the parts of a repository are, and what it is; asked of git."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harden.errors import HardenError
from harden_secrets.sources.gitcommand import Repository

# Beside what every call of git gets: a program that a fetch would ask for refs of alternates, and what a person's own
# pushes bring along, which are no matter of a rotation.
SETTINGS = (
    "core.alternateRefsCommand=true",
    "core.untrackedCache=false",
    "commit.gpgSign=false",
    "push.gpgSign=false",
    "push.pushOption=",
    "push.followTags=false",
    "push.recurseSubmodules=no",
)
_UNDER_WAY = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or `git am`",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "BISECT_LOG": "a bisection",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """A repository. ``common`` is its git folder, ``objects`` the folder of its objects, ``form`` sha1 or sha256."""

    path: str
    common: Path
    objects: Path
    form: str
    bare: bool
    author: str


def repository(path: str) -> Repository:
    """How git is called on it."""
    return Repository(path, settings=SETTINGS)


def without_filters(path: str) -> Repository:
    """How git is called to write an index.

    Where a file and its entry are of the same moment it compares their contents then, and to do so runs the filter
    that the repository's configuration names. Without one it finds them different, and looks again the next time.
    """
    names = os.fsdecode(
        repository(path).attempt("config", "--null", "--name-only", "--get-regexp", r"^filter\.").stdout
    )
    settings: dict[str, str] = {}
    for name in filter(None, names.split("\0")):
        driver = name.rpartition(".")[0]
        settings.update({f"{driver}.clean": "", f"{driver}.process": "", f"{driver}.required": "false"})
    variables = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        variables.update({f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value})
    # In a sparse index `update-index` puts a file beside the folder that stands for it, and both are there then.
    return Repository(path, environment=variables, settings=(*SETTINGS, "index.sparse=false"))


@contextmanager
def owner_kept(file: Path) -> Iterator[None]:
    """A file of a git folder that git replaces in the block stays its owner's, also where root runs this."""
    before = file.lstat() if file.exists() else None
    yield
    if before is not None and os.geteuid() == 0:
        os.chown(file, before.st_uid, before.st_gid, follow_symlinks=False)


def layout(path: str) -> Layout:
    """What the repository is. Raises HardenError where there is none, or not all of it."""
    if not Path(path).exists():
        raise HardenError(f"{path}: there is no such repository", "correct `repository` in the inventory")
    git = repository(path)
    asked = ("--path-format=absolute", "--git-common-dir", "--git-path", "objects", "--show-object-format")
    lines = os.fsdecode(git.run("rev-parse", *asked, "--is-bare-repository", "--is-shallow-repository")).split("\n")
    common, objects, form, bare, shallow = lines[:5]
    if shallow == "true":
        raise HardenError(
            f"{path}: a shallow clone: what was encrypted before its oldest commit cannot be known",
            f"`git -C {path} fetch --unshallow`",
        )
    if git.attempt("config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$").stdout:
        raise HardenError(f"{path}: a partial clone: not all files are there", "make a whole clone of it")
    return Layout(path, Path(common), Path(objects), form, bare == "true", _author(git))


def refuse_under_way(path: str, git_dir: Path) -> None:
    """Raises HardenError for a rebase, merge or the like that somebody has not finished."""
    for name, what in _UNDER_WAY.items():
        if (git_dir / name).exists():
            raise HardenError(f"{path}: {what} is under way there", "finish it or give it up, then run this again")


def _author(git: Repository) -> str:
    """Who makes the commits, by git's configuration, or a name of ours where that says nothing."""
    name, address = (
        os.fsdecode(git.attempt("config", "--get", f"user.{key}").stdout).strip() for key in ("name", "email")
    )
    plain = "".join(char for char in f"{name}\n{address}" if char not in "<>\0").split("\n")
    return f"{plain[0] or 'harden'} <{plain[1] or 'harden@localhost'}>"
