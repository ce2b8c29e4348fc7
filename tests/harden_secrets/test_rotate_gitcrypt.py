"""A repository goes over to a new git-crypt key: real git, real git-crypt, every kind of file."""

import base64
import shutil
from pathlib import Path
from typing import Literal

import pytest

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.gitcrypt import blobs, keyfile, workshop
from tests.harden_secrets.gitcrypt_lab import (
    PLAIN_FILES,
    SECRET_FILES,
    Lab,
    begun,
    contents,
    fill,
    go,
    make_lab,
    rotator_of,
)

_WAYS: tuple[Literal["replace", "named"], ...] = ("replace", "named")


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """A repository with all that one may have, unlocked."""
    monkeypatch.setenv("HOME", str(tmp_path))
    made = make_lab(tmp_path)
    fill(made)
    return made


def _tree(lab: Lab, commit: str) -> dict[str, tuple[str, str]]:
    """Path: mode and id."""
    lines = lab.git("ls-tree", "-r", "-z", commit).split("\0")
    return {line.split("\t")[1]: (line.split()[0], line.split()[2].split("\t")[0]) for line in lines if line}


@pytest.mark.parametrize("keys", _WAYS)
def test_a_repository_has_the_new_key_and_the_same_files(lab: Lab, keys: Literal["replace", "named"]) -> None:
    """Who has the new key reads all of it in a fresh clone, who has the old one nothing; all else is untouched."""
    rotator = rotator_of(lab, "master", keys=keys)
    before, files = lab.tip(), contents(lab.path)
    assert rotator.check(lab.fields).lines == ("master: 11 files encrypted with this key",)
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    assert lab.git("rev-list", "--parents", "-1", "master").split()[1:] == [before]
    assert lab.git("show-ref").count("\n") == 1
    fresh = lab.unlocked(pair.new["key"])
    assert isinstance(fresh, dict)
    assert {name: fresh[name] for name in SECRET_FILES} == SECRET_FILES
    old = lab.unlocked(pair.old["key"])
    if keys == "replace":
        assert "tampered with" in str(old)
        assert fresh == files
    else:
        assert isinstance(old, dict)
        assert all(blobs.is_encrypted(old[name]) for name in SECRET_FILES)
    tree, after = _tree(lab, before), _tree(lab, "master")
    assert {path for path in after if after[path] != tree[path]} - set(PLAIN_FILES) == set(SECRET_FILES)
    assert {path: mode for path, (mode, _) in after.items()} == {path: mode for path, (mode, _) in tree.items()}
    assert lab.status() == ""


@pytest.mark.parametrize("keys", _WAYS)
def test_an_unlocked_work_tree_stays_as_it_is(lab: Lab, keys: Literal["replace", "named"]) -> None:
    """Plaintext untouched, git has nothing to say, and what is committed next has the new key."""
    rotator = rotator_of(lab, keys=keys)
    kept = (lab.path / "a.secret").stat()
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    assert (lab.path / "a.secret").stat().st_ino == kept.st_ino
    assert lab.status() == ""
    lab.commit({"later.secret": b"written later\n"})
    new = keyfile.parse(pair.new["key"])
    assert blobs.decrypt(new.key, lab.blob("later.secret")) == b"written later\n"
    lab.git("checkout", "--quiet", "-b", "other")
    (lab.path / "a.secret").unlink()
    lab.git("checkout", "--", "a.secret")
    assert (lab.path / "a.secret").read_bytes() == SECRET_FILES["a.secret"]


def test_a_locked_work_tree_gets_the_new_ciphertext(lab: Lab) -> None:
    """And no key; it can then be unlocked with the new one."""
    clone = lab.clone("locked")
    rotator = rotator_of(lab, path=str(clone))
    (clone / "nested" / "run.sh").chmod(0o750)
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    assert lab.status(clone) == ""
    assert not (clone / ".git" / "git-crypt").exists()
    assert (clone / "a.secret").read_bytes() == lab.blob("a.secret", at=clone)
    assert (clone / "nested" / "run.sh").stat().st_mode & 0o777 == 0o750
    lab.unlock(pair.new["key"], clone)
    assert {name: (clone / name).read_bytes() for name in SECRET_FILES} == SECRET_FILES


