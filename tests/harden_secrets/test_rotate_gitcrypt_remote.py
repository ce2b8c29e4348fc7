"""Branches that are elsewhere, that move in between, and that nobody lets us move."""

import subprocess
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.rotate.kinds.gitcrypt import rekey
from harden_secrets.rotate.kinds.gitcrypt.branches import MovedError, Remote
from harden_secrets.rotate.rotator import Rotator
from harden_secrets.sources.gitcommand import Repository
from tests.harden_secrets.gitcrypt_lab import Lab, begun, contents, go, make_lab, rotator_of

_FILES = {".gitattributes": b"*.secret filter=git-crypt diff=git-crypt\n", "a.secret": b"hunter2\n", "b.secret": b""}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A person's clone, unlocked, on master; there is a branch `live` too."""
    monkeypatch.setenv("HOME", str(tmp_path))
    made = make_lab(tmp_path)
    made.commit(_FILES)
    made.git("branch", "live")
    return made


@pytest.fixture
def forge(lab: Lab) -> Path:
    """The bare repository that both branches were pushed to."""
    bare = lab.clone("forge.git", "--bare")
    lab.git("remote", "add", "origin", str(bare))
    lab.git("fetch", "--quiet", "origin")
    return bare


def _elsewhere(lab: Lab, forge: Path, name: str = "ours") -> Rotator:
    return rotator_of(lab, "master", "live", path=str(lab.home / name), remote=f"file://{forge}")


def _refusing(forge: Path, script: str) -> None:
    hook = forge / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)


def _opens(lab: Lab, fields: object, forge: Path, branch: str = "master") -> bool:
    return isinstance(lab.unlocked(fields["key"], branch, forge), dict)  # type: ignore[index]


def test_a_remote_goes_over_by_way_of_a_repository_of_our_own(lab: Lab, forge: Path) -> None:
    """It is made where there is none; both branches are pushed."""
    rotator = _elsewhere(lab, forge)
    assert rotator.targets == (f"file://{forge}",)
    rotator.check(lab.fields)
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    for branch in ("master", "live"):
        assert _opens(lab, pair.new, forge, branch)
        assert not _opens(lab, pair.old, forge, branch)
    assert lab.git("for-each-ref", "refs/harden", at=lab.home / "ours") == ""
    assert lab.git("for-each-ref", "refs/harden", at=forge) == ""


def test_every_step_may_be_done_by_another_host(lab: Lab, forge: Path) -> None:
    """Each builds the same commits again, and sees how far the others have come."""
    pair = begun(_elsewhere(lab, forge), lab.fields)
    hosts = {
        phase: _elsewhere(lab, forge, phase) for phase in ("install", "prove", "cut_over", "retire", "prove_refused")
    }
    shown = {phase: go(host, pair, phase)[0] for phase, host in hosts.items()}
    assert shown["install"].split()[-1] == lab.tip("master", at=forge)[:12]
    assert go(_elsewhere(lab, forge, "late"), pair, "cut_over") == ["live, master at the new key already"]
    assert _opens(lab, pair.new, forge)


def test_a_clone_that_pushes_goes_along(lab: Lab, forge: Path) -> None:
    """Its own branch was where the remote one was; work tree, index and key follow."""
    rotator = rotator_of(lab, "master", remote="origin")
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    assert lab.tip() == lab.tip("master", at=forge)
    assert (lab.status(), contents(lab.path)) == ("", _FILES)
    assert _opens(lab, pair.new, forge)


def test_a_clone_with_commits_of_its_own_is_left_to_its_owner(lab: Lab, forge: Path) -> None:
    """The remote branch moves; the local one has something that was not pushed."""
    own = lab.commit({"own.txt": b"not pushed\n"})
    rotator = rotator_of(lab, "master", remote="origin")
    pair = begun(rotator, lab.fields)
    rotator.check(lab.fields)
    go(rotator, pair)
    assert (lab.tip(), lab.status()) == (own, "")
    assert _opens(lab, pair.new, forge)


