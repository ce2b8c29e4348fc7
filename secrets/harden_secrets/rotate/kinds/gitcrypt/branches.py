"""Where the live branches are, and how all of them are moved at once: in the repository itself, or in a remote one."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from harden.errors import HardenError
from harden.printable import printable
from harden_secrets.rotate.kinds.gitcrypt.layout import SETTINGS
from harden_secrets.sources.gitcommand import Repository

OURS = "refs/harden"
UPSTREAM = f"{OURS}/upstream/"
_HEADS = "refs/heads/"
_PROTOCOLS = ("file", "ssh", "https")
_REASON = "harden: files encrypted with a new git-crypt key"


class MovedError(HardenError):
    """A branch has moved since the new commits were built; nothing was moved by us."""


@dataclass(frozen=True, slots=True)
class Move:
    """A branch from one commit to another."""

    old: str
    new: str


class Branches(Protocol):
    """The branches of the repository that counts."""

    def tips(self, names: Sequence[str]) -> Mapping[str, str]:
        """The commits of those that are there, now; of no names: of the one that is checked out (``HEAD``)."""
        ...

    def others(self) -> Mapping[str, str]:
        """All other refs that may hold commits of their own, after ``tips``: name and commit."""
        ...

    def refuse_unmovable(self, tips: Mapping[str, str]) -> None:
        """Raises HardenError where it is known before that they cannot be moved by this user. Changes nothing."""
        ...

    def move(self, moves: Mapping[str, Move]) -> None:
        """Moves all of them, or none. Raises MovedError, or HardenError with the words of whoever refused."""
        ...


class Here:
    """The branches of the repository at ``path``."""

    def __init__(self, git: Repository) -> None:
        self._git = git

    def tips(self, names: Sequence[str]) -> Mapping[str, str]:
        """See :class:`Branches`."""
        if not names:
            head = self._git.attempt("symbolic-ref", "--quiet", "HEAD")
            if head.returncode:
                raise _no_head(self._git.path)
            names = [head.stdout.decode("utf-8", "surrogateescape").strip().removeprefix(_HEADS)]
        known = refs(self._git, _HEADS)
        return {name: known[_HEADS + name] for name in names if _HEADS + name in known}

    def others(self) -> Mapping[str, str]:
        """See :class:`Branches`."""
        return {name: commit for name, commit in refs(self._git, "refs/").items() if not name.startswith(f"{OURS}/")}

    def refuse_unmovable(self, tips: Mapping[str, str]) -> None:
        """See :class:`Branches`."""
        asked = ("--path-format=absolute", "--git-path", "objects", "--git-path", "refs/heads")
        for folder in os.fsdecode(self._git.run("rev-parse", *asked)).splitlines():
            if not os.access(folder, os.W_OK | os.X_OK):
                raise HardenError(f"{folder}: this user cannot write there", "run this as the repository's owner")
        for name in tips:
            other = self._git.attempt("symbolic-ref", "--quiet", _HEADS + name).stdout
            if other:
                what = printable(other.decode("utf-8", "surrogateescape").strip().removeprefix(_HEADS))
                raise HardenError(
                    f"{self._git.path}: the branch {printable(name)} is only another name of {what}",
                    f"give {what} under `branches` in the inventory",
                )

    def move(self, moves: Mapping[str, Move]) -> None:
        """See :class:`Branches`."""
        steps = [f"update {_HEADS}{name}\0{move.new}\0{move.old}\0" for name, move in moves.items()]
        stdin = "".join(("start\0", *steps, "prepare\0", "commit\0")).encode("utf-8", "surrogateescape")
        done = self._git.attempt("update-ref", "-m", _REASON, "-z", "--stdin", stdin=stdin)
        if done.returncode:
            now = self.tips(list(moves))
            moved = [name for name, move in moves.items() if now.get(name) != move.old]
            raise _moved(self._git.path, moved) if moved else self._git.failed("update-ref", done.stderr)


class Remote:
    """The branches of another repository, by way of the one at ``path``."""

    def __init__(self, git: Repository, remote: str) -> None:
        self._near = git
        self._name = remote
        self._far = Repository(git.path, settings=(*SETTINGS, *_of_user(git)))
        self._url = _url(git, remote)

    def tips(self, names: Sequence[str]) -> Mapping[str, str]:
        """See :class:`Branches`. Fetches first."""
        self._fetch()
        known = refs(self._near, UPSTREAM)
        if not names:
            names = [self._head()]
        return {name: known[UPSTREAM + name] for name in names if UPSTREAM + name in known}

    def others(self) -> Mapping[str, str]:
        """See :class:`Branches`."""
        return refs(self._near, UPSTREAM)

    def refuse_unmovable(self, tips: Mapping[str, str]) -> None:
        """See :class:`Branches`. A push that would change nothing; the server wants to know who asks, all the same."""
        specs = [f"{tip}:{_HEADS}{name}" for name, tip in tips.items()]
        self._asked("push", "--dry-run", "--no-verify", "--receive-pack=git-receive-pack", "--", self._url, *specs)

    def move(self, moves: Mapping[str, Move]) -> None:
        """See :class:`Branches`. Only forward: each new commit has the old one as its parent."""
        leases = [f"--force-with-lease={_HEADS}{name}:{move.old}" for name, move in moves.items()]
        specs = [f"{move.new}:{_HEADS}{name}" for name, move in moves.items()]
        together = ["--atomic"] if len(moves) > 1 else []  # which not every server knows
        options = (*together, "--porcelain", "--no-verify", "--no-signed", "--receive-pack=git-receive-pack")
        done = self._far.attempt("push", *options, *leases, "--", self._url, *specs)
        if done.returncode:
            self._refused(moves, done.stdout + b"\n" + done.stderr)

    def _refused(self, moves: Mapping[str, Move], said: bytes) -> None:
        now = self.tips(list(moves))
        if all(now.get(name) == move.new for name, move in moves.items()):
            return  # the answer was lost on the way, no more
        moved = [name for name, move in moves.items() if now.get(name) != move.old]
        if moved:
            raise _moved(self._name, moved)
        raise HardenError(
            (f"{printable(self._name)}: the push was refused, no branch was moved; git says:", *_words(said)),
            "allow the user this push (a protected branch, a hook), then run this again",
        )

    def _fetch(self) -> None:
        spec = f"+{_HEADS}*:{UPSTREAM}*"
        options = ("--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
        self._asked("fetch", *options, "--no-auto-gc", "--upload-pack=git-upload-pack", "--", self._url, spec)

    def _head(self) -> str:
        listed = self._asked("ls-remote", "--symref", "--upload-pack=git-upload-pack", "--", self._url, "HEAD")
        for line in listed.decode("utf-8", "surrogateescape").splitlines():
            if line.startswith(f"ref: {_HEADS}"):
                return line.split("\t")[0].removeprefix(f"ref: {_HEADS}")
        raise _no_head(self._name)

    def _asked(self, *arguments: str) -> bytes:
        done = self._far.attempt(*arguments)
        if done.returncode:
            said = f"{printable(self._name)}: git {arguments[0]} failed; it says:"
            raise HardenError((said, *_words(done.stderr)), "the remote, or the way to log in there, is in its words")
        return done.stdout


def refs(git: Repository, prefix: str) -> dict[str, str]:
    """The refs below a prefix, and the commits that they lead to."""
    form = "--format=%(objectname) %(*objectname) %(refname)"
    found: dict[str, str] = {}
    for line in git.run("for-each-ref", form, prefix).decode("utf-8", "surrogateescape").splitlines():
        direct, peeled, name = line.split(" ", 2)
        found[name] = peeled or direct
    return found


def _url(git: Repository, remote: str) -> str:
    """Where a remote is. Its address is given to git, not its name, so that nothing else of its settings applies."""
    if "/" in remote or ":" in remote:
        return remote
    url = git.attempt("config", "--get", f"remote.{remote}.url").stdout.decode("utf-8", "surrogateescape").strip()
    if not url:
        raise HardenError(f"{git.path}: has no remote {printable(remote)}", "give its URL as `remote` in the inventory")
    if url.startswith("-"):
        raise HardenError(f"{git.path}: the URL of its remote {printable(remote)} begins as an option of git does")
    return url


def _of_user(git: Repository) -> list[str]:
    """How the user logs in to remotes. What the repository itself says of that is not taken: it could be a program."""
    settings = ["protocol.ext.allow=never", *(f"protocol.{name}.allow=always" for name in _PROTOCOLS)]
    chosen = {"core.sshCommand": "ssh", "credential.helper": "", "core.gitProxy": "", "core.askPass": ""}
    for name, usual in chosen.items():
        values = [git.attempt("config", scope, "--get", name).stdout for scope in ("--global", "--system")]
        value = next((value.decode("utf-8", "surrogateescape").strip() for value in values if value), usual)
        settings.append(f"{name}={value}")
    return settings


def _moved(where: str, names: Sequence[str]) -> MovedError:
    moved = ", ".join(map(printable, names))
    return MovedError(f"{printable(where)}: {moved} moved in the meantime, nothing was done", "run this again")


def _no_head(where: str) -> HardenError:
    return HardenError(f"{printable(where)}: no branch is checked out", "name them: `branches` in the inventory")


def _words(said: bytes) -> list[str]:
    lines = [printable(line.strip()) for line in said.decode("utf-8", "replace").splitlines()]
    return [line for line in lines if line and line != "Done" and not line.startswith("To ")]
