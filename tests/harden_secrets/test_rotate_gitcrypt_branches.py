"""Branches that part and meet again, before and after the change of the key."""

from pathlib import Path

import pytest

from tests.harden_secrets.gitcrypt_lab import Lab, begun, contents, go, make_lab, rotator_of

_FILES = {
    ".gitattributes": b"*.secret filter=git-crypt diff=git-crypt\n",
    "a.secret": b"a\n",
    "b.secret": b"b\n",
    "c.txt": b"c\n",
}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """An unlocked clone."""
    monkeypatch.setenv("HOME", str(tmp_path))
    made = make_lab(tmp_path)
    made.commit(_FILES)
    return made


def _on(lab: Lab, branch: str, files: dict[str, bytes]) -> None:
    lab.git("checkout", "--quiet", branch)
    lab.commit(files, f"On {branch}")


@pytest.mark.parametrize("back", [False, True], ids=["forward", "and-back"])
def test_live_branches_merge_afterwards_as_before(lab: Lab, *, back: bool) -> None:
    """Each changed another encrypted file since they parted: no conflict, and both changes are there."""
    lab.git("branch", "live")
    _on(lab, "live", {"b.secret": b"of live\n"})
    _on(lab, "master", {"a.secret": b"of master\n", "c.txt": b"of master\n"})
    rotator = rotator_of(lab, "master", "live")
    go(rotator, begun(rotator, lab.fields), *(("install", "prove", "cut_over", "withdraw") if back else ()))
    lab.git("merge", "--quiet", "--no-edit", "live")
    assert contents(lab.path) == {
        **_FILES,
        "a.secret": b"of master\n",
        "b.secret": b"of live\n",
        "c.txt": b"of master\n",
    }
    assert lab.status() == ""


def test_a_branch_that_is_behind_can_still_be_brought_forward(lab: Lab) -> None:
    """It had nothing of its own: `live` goes forward to `master` as it would have before."""
    lab.git("branch", "live")
    _on(lab, "master", {"a.secret": b"ahead\n"})
    rotator = rotator_of(lab, "master", "live")
    go(rotator, begun(rotator, lab.fields))
    lab.git("checkout", "--quiet", "live")
    assert contents(lab.path)["a.secret"] == b"a\n"
    lab.git("merge", "--quiet", "--ff-only", "master")
    assert contents(lab.path)["a.secret"] == b"ahead\n"
    assert lab.status() == ""


def test_three_branches_that_parted_one_after_the_other(lab: Lab) -> None:
    """Every two of them have an ancestor of their own, and all merge into one."""
    lab.git("branch", "old")
    _on(lab, "master", {"a.secret": b"second\n"})
    lab.git("branch", "live")
    _on(lab, "old", {"b.secret": b"of old\n"})
    _on(lab, "live", {"d.secret": b"of live\n"})
    _on(lab, "master", {"c.txt": b"third\n"})
    rotator = rotator_of(lab, "master", "live", "old")
    go(rotator, begun(rotator, lab.fields))
    for branch in ("live", "old"):
        lab.git("merge", "--quiet", "--no-edit", branch)
    wanted = {"a.secret": b"second\n", "b.secret": b"of old\n", "c.txt": b"third\n", "d.secret": b"of live\n"}
    assert contents(lab.path) == {**_FILES, **wanted}


def test_branches_without_a_common_ancestor(lab: Lab) -> None:
    """Each is for itself."""
    lab.git("checkout", "--quiet", "--orphan", "apart")
    lab.commit({"a.secret": b"apart\n"})
    rotator = rotator_of(lab, "master", "apart")
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    for branch, content in (("master", b"a\n"), ("apart", b"apart\n")):
        assert len(lab.git("rev-list", "--parents", "-1", branch).split()) == 2
        fresh = lab.unlocked(pair.new["key"], branch)
        assert isinstance(fresh, dict)
        assert fresh["a.secret"] == content


def test_a_branch_on_which_nothing_is_encrypted_stays(lab: Lab) -> None:
    """It has no commit of ours, and the others go over all the same."""
    lab.git("checkout", "--quiet", "--orphan", "pages")
    lab.git("rm", "--quiet", "-r", "--force", ".")
    lab.commit({"index.html": b"open\n"})
    before = lab.tip("pages")
    rotator = rotator_of(lab, "master", "pages")
    assert "pages: no file encrypted with this key" in rotator.check(lab.fields).lines
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    assert lab.tip("pages") == before
    assert isinstance(lab.unlocked(pair.new["key"]), dict)