def test_a_bare_repository_and_several_branches(lab: Lab) -> None:
    """Each gets its commit; files that branches have in common stay the same on all of them."""
    lab.git("branch", "same")
    lab.git("checkout", "--quiet", "-b", "live")
    lab.commit({"only.secret": b"on live\n"})
    bare = lab.clone("infra.git", "--bare")
    rotator = rotator_of(lab, "master", "live", "same", path=str(bare))
    report = rotator.check(lab.fields)
    assert report.lines[1] == "live: 12 files encrypted with this key"
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    assert lab.tip("master", at=bare) == lab.tip("same", at=bare)
    assert lab.blob("a.secret", "live", at=bare) == lab.blob("a.secret", "master", at=bare)
    for branch in ("master", "live"):
        fresh = lab.unlocked(pair.new["key"], branch, source=bare)
        assert isinstance(fresh, dict)
        assert fresh["a.secret"] == SECRET_FILES["a.secret"]
    assert "tampered" in str(lab.unlocked(pair.old["key"], "live", source=bare))


def test_a_branch_in_a_linked_work_tree_is_brought_along(lab: Lab) -> None:
    """It has a git folder, an index and a key of its own."""
    lab.git("branch", "live")
    linked = lab.home / "linked"
    lab.git("-c", "filter.git-crypt.smudge=cat", "worktree", "add", "--quiet", str(linked), "live")
    shutil.copytree(lab.path / ".git" / "git-crypt", lab.path / ".git" / "worktrees" / "linked" / "git-crypt")
    for name, content in SECRET_FILES.items():
        (linked / name).write_bytes(content)
    lab.git("add", "--all", at=linked)
    assert lab.status(linked) == ""
    rotator = rotator_of(lab, "master", "live")
    go(rotator, begun(rotator, lab.fields))
    assert (lab.status(), lab.status(linked)) == ("", "")
    assert (linked / "a.secret").read_bytes() == SECRET_FILES["a.secret"]


def test_a_sparse_work_tree_stays_sparse(lab: Lab) -> None:
    """Files that are not checked out are not missing afterwards, and not there."""
    lab.git("sparse-checkout", "set", "--no-cone", "/.gitattributes", "/a.secret")
    rotator = rotator_of(lab)
    go(rotator, begun(rotator, lab.fields))
    assert lab.status() == ""
    assert not (lab.path / "large.secret").exists()


@pytest.mark.parametrize("keys", _WAYS)
def test_it_can_be_done_again_and_again(lab: Lab, keys: Literal["replace", "named"]) -> None:
    """The second rotation starts from the first one's key; with names, each generation has the next."""
    rotator = rotator_of(lab, keys=keys)
    fields, names = lab.fields, []
    for rotation in ("a" * 12, "b" * 12):
        pair = begun(rotator, fields, rotation)
        rotator.check(fields)
        go(rotator, pair)
        fields = pair.new
        names.append(keyfile.parse(fields["key"]).name)
    assert names == (["", ""] if keys == "replace" else ["generation-2", "generation-3"])
    fresh = lab.unlocked(fields["key"])
    assert isinstance(fresh, dict)
    assert fresh["of.macro"] == SECRET_FILES["of.macro"]
    assert lab.status() == ""


def test_named_generations_keep_old_commits_readable(lab: Lab) -> None:
    """Whoever has both keys checks out what was before and what came after."""
    rotator, before = rotator_of(lab, keys="named"), lab.tip()
    go(rotator, begun(rotator, lab.fields))
    for commit in (before, "master"):
        lab.git("checkout", "--quiet", commit)
        (lab.path / "a.secret").unlink()
        lab.git("checkout", "--", "a.secret")
        assert (lab.path / "a.secret").read_bytes() == SECRET_FILES["a.secret"]


