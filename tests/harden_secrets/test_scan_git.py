"""A repository's objects as a source, by real git: every blob once, wherever it hides."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harden_secrets.keys import ssh
from tests.harden_secrets.scanned import environment, scan, scan_json


class Repo:
    """A repository and its git."""

    def __init__(self, path: Path, *options: str) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main", *options, ".")
        for name, value in {"user.name": "a", "user.email": "a@b.c", "commit.gpgsign": "false"}.items():
            self.git("config", name, value)

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """What git prints."""
        env = environment(self.path.parent / "state")
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=env, input=stdin, capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()

    def write(self, name: str, content: bytes) -> None:
        """A file of the work tree, added."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_bytes(content)
        self.git("add", "-A")

    def commit(self, message: str = "change") -> str:
        """The id of a new commit of everything."""
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture(name="repo")
def _repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def sources(repo: Repo | Path) -> list[str]:
    """The sources of all findings in the repository."""
    path = repo.path if isinstance(repo, Repo) else repo
    done = scan_json(path.parent, "--git", path.name)
    assert done.status in {0, 3}, done.stderr
    return [one["source"] for one in done.findings]


def test_a_deleted_file_is_found_where_it_appeared_first(repo: Repo) -> None:
    """Its line, and the first of the commits that had it."""
    repo.commit()
    repo.write("infra/key", b"# for the build\n" + ssh.openssh())
    first = repo.commit()
    repo.write("other", b"something else")
    repo.commit()
    repo.git("rm", "-q", "infra/key")
    repo.commit()
    done = scan_json(repo.path, "--git", ".")
    assert done.status == 3
    assert done.places == [(f"{first}:infra/key", 2)]


def test_a_blob_is_looked_at_once(repo: Repo) -> None:
    """Copies and moves of one blob are one place; another blob with the same key is another."""
    key = ssh.openssh()
    repo.write("a", key)
    first = repo.commit()
    repo.write("b", key)
    repo.git("mv", "a", "c")
    repo.commit()
    repo.write("d", key + b"\n# a comment\n")
    last = repo.commit()
    done = scan_json(repo.path, "--git", ".")
    assert {source for source, _ in done.places} == {f"{first}:a", f"{last}:d"}
    assert len({one["fingerprint"] for one in done.findings}) == 1


def test_other_branches_tags_stashes_and_notes(repo: Repo) -> None:
    """Every ref leads to objects."""
    repo.write("readme", b"hello")
    repo.commit()
    repo.git("checkout", "-q", "-b", "side")
    repo.write("on-branch", ssh.openssh())
    on_branch = repo.commit()
    repo.git("checkout", "-q", "main")
    repo.git("branch", "-q", "-D", "side")
    repo.git("tag", "kept", on_branch)
    repo.write("stashed", ssh.openssh())
    repo.git("stash", "-q")
    repo.git("notes", "add", "-F", "-", stdin=ssh.openssh())
    found = sources(repo)
    assert f"{on_branch}:on-branch" in found
    assert any(source.endswith(":stashed") for source in found)
    head = repo.git("rev-parse", "HEAD")
    assert any(source.partition(":")[2].replace("/", "") == head for source in found)
    assert len(found) == 3


def test_messages_and_annotated_tags_are_text_too(repo: Repo) -> None:
    """A key in a commit's message, and one in a tag's: named by the object's own id."""
    message = repo.commit("why\n\n" + ssh.openssh().decode())
    repo.git("tag", "-a", "-F", "-", "v1", stdin=b"release\n\n" + ssh.openssh())
    tag = repo.git("rev-parse", "v1")
    assert sorted(sources(repo)) == sorted([message, tag])


def test_what_nothing_refers_to_any_more(repo: Repo) -> None:
    """An amended commit, a dropped stash, a reset branch without its reflog, a blob that was only added."""
    repo.commit()
    repo.write("amended", ssh.openssh())
    amended = repo.commit()
    repo.git("rm", "-q", "--cached", "amended")
    (repo.path / "amended").unlink()
    repo.git("commit", "-q", "--amend", "--allow-empty", "-m", "nothing")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.write("staged", ssh.openssh())
    loose = repo.git("hash-object", "-w", "--stdin", stdin=ssh.openssh())
    assert sorted(sources(repo)) == sorted([f"{amended}:amended", ":staged", loose])