def test_a_push_that_is_refused_moves_nothing(lab: Lab, forge: Path) -> None:
    """The server's words are passed on; when it has been allowed the next run goes on from there."""
    rotator = rotator_of(lab, "master", "live", remote="origin")
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install", "prove")
    _refusing(forge, "echo no re-keying on Sundays >&2; exit 1")
    before, files = lab.git("show-ref", "--heads"), contents(lab.path)
    with pytest.raises(HardenError) as error:
        go(rotator, pair, "cut_over")
    assert any("no re-keying on Sundays" in line for line in error.value.messages)
    assert any("pre-receive hook declined" in line for line in error.value.messages)
    assert lab.git("show-ref", "--heads") == before
    assert (lab.status(), contents(lab.path)) == ("", files)
    assert _opens(lab, pair.old, forge)
    _refusing(forge, "exit 0")
    go(rotator, pair, "cut_over", "retire", "prove_refused")
    assert (lab.status(), contents(lab.path)) == ("", files)
    assert _opens(lab, pair.new, forge)


def test_who_may_not_push_is_told_before_anything_is_made(lab: Lab, forge: Path) -> None:
    """The server is asked in the check, by a push of nothing; here it is one that takes none at all."""
    rotator = rotator_of(lab, "master", "live", remote="origin")
    rotator.check(lab.fields)
    forge.joinpath("config").write_text("[core]\n\tbare = true\n\trepositoryformatversion = 99\n", encoding="ascii")
    with pytest.raises(HardenError, match="origin: git fetch failed"):
        rotator.check(lab.fields)
    far = Remote(Repository(str(lab.path)), "origin")
    with pytest.raises(HardenError, match="origin: git push failed"):
        far.refuse_unmovable({"master": lab.tip()})


def test_one_branch_refused_is_all_refused(lab: Lab, forge: Path) -> None:
    """A protected branch: neither is moved."""
    rotator = _elsewhere(lab, forge)
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install", "prove")
    hook = forge / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\ntest "$1" != refs/heads/live\n')
    hook.chmod(0o755)
    before = lab.git("show-ref", at=forge)
    with pytest.raises(HardenError, match="the push was refused, no branch was moved"):
        go(rotator, pair, "cut_over")
    assert lab.git("show-ref", at=forge) == before


@pytest.mark.parametrize("far", [False, True], ids=["here", "remote"])
def test_a_branch_that_moved_is_built_and_proved_anew(lab: Lab, forge: Path, *, far: bool) -> None:
    """Between the proof and the cut-over somebody commits a file, with the old key."""
    rotator = rotator_of(lab, "master", "live", remote="origin") if far else rotator_of(lab, "master", "live")
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install", "prove")
    late = lab.commit({"late.secret": b"in between\n"})
    if far:
        lab.git("push", "--quiet", "origin", "master")
    go(rotator, pair, "cut_over", "retire", "prove_refused")
    where = forge if far else lab.path
    assert lab.git("rev-list", "-1", "master~1", at=where).strip() == late
    fresh = lab.unlocked(pair.new["key"], source=where)
    assert isinstance(fresh, dict)
    assert fresh["late.secret"] == b"in between\n"
    assert lab.status() == ""


@pytest.mark.parametrize("far", [False, True], ids=["here", "remote"])
def test_a_branch_that_was_put_back_goes_over_again(lab: Lab, forge: Path, *, far: bool) -> None:
    """Somebody pushes with force what he had before, after the cut-over; the commit that was built is good still."""
    bare = {"remote": "origin"} if far else {"path": str(forge)}
    rotator = rotator_of(lab, "master", "live", **bare)
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install", "prove", "cut_over")
    new = lab.tip("master", at=forge)
    lab.git("update-ref", "refs/heads/master", "master~1", at=forge)
    said = go(rotator, pair, "retire", "prove_refused")
    assert said[0] == "every encrypted file is under the new key; encrypted anew once more: master"
    assert lab.tip("master", at=forge) == new