def test_large_files_are_not_held_in_memory(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read twice instead, and the result is the same."""
    rotator = rotator_of(lab)
    pair = begun(rotator, lab.fields)
    go(rotator, pair, "install")
    ref = "refs/harden/rekey/0123456789ab/master"
    built = lab.tip(ref)
    lab.git("update-ref", "-d", ref)
    monkeypatch.setattr(workshop, "HELD", 20)
    go(rotator, pair, "install")
    assert lab.tip(ref) == built
    go(rotator, pair)
    assert lab.status() == ""


def test_a_repository_with_sha256_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git can name objects by SHA-256; nothing of git-crypt's format depends on it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    lab = make_lab(tmp_path, object_format="sha256")
    lab.commit({".gitattributes": b"*.secret filter=git-crypt diff=git-crypt\n", "a.secret": b"hunter2\n"})
    rotator = rotator_of(lab)
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    assert len(lab.tip()) == 64
    assert lab.status() == ""
    assert isinstance(lab.unlocked(pair.new["key"]), dict)


def test_a_key_with_a_name_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And files of another key are left alone."""
    monkeypatch.setenv("HOME", str(tmp_path))
    lab = make_lab(tmp_path, key_name="ops")
    lab.git("config", "filter.other.clean", "cat")
    attributes = b"*.ops filter=git-crypt-ops diff=git-crypt-ops\n*.s filter=git-crypt diff=git-crypt\n"
    foreign = blobs.encrypt(keyfile.parse(make_lab(tmp_path, "else").key).key, b"of another key")
    lab.commit({".gitattributes": attributes, "a.ops": b"for operators\n", "b.s": foreign})
    rotator = rotator_of(lab, key_name="ops")
    pair = begun(rotator, lab.fields)
    rotator.check(lab.fields)
    go(rotator, pair)
    assert keyfile.parse(pair.new["key"]).name == "ops"
    assert lab.blob("b.s") == foreign
    assert blobs.decrypt(keyfile.parse(pair.new["key"]).key, lab.blob("a.ops")) == b"for operators\n"


def test_other_fields_are_carried_over_and_text_stays_text(lab: Lab) -> None:
    """A field with the key's base64 text gets the new key's; the binary field and that one are the same key."""
    text = Confidential(base64.b64encode(lab.key.reveal()))
    made = rotator_of(lab).generate({**lab.fields, "text": text})
    assert made["note"] == lab.fields["note"]
    assert base64.b64decode(made["text"].reveal()) == made["key"].reveal()
    assert made["key"] != lab.key
    assert len(made["key"]) == 148


@pytest.fixture
def checked(lab: Lab) -> Lab:
    """The same repository after a check that found nothing."""
    rotator_of(lab).check(lab.fields)
    return lab


def test_plaintext_under_the_filter_is_named_and_refused(checked: Lab) -> None:
    """git-crypt would make an empty file of it at the next checkout."""
    blob = checked.path / "plain"
    blob.write_bytes(b"in the clear")
    name = checked.git("hash-object", "-w", "--no-filters", "plain").strip()
    checked.git("update-index", "--add", "--cacheinfo", f"100644,{name},leaked.secret")
    checked.git("commit", "--quiet", "--message", "Leak")
    with pytest.raises(HardenError) as error:
        rotator_of(checked).check(checked.fields)
    assert error.value.messages[1] == '  master: "leaked.secret"'
    with pytest.raises(HardenError, match="in plaintext"):
        go(rotator_of(checked), begun(rotator_of(checked), checked.fields), "install")
    assert checked.git("for-each-ref", "refs/harden") == ""


def test_changes_of_encrypted_files_are_refused(checked: Lab) -> None:
    """In the work tree or in the index; other files may be changed."""
    checked.write({"README.md": b"changed\n"})
    rotator_of(checked).check(checked.fields)
    checked.write({"a.secret": b"changed\n"})
    with pytest.raises(HardenError, match=r'not committed:\n  "a.secret"'):
        rotator_of(checked).check(checked.fields)
    checked.git("add", "a.secret")
    checked.write({"a.secret": SECRET_FILES["a.secret"]})
    with pytest.raises(HardenError, match="not committed"):
        rotator_of(checked).check(checked.fields)


def test_the_wrong_key_is_refused(checked: Lab) -> None:
    """Before anything is made: no file is encrypted with it."""
    other = make_lab(checked.home, "another")
    with pytest.raises(HardenError, match="another key than the one in Vault"):
        rotator_of(checked).check(other.fields)


def test_a_merge_that_is_under_way_is_refused(checked: Lab) -> None:
    """Whoever is at it would lose work."""
    (checked.path / ".git" / "MERGE_HEAD").write_text(checked.tip() + "\n")
    with pytest.raises(HardenError, match="a merge is under way"):
        rotator_of(checked).check(checked.fields)


@pytest.mark.parametrize(
    ("options", "says"), [(("--depth=1",), "a shallow clone"), (("--filter=blob:none",), "a partial clone")]
)
def test_half_a_clone_is_refused(checked: Lab, options: tuple[str, ...], says: str) -> None:
    """What was ever encrypted could not be told."""
    checked.commit({"second": b"2"})
    checked.git("config", "uploadpack.allowFilter", "true")
    half = checked.home / "half"
    checked.git("clone", "--quiet", *options, f"file://{checked.path}", str(half), at=checked.home)
    with pytest.raises(HardenError, match=says):
        rotator_of(checked, path=str(half)).check(checked.fields)


def test_a_repository_or_branch_that_is_not_there(checked: Lab) -> None:
    """Is said so."""
    with pytest.raises(HardenError, match="there is no such repository"):
        rotator_of(checked, path=str(checked.home / "nowhere")).check(checked.fields)
    with pytest.raises(HardenError, match='has no branch "live"'):
        rotator_of(checked, "master", "live").check(checked.fields)


def test_branches_that_will_conflict_are_named(checked: Lab) -> None:
    """Only those that have encrypted files of their own."""
    checked.git("checkout", "--quiet", "-b", "apart")
    checked.commit({"apart.secret": b"not merged\n"})
    checked.git("checkout", "--quiet", "-b", "harmless", "master")
    checked.commit({"harmless.txt": b"nothing secret\n"})
    checked.git("checkout", "--quiet", "master")
    report = rotator_of(checked, "master").check(checked.fields)
    assert report.document["unmerged"] == {"refs/heads/apart": 1}
    assert report.lines[1].startswith("refs/heads/apart: not a live branch, and has 1 encrypted file of its own")


def test_no_branch_moves_before_its_time(checked: Lab) -> None:
    """Installed and proved is nothing that anybody sees; and abandoned it leaves nothing."""
    before, files = checked.git("show-ref"), contents(checked.path)
    rotator = rotator_of(checked)
    pair = begun(rotator, checked.fields)
    go(rotator, pair, "install", "prove")
    assert checked.git("show-ref", "--heads") == before
    rotator.withdraw(rotator.targets[0], pair)
    assert checked.git("show-ref") == before
    assert (checked.status(), contents(checked.path)) == ("", files)


@pytest.mark.parametrize("keys", _WAYS)
def test_after_the_branches_moved_the_old_key_can_come_back(checked: Lab, keys: Literal["replace", "named"]) -> None:
    """Abandoned between cut-over and switch: one commit more, the same blobs as before, the clone as it was."""
    tree, files = checked.git("rev-parse", "HEAD^{tree}"), contents(checked.path)
    rotator = rotator_of(checked, keys=keys)
    pair = begun(rotator, checked.fields)
    go(rotator, pair, "install", "prove", "cut_over", "withdraw", "withdraw")
    assert checked.git("rev-parse", "HEAD^{tree}") == tree
    assert (checked.status(), contents(checked.path)) == ("", files)
    assert isinstance(checked.unlocked(checked.key), dict)
    assert checked.git("for-each-ref", "refs/harden") == ""
    assert [path.name for path in (checked.path / ".git" / "git-crypt" / "keys").iterdir()] == ["default"]
    go(rotator, begun(rotator, checked.fields, "b" * 12))
    assert checked.status() == ""