def test_merges(repo: Repo) -> None:
    """What only the merge itself brought in stands under the merge; the rest under the commits that did."""
    repo.write("base", b"base")
    repo.commit()
    repo.git("checkout", "-q", "-b", "side")
    repo.write("from-side", ssh.openssh())
    side = repo.commit()
    repo.git("checkout", "-q", "main")
    repo.write("from-main", b"main")
    repo.commit()
    repo.git("merge", "-q", "--no-commit", "--no-ff", "side")
    repo.write("from-merge", ssh.openssh())
    merge = repo.commit("merge")
    assert sorted(sources(repo)) == sorted([f"{side}:from-side", f"{merge}:from-merge"])


def test_an_empty_repository_holds_nothing(repo: Repo) -> None:
    """No commits is no error."""
    done = scan(repo.path, "--git", ".")
    assert (done.status, done.stdout) == (0, "no key material in 0 files and objects\n")


def test_bare_shallow_mirrored_and_packed(repo: Repo, tmp_path: Path) -> None:
    """However it is stored."""
    repo.write("key", ssh.openssh())
    repo.commit()
    repo.write("key", b"gone")
    repo.write("new", ssh.openssh())
    repo.commit()
    both = sources(repo)
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    assert sources(tmp_path / "bare") == both
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", str(tmp_path / "shallow"))
    assert [source.partition(":")[2] for source in sources(tmp_path / "shallow")] == ["new"]
    repo.git("gc", "-q")
    assert sources(repo) == both
    assert len(both) == 2


def test_partial_clones_fetch_nothing(repo: Repo, tmp_path: Path) -> None:
    """What is not there is not looked at, nobody is asked for it, and it is no clean result."""
    repo.write("key", ssh.openssh())
    repo.commit()
    repo.write("key", b"gone")
    repo.commit()
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repo.path}", str(tmp_path / "partial"))
    before = set((tmp_path / "partial" / ".git" / "objects").rglob("*"))
    done = scan_json(tmp_path, "--git", "partial")
    assert (done.status, done.findings) == (1, [])
    assert "2 objects of its history are not there" in done.stderr
    assert set((tmp_path / "partial" / ".git" / "objects").rglob("*")) == before


def test_trees_that_are_missing_cost_the_path_not_the_key(repo: Repo) -> None:
    """A damaged repository still gives what can be read."""
    repo.write("a/key", ssh.openssh())
    repo.commit()
    blob, tree = repo.git("rev-parse", "HEAD:a/key"), repo.git("rev-parse", "HEAD:a")
    (repo.path / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    assert set(sources(repo)) <= {blob, ":a/key"}
    assert len(sources(repo)) == 1


def test_sha256(tmp_path: Path) -> None:
    """Ids of 64 digits."""
    repo = Repo(tmp_path / "repo", "--object-format=sha256")
    repo.write("key", ssh.openssh())
    commit = repo.commit()
    assert len(commit) == 64
    assert sources(repo) == [f"{commit}:key"]


def test_worktrees_submodules_and_folders_within(repo: Repo, tmp_path: Path) -> None:
    """Where `.git` is a file, or further up."""
    repo.write("deep/key", ssh.openssh())
    commit = repo.commit()
    repo.git("worktree", "add", "-q", str(tmp_path / "worktree"))
    assert sources(tmp_path / "worktree") == [f"{commit}:deep/key"]
    outer = Repo(tmp_path / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repo.path), "sub")
    outer.commit()
    assert sources(tmp_path / "outer" / "sub") == [f"{commit}:deep/key"]
    assert sources(repo.path / "deep") == [f"{commit}:deep/key"]


@pytest.mark.parametrize("name", [".", "nowhere", "-x", "--upload-pack=touch pwned"])
def test_what_is_no_repository_is_an_error(tmp_path: Path, name: str) -> None:
    """In words, and whatever it is called."""
    (tmp_path / "plain").mkdir()
    done = scan(tmp_path / "plain", f"--git={name}")
    assert done.status == 1
    assert "harden: error: " in done.stderr
    assert not os.listdir(tmp_path / "plain")


def test_another_users_repository_is_refused_as_git_does(repo: Repo) -> None:
    """With git's own way to say that one trusts it."""
    repo.commit()
    shutil.chown(repo.path, 65534, 65534)
    shutil.chown(repo.path / ".git", 65534, 65534)
    done = scan(repo.path, "--git", ".")
    assert done.status == 1
    assert "belongs to another user" in done.stderr
    assert "safe.directory" in done.stderr