def test_a_push_brings_nothing_along(lab: Lab, forge: Path) -> None:
    """No tags, and no options, which a server could take for orders and this one does not take at all."""
    lab.git("tag", "--annotate", "--message", "Mine", "mine")
    lab.git("config", "push.followTags", "true")
    lab.git("config", "push.pushOption", "merge_request.create")
    rotator = rotator_of(lab, "master", "live", remote="origin")
    rotator.check(lab.fields)
    go(rotator, begun(rotator, lab.fields))
    assert lab.git("tag", at=forge) == ""


def test_a_branch_that_moves_during_the_cut_over(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction is refused, the work tree is put back, and the commit is built on the new tip."""
    rotator = rotator_of(lab, "master")
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install", "prove")
    moves: list[str] = []
    usual = rekey.BroughtAlong.go

    def interfering(self: rekey.BroughtAlong, wanted: object) -> None:
        if not moves:
            parent, tree = lab.tip(), lab.git("rev-parse", "HEAD^{tree}").strip()
            moves.append(lab.git("commit-tree", tree, "-p", parent, "-m", "In between").strip())
            lab.git("update-ref", "refs/heads/master", moves[0])
        usual(self, wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(rekey.BroughtAlong, "go", interfering)
    go(rotator, pair, "cut_over")
    assert lab.tip("master~1") == moves[0]
    assert lab.status() == ""
    assert isinstance(lab.unlocked(pair.new["key"]), dict)


def test_a_branch_that_keeps_moving_is_given_up(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """After three times a person is told; everything is as it was."""
    rotator = rotator_of(lab, "master")
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install", "prove")
    usual = rekey.BroughtAlong.go

    def interfering(self: rekey.BroughtAlong, wanted: object) -> None:
        parent, tree = lab.tip(), lab.git("rev-parse", "HEAD^{tree}").strip()
        lab.git("update-ref", "refs/heads/master", lab.git("commit-tree", tree, "-p", parent, "-m", "Again").strip())
        usual(self, wanted)  # type: ignore[arg-type]

    monkeypatch.setattr(rekey.BroughtAlong, "go", interfering)
    with pytest.raises(MovedError, match="master moved in the meantime, nothing was done"):
        go(rotator, pair, "cut_over")
    assert (lab.status(), contents(lab.path)) == ("", _FILES)
    assert lab.git("log", "--format=%s", "master").split("\n")[0] == "Again"


def test_what_came_late_with_the_old_key_is_encrypted_anew(lab: Lab, forge: Path) -> None:
    """A person who had not changed keys commits during the overlap; retiring the old key brings it over."""
    rotator = _elsewhere(lab, forge)
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install", "prove", "cut_over")
    lab.git("fetch", "--quiet", "origin")
    lab.commit({"late.secret": b"with the old key\n"})
    lab.git("update-ref", "refs/heads/mixed", lab.git(*_onto(lab)).strip())
    lab.git("push", "--quiet", "origin", "mixed:master")
    with pytest.raises(HardenError, match=r'still encrypted with the old key:\n  "late.secret"'):
        go(rotator, pair, "prove_refused")
    assert "encrypted anew once more: master" in go(rotator, pair, "retire")[0]
    go(rotator, pair, "prove_refused")
    fresh = lab.unlocked(pair.new["key"], source=forge)
    assert isinstance(fresh, dict)
    assert fresh["late.secret"] == b"with the old key\n"


def _onto(lab: Lab) -> tuple[str, ...]:
    """A commit on the remote branch that has the remote's files and the late one as the old key encrypts it."""
    blob = lab.git("rev-parse", "HEAD:late.secret").strip()
    lines = [*lab.git("ls-tree", "origin/master").splitlines(), f"100644 blob {blob}\tlate.secret"]
    tree = subprocess.run(
        ["git", "mktree"], cwd=lab.path, input="\n".join(lines).encode() + b"\n", capture_output=True, check=True
    ).stdout
    return ("commit-tree", tree.decode().strip(), "-p", "origin/master", "-m", "Late")
