"""A re-keying that is killed: nothing lost, a key that opens every branch at any moment, and the next run finishes."""

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from harden.errors import HardenError
from harden_secrets.rotate.kinds.gitcrypt import leftovers
from harden_secrets.rotate.kinds.gitcrypt import workroom as workrooms
from harden_secrets.rotate.kinds.gitcrypt.workroom import workroom
from harden_secrets.rotate.kinds.gitcrypt.worktreefile import WorktreeFile
from harden_secrets.rotate.rotator import Pair
from harden_secrets.sources.gitcommand import Repository
from tests.harden_secrets.gitcrypt_lab import Lab, begun, contents, go, make_lab, rotator_of

_FILES = {
    ".gitattributes": b"*.secret filter=git-crypt diff=git-crypt\n",
    **{f"{number}.secret": bytes([number]) * (number * 99_730) for number in range(1, 4)},
}
_PROGRAM = """
import sys
from pathlib import Path
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.rotator import Pair
from tests.harden_secrets.gitcrypt_lab import WHEN, Lab, go, rotator_of

home, name, keys, *phases = sys.argv[1:]
old, new = (Confidential(Path(home, part).read_bytes()) for part in ("old", "new"))
lab = Lab(Path(home, name), Path(home), old)
go(rotator_of(lab, keys=keys), Pair({"key": old}, {"key": new}, "0123456789ab", WHEN), *phases)
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """An unlocked clone with three encrypted files."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    made = make_lab(tmp_path)
    made.commit(_FILES)
    return made


def _started(lab: Lab, pair: Pair, keys: str, *phases: str) -> "subprocess.Popen[bytes]":
    for name, fields in (("old", pair.old), ("new", pair.new)):
        (lab.home / name).write_bytes(fields["key"].reveal())
    argv = [sys.executable, "-c", _PROGRAM, str(lab.home), lab.path.name, keys, *phases]
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    return subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": paths}, start_new_session=True)


def _without_attributes(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if name != ".gitattributes"}


def _openers(lab: Lab, pair: Pair) -> list[str]:
    """Which of the keys opens the branch in a fresh clone, all of it."""
    tried = {name: lab.unlocked(fields["key"]) for name, fields in (("old", pair.old), ("new", pair.new))}
    return [
        name
        for name, found in tried.items()
        if isinstance(found, dict) and _without_attributes(found) == _without_attributes(_FILES)
    ]


def _is_finished(lab: Lab, pair: Pair) -> bool:
    return (
        _openers(lab, pair) == ["new"]
        and lab.status() == ""
        and _without_attributes(contents(lab.path)) == _without_attributes(_FILES)
        and lab.git("for-each-ref", "refs/harden") == ""
    )


def test_it_is_killed_at_random_and_finishes(lab: Lab) -> None:
    """At any moment of any phase, with all programs that it had started; right afterwards one key opens everything."""
    chance = random.Random(4)
    rotator = rotator_of(lab)
    pair = begun(rotator, lab.fields)
    for phase in ("install", "prove", "cut_over", "retire"):
        process = _started(lab, pair, "replace", phase)
        time.sleep(chance.uniform(0.3, 1.2))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert len(_openers(lab, pair)) == 1
    go(rotator, pair)
    assert _is_finished(lab, pair)


_WRITING = ("update-ref", "update-index", "config", "push")


class _CutError(BaseException):
    """Nothing catches it, as nothing catches a kill."""


class _Cutting:
    """Ends the run right after the n-th time that something was written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
        self.left = count
        for owner, name in ((Repository, "attempt"), (WorktreeFile, "replace"), (WorktreeFile, "remove")):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, usual: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            done = usual(*arguments, **named)
            self.left -= isinstance(arguments[0], WorktreeFile) or arguments[1] in _WRITING
            if self.left == 0:
                self.left = -1
                raise _CutError
            return done

        return call


@pytest.mark.parametrize(
    ("keys", "locked"), [("replace", False), ("replace", True), ("named", False)], ids=["unlocked", "locked", "named"]
)
def test_the_cut_over_is_cut_off_at_every_step(lab: Lab, keys: Literal["replace", "named"], locked: bool) -> None:
    """After each call of git and each file that changes something: the next run finishes, as if nothing had been."""
    if locked:
        lab = replace(lab, path=lab.clone("locked"))
    rotator = rotator_of(lab, keys=keys)
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install")
    kept = lab.home / "kept"
    shutil.copytree(lab.path, kept, symlinks=True)
    for count in itertools.count(1):
        shutil.rmtree(lab.path)
        shutil.copytree(kept, lab.path, symlinks=True)
        with pytest.MonkeyPatch.context() as patch:
            cutting = _Cutting(patch, count)
            with suppress(_CutError):
                go(rotator, pair, "cut_over")
        if cutting.left > 0:
            break
        go(rotator, pair, "cut_over")
        assert lab.status() == ""
        assert lab.tip("master~1") == lab.tip("master", at=kept)
    assert count > 3
    go(rotator, pair, "retire")
    assert _openers(lab, pair) == ["new"]


def test_locks_of_a_git_that_was_killed_are_taken_away(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are younger than the run that died; an older one is somebody else's, and git then says so."""
    monkeypatch.setattr(leftovers, "_SETTLED", 0.0)
    git = lab.path / ".git"
    rotator = rotator_of(lab)
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install", "prove")
    (mark := git / "harden-at-work-0123456789abcdef").touch()
    ours = [
        git / "refs" / "heads" / "master.lock",
        git / "refs" / "harden" / "rekey" / "0123456789ab" / "master.lock",
        git / "index.lock",
        git / "objects" / "pack" / "tmp_pack_abcdef",
        git / "git-crypt" / "keys" / ".harden-rekey-1",
        lab.path / ".harden-rekey-1",
    ]
    for path in ours:
        path.touch()
    (theirs := git / "HEAD.lock").touch()
    os.utime(theirs, (0, 0))
    with subprocess.Popen(["git", "cat-file", "--batch"], cwd=lab.path, stdin=subprocess.PIPE) as at_work:
        go(rotator, pair, "install")
        assert [path for path in ours if path.exists()] == ours
        assert at_work.stdin is not None
        at_work.stdin.close()
    assert mark.exists()
    with ours[0].open("rb"):
        go(rotator, pair, "install")
        assert [path for path in ours if path.exists()] == ours[:1]
    assert theirs.exists()
    assert not mark.exists()
    theirs.unlink()
    mark.touch()
    os.utime(mark, (1, 1))
    go(rotator, pair)
    assert _is_finished(lab, pair)
    assert list(git.glob("harden-at-work-*")) == []


def test_what_a_killed_run_left_is_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A private folder of a run that is under way stays; one whose process is gone goes."""
    monkeypatch.setattr(workrooms, "_IN_MEMORY", tmp_path)
    with workroom() as held:
        (left := tmp_path / f"{held.name[:-4]}gone").mkdir(mode=0o700)
        (left / ".in-use").touch()
        (left / "plain").write_text("x", encoding="ascii")
        (young := tmp_path / f"{held.name[:-4]}made").mkdir(mode=0o700)
        with workroom():
            assert held.exists()
            assert young.exists()
            assert not left.exists()
    assert not held.exists()


def test_a_private_folder_is_private_and_has_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else can enter it; where there is no room for what has to go in, a person is told before."""
    monkeypatch.setattr(workrooms, "_IN_MEMORY", tmp_path)
    with workroom() as held:
        assert held.stat().st_mode & 0o777 == 0o700
    with pytest.raises(HardenError, match="no room for"), workroom(1 << 60):
        pass