def test_a_damaged_object_is_an_error(repo: Repo) -> None:
    """Never a quiet clean result."""
    repo.write("text", b"something to damage" * 100)
    repo.commit()
    blob = repo.git("rev-parse", "HEAD:text")
    path = repo.path / ".git" / "objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:40])
    done = scan(repo.path, "--git", ".")
    assert done.status == 1
    assert "harden: error: .: git cat-file: " in done.stderr


def test_the_repository_runs_nothing(repo: Repo, tmp_path: Path) -> None:
    """Configuration, attributes, hooks and the environment may name programs: none is started."""
    repo.write(".gitattributes", b"* diff=evil filter=evil\n")
    repo.write("key", ssh.openssh())
    repo.commit()
    mark = tmp_path / "mark"
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    script.chmod(0o755)
    for name in ("core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "diff.evil.textconv",
                 "diff.evil.command", "filter.evil.smudge", "filter.evil.clean", "gpg.program", "core.editor",
                 "core.alternateRefsCommand", "uploadpack.packObjectsHook"):  # fmt: skip
        repo.git("config", name, str(script))
    repo.git("config", "log.showSignature", "true")
    hooks = repo.path / ".git" / "hooks"
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        shutil.copy(script, hooks / hook)
    mark.unlink(missing_ok=True)
    variables = {"GIT_EXTERNAL_DIFF": str(script), "GIT_PAGER": str(script), "GIT_DIR": "/nowhere"}
    done = scan(repo.path, "--git", ".", variables=variables)
    assert done.status == 3
    assert not mark.exists()


def test_replaced_objects_are_the_real_ones(repo: Repo) -> None:
    """`git replace` hides an object from git's own commands, not from whoever clones."""
    repo.write("key", ssh.openssh())
    commit = repo.commit()
    harmless = repo.git("hash-object", "-w", "--stdin", stdin=b"nothing to see")
    repo.git("replace", repo.git("rev-parse", "HEAD:key"), harmless)
    assert sources(repo) == [f"{commit}:key"]


def test_paths_of_any_kind(repo: Repo) -> None:
    """Bytes that are no UTF-8, newlines, colons."""
    names = [b"a\nb", b"c:d", b"\xff\xfe", b"e f\t", b":g"]
    for name in names:
        repo.write(os.fsdecode(name), ssh.openssh())
    commit = repo.commit()
    found = sources(repo)
    assert sorted(source.encode("utf-8", "surrogateescape") for source in found) == sorted(
        commit.encode() + b":" + name for name in names
    )


def test_a_large_blob_is_looked_at_in_pieces(repo: Repo) -> None:
    """As a large file is."""
    filler = b"0123456789abcde\n" * ((20 << 20) // 16)
    repo.write("large", filler + ssh.openssh() + filler)
    commit = repo.commit()
    done = scan_json(repo.path, "--git", ".")
    assert done.places == [(f"{commit}:large", filler.count(b"\n") + 1)]


def test_what_is_encrypted_is_quiet(repo: Repo) -> None:
    """git-crypt's blobs, and its key encrypted to somebody's PGP key."""
    env = environment(repo.path.parent / "state")
    subprocess.run(["git-crypt", "init"], cwd=repo.path, env=env, check=True, capture_output=True, timeout=60)
    repo.write(".gitattributes", b"secret* filter=git-crypt diff=git-crypt\n")
    repo.write("secret.pem", ssh.openssh())
    repo.commit()
    stored = subprocess.run(
        ["git", "cat-file", "blob", "HEAD:secret.pem"], cwd=repo.path, capture_output=True, check=True
    )
    assert stored.stdout.startswith(b"\0GITCRYPT")
    assert sources(repo) == []


def _object_file(repo: Repo, name: str) -> Path:
    return repo.path / ".git" / "objects" / name[:2] / name[2:]


@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_an_object_that_cannot_be_read_is_no_clean_result(how: str, repo: Repo) -> None:
    """It might have been the key; the others are looked at all the same."""
    repo.write("a", b"hello\n")
    repo.commit()
    name = repo.git("rev-parse", "HEAD:a")
    file = _object_file(repo, name)
    file.unlink()
    if how == "damaged":
        file.write_bytes(b"junk")
    done = scan_json(repo.path.parent, "--git", "repo")
    assert (done.status, done.findings) == (1, [])
    assert name in done.stderr
    assert "internal" not in done.stderr
    (repo.path / "a").unlink()
    repo.write("key", ssh.openssh())
    repo.commit()
    done = scan_json(repo.path.parent, "--git", "repo")
    assert (done.status, len(done.findings)) == (3, 1)
    assert name in done.stderr
