"""Repositories in odd states, and odd values in Vault: a key is rotated there, or a person is told before it begins."""

import base64
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.gitcrypt import rekey
from harden_secrets.rotate.kinds.gitcrypt.proof import prove_read
from harden_secrets.rotate.kinds.gitcrypt.rekeying import Succession
from harden_secrets.rotate.kinds.gitcrypt.site import Site
from tests.harden_secrets.gitcrypt_lab import Lab, begun, go, make_lab, rotator_of, run

_ATTRIBUTES = b"*.secret filter=git-crypt diff=git-crypt\n"


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """An unlocked clone with one encrypted file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    made = make_lab(tmp_path)
    made.commit({".gitattributes": _ATTRIBUTES, "a.secret": b"hunter2\n", "b.txt": b"open\n"})
    return made


@pytest.mark.parametrize("value", [b"n" * 96, b"0f" * 64], ids=["as long as an old key", "base64 of that length"])
def test_another_field_is_not_taken_for_a_key(lab: Lab, value: bytes) -> None:
    """Keys of before git-crypt 0.4 are known by their length alone; a SHA-512 in hexadecimal decodes to as much."""
    fields = {**lab.fields, "digest": Confidential(value)}
    rotator = rotator_of(lab)
    rotator.check(fields)
    pair = begun(rotator, fields)
    assert pair.new["digest"] == fields["digest"]
    assert pair.new["key"] != fields["key"]


def test_base64_text_may_be_wrapped(lab: Lab) -> None:
    """As ``base64`` prints it, in lines of 76 columns."""
    fields = {"key": Confidential(base64.encodebytes(lab.key.reveal()))}
    rotator = rotator_of(lab)
    pair = begun(rotator, fields)
    go(rotator, pair)
    assert isinstance(lab.unlocked(Confidential(base64.b64decode(pair.new["key"].reveal()))), dict)


def test_an_author_s_name_may_be_of_any_encoding(lab: Lab) -> None:
    """Git only wants bytes."""
    run("git", "config", "user.name", os.fsdecode(b"J\xfcrgen"), at=lab.path, home=lab.home)
    rotator = rotator_of(lab)
    go(rotator, begun(rotator, lab.fields))
    assert lab.git("log", "-1", "--format=%an", "--encoding=UTF-8").strip() == os.fsdecode(b"J\xfcrgen")


def test_a_commit_that_was_built_late_is_proved_before_the_branch_moves(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody commits between the proof and the cut-over: what is moved to was read by git-crypt too."""
    rotator = rotator_of(lab)
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install", "prove")
    lab.commit({"late.secret": b"in between\n"})
    late = lab.tip()
    where: list[str] = []

    def proved(site: Site, keys: Succession, commits: Mapping[str, str]) -> str:
        where.append(lab.tip())
        return prove_read(site, keys, commits)

    monkeypatch.setattr(rekey, "prove_read", proved)
    go(rotator, pair, "cut_over")
    assert where == [late]
    assert lab.tip("HEAD~1") == late


def test_ciphertext_that_no_attribute_covers_is_encrypted_anew_too(lab: Lab) -> None:
    """Left from when one did: the check names it, and the rotation does not wait for git-crypt to decrypt it."""
    lab.git("update-index", "--add", "--cacheinfo", f"100644,{lab.tip('HEAD:a.secret')},left.txt")
    lab.git("commit", "--quiet", "--message", "Leave it")
    lab.git("checkout", "--", "left.txt")
    rotator = rotator_of(lab)
    assert rotator.check(lab.fields).lines[1:] == (
        "master: the filter git-crypt is for none of these, which stay ciphertext:",
        '  "left.txt"',
    )
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    assert lab.status() == ""
    assert lab.blob("left.txt") == lab.blob("a.secret")


def test_attributes_that_are_encrypted_are_refused(lab: Lab) -> None:
    """In a locked clone, a fresh one for instance, git knows none of them."""
    lab.commit({".gitattributes": b"* filter=git-crypt diff=git-crypt\n"})
    with pytest.raises(HardenError, match=r'".gitattributes" is encrypted itself'):
        rotator_of(lab).check(lab.fields)
    lab.commit({".gitattributes": b"d/** filter=git-crypt\n" + _ATTRIBUTES, "d/.gitattributes": b"*.pem binary\n"})
    assert lab.blob("d/.gitattributes").startswith(b"\0GITCRYPT")
    _goes_along(lab, lab.path)  # those say nothing of filters


def test_a_new_file_that_is_staged_is_in_the_way(lab: Lab) -> None:
    """It is encrypted with the old key already, and the commit to come would bring that in."""
    lab.write({"new.secret": b"not committed\n", "open.txt": b"may be staged\n"})
    lab.git("add", "open.txt")
    rotator_of(lab).check(lab.fields)
    lab.git("add", "new.secret")
    with pytest.raises(HardenError, match=r'changes that are not committed:\n *"new.secret"'):
        rotator_of(lab).check(lab.fields)


def test_a_rebase_of_a_live_branch_is_in_the_way(lab: Lab) -> None:
    """No branch is checked out then, but one will be moved to what comes of it."""
    lab.git("checkout", "--quiet", "-b", "other")
    lab.commit({"b.txt": b"theirs\n"})
    lab.git("checkout", "--quiet", "master")
    lab.commit({"b.txt": b"mine\n"})
    lab.git("rebase", "other", check=False)
    with pytest.raises(HardenError, match="a rebase is under way there"):
        rotator_of(lab, "master").check(lab.fields)


def test_another_name_of_a_branch_is_refused(lab: Lab) -> None:
    """Moved by that name, the branch would leave its work tree behind."""
    lab.git("symbolic-ref", "refs/heads/main", "refs/heads/master")
    with pytest.raises(HardenError, match="the branch main is only another name of master"):
        rotator_of(lab, "main").check(lab.fields)


def test_an_unlocked_work_tree_of_another_branch_is_named(lab: Lab) -> None:
    """It keeps the old key, with which a live branch can be checked out no more."""
    lab.git("checkout", "--quiet", "-b", "feature")
    assert f"{lab.path}: unlocked, and no live branch" in rotator_of(lab, "master").check(lab.fields).lines[1]
    assert len(rotator_of(lab, "master", "feature").check(lab.fields).lines) == 2


def test_a_submodule_is_brought_along(lab: Lab) -> None:
    """Its git folder is in that of the repository around it, and `git worktree list` names it as the work tree."""
    around = lab.home / "around"
    around.mkdir()
    run("git", "init", "--quiet", at=around, home=lab.home)
    run("git", "-c", "protocol.file.allow=always", "submodule", "add", str(lab.path), "sub", at=around, home=lab.home)
    lab.unlock(lab.key, around / "sub")
    _goes_along(lab, around / "sub")


def test_a_git_folder_may_be_elsewhere(lab: Lab) -> None:
    """As with `git init --separate-git-dir`; by way of that folder alone the work tree cannot be found."""
    lab.git("init", "--quiet", "--separate-git-dir", str(lab.home / "folder"))
    with pytest.raises(HardenError, match="does not say where its work tree is"):
        rotator_of(lab, path=str(lab.home / "folder")).check(lab.fields)
    _goes_along(lab, lab.path)


def test_a_sparse_index_stays_one(lab: Lab) -> None:
    """A folder that is not checked out is one entry in it, which stands for all files below."""
    lab.commit({"here/x.secret": b"here\n", "there/y.secret": b"there\n"})
    lab.git("sparse-checkout", "init", "--cone", "--sparse-index")
    lab.git("sparse-checkout", "set", "here")
    _goes_along(lab, lab.path)
    assert "S there/" in lab.git("ls-files", "--sparse", "-t")


def _goes_along(lab: Lab, path: Path) -> None:
    rotator = rotator_of(lab, "master", path=str(path))
    rotator.check(lab.fields)
    go(rotator, begun(rotator, lab.fields))
    assert lab.status(path) == ""
    assert (path / "a.secret").read_bytes() == b"hunter2\n"


def test_two_keys_of_a_repository_at_once(lab: Lab) -> None:
    """What one rotation has installed is not cleared away when the other one ends."""
    run("git-crypt", "init", "--key-name", "ops", at=lab.path, home=lab.home)
    ops = {"key": Confidential((lab.path / ".git" / "git-crypt" / "keys" / "ops").read_bytes())}
    lab.commit({".gitattributes": _ATTRIBUTES + b"*.ops filter=git-crypt-ops\n", "x.ops": b"of another key\n"})
    one, other = rotator_of(lab), rotator_of(lab, key_name="ops")
    pair, theirs = begun(one, lab.fields, "a" * 12), begun(other, ops, "b" * 12)
    go(one, pair, "install")
    go(other, theirs)
    assert (
        lab.git("for-each-ref", "--format=%(refname)", "refs/harden").strip() == f"refs/harden/rekey/{'a' * 12}/master"
    )
    go(one, pair)
    assert (lab.status(), lab.git("for-each-ref", "refs/harden")) == ("", "")


def test_the_old_key_is_refused_where_nothing_is_encrypted_any_more(lab: Lab) -> None:
    """Somebody took the last encrypted file out meanwhile: in words, too."""
    rotator = rotator_of(lab)
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install", "prove", "cut_over")
    lab.git("rm", "--quiet", "a.secret")
    lab.git("commit", "--quiet", "--message", "Take it out")
    assert go(rotator, pair, "retire", "prove_refused")[1] == "no live branch has an encrypted file any more"
