"""The script that takes people's clones to the new key: by the real git and git-crypt, in two shells."""

import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.gitcrypt.handover import HandOver, handover_script
from tests.harden_secrets.encrypted_repository import Encrypted, encrypted_repository, gnupg_home, new_key

in_both_shells = pytest.mark.parametrize("scene", ["dash", "bash"], indirect=True)
ROTATION = "0123456789ab"
CONTENT = b"the value of a\n"


@dataclass(frozen=True)
class Done:
    """How the script ended and what it said."""

    status: int
    said: str


@dataclass
class Scene:
    """A repository with clones, before and after its key was changed."""

    folder: Path
    shell: str
    upstream: Encrypted
    old: Confidential
    key_name: str = ""
    facts: HandOver | None = None
    files: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keep("old.key", self.old)

    def keep(self, name: str, key: Confidential) -> Path:
        """A key in a file."""
        self.files[name] = self.folder / name
        self.files[name].write_bytes(key.reveal())
        return self.files[name]

    def clone(self, name: str = "clone", *, unlocked: bool = True) -> Encrypted:
        """A clone as a person has it."""
        made = self.upstream.clone(name)
        if unlocked:
            made.crypt("unlock", self.files["old.key"])
        return made

    def rotate(self, *branches: str, name: str = "") -> None:
        """The new key, on these branches; with a ``name`` beside the old one."""
        new = self.keep("new.key", new_key(self.folder, name))
        commits = {}
        for branch in branches or ("main",):
            if name:
                self.upstream.git("checkout", "-q", branch)
                self.upstream.crypt("unlock", new)
                driver = f"git-crypt-{name}"
                self.upstream.write(".gitattributes", f"secret/** filter={driver} diff={driver}\n".encode())
            else:
                self.upstream.write(".git/git-crypt/keys/default", self.old.reveal())
                self.upstream.git("checkout", "-q", "-f", branch)
                self.upstream.write(".git/git-crypt/keys/default", new.read_bytes())
            self.upstream.git("add", "--renormalize", ".")
            commits[branch] = self.upstream.commit("a new key")
        self.facts = HandOver(
            rotation=ROTATION,
            roots=(self.upstream.git("rev-list", "--max-parents=0", "main"),),
            old_name="default",
            new_name=name or "default",
            branches=commits,
            probes=tuple(self.upstream.git("rev-parse", f"{commit}:secret/a") for commit in commits.values()),
        )
        self.script.write_text(handover_script(self.facts))

    @property
    def script(self) -> Path:
        return self.folder / "handover.sh"

    def run(self, clone: Encrypted, *options: str, key: str = "new.key", cwd: str = ".", path: str = "") -> Done:
        """Runs the script in a clone."""
        env = {**clone.env, "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]}
        argv = [self.shell, str(self.script), *options, *([str(self.folder / key)] if key else [])]
        done = subprocess.run(argv, cwd=clone.path / cwd, env=env, capture_output=True, check=False, timeout=60)
        return Done(done.returncode, done.stderr.decode())


@pytest.fixture(name="scene")
def _scene(request: pytest.FixtureRequest, tmp_path: Path) -> Scene:
    upstream = encrypted_repository(tmp_path)
    upstream.write("secret/a", CONTENT)
    upstream.write("secret/b c", b"another value\n")
    upstream.write("plain", b"for everybody\n")
    upstream.commit("files")
    return Scene(tmp_path, getattr(request, "param", "dash"), upstream, upstream.key())


def state(clone: Encrypted) -> dict[str, object]:
    """All that the script must leave as it was where it fails."""
    tracked = {path.relative_to(clone.path): path.read_bytes() for path in clone.path.rglob("*") if _is_work(path)}
    keys = clone.path / ".git/git-crypt/keys"
    return {
        "files": tracked,
        "head": clone.read(".git/HEAD"),
        "branches": clone.git("for-each-ref", "refs/heads"),
        "keys": {path.name: path.read_bytes() for path in keys.iterdir()} if keys.exists() else {},
        # git-crypt writes down how it was called
        "settings": sorted(
            clone.git("config", "--local", "--list").replace(f'"{real("git-crypt")}"', '"git-crypt"').split()
        ),
        "status": clone.git("status", "--porcelain"),
    }


def _is_work(path: Path) -> bool:
    return path.is_file() and ".git" not in path.parts


def opens(scene: Scene, clone: Encrypted) -> bool:
    """Whether it is at the commit with the new key, clean, and can be read."""
    assert scene.facts is not None
    return (
        clone.git("rev-parse", "HEAD") == scene.facts.branches[clone.git("branch", "--show-current")]
        and clone.git("status", "--porcelain") == ""
        and clone.read("secret/a") == CONTENT
        and clone.read("secret/b c") == b"another value\n"
    )


@in_both_shells
def test_a_clone_is_taken_to_the_new_key(scene: Scene) -> None:
    """Whatever folder of it one stands in; the old key is kept, for its owner only."""
    clone = scene.clone()
    scene.rotate()
    done = scene.run(clone, cwd="secret")
    assert done.status == 0, done.said
    assert opens(scene, clone)
    former = clone.path / ".git/git-crypt/former" / ROTATION
    assert Confidential(former.read_bytes()) == scene.old
    assert former.stat().st_mode & 0o777 == 0o600
    assert Confidential(clone.read(".git/git-crypt/keys/default")) == Confidential(scene.files["new.key"].read_bytes())


def test_old_commits_can_be_read_with_the_key_that_was_kept(scene: Scene) -> None:
    """By git-crypt, as the guide says."""
    clone = scene.clone()
    scene.rotate()
    assert scene.run(clone).status == 0
    blob = subprocess.run(
        ["git", "cat-file", "blob", "HEAD~1:secret/a"], cwd=clone.path, capture_output=True, check=True, timeout=60
    ).stdout
    former = clone.path / ".git/git-crypt/former" / ROTATION
    argv = ["git-crypt", "smudge", f"--key-file={former}"]
    done = subprocess.run(argv, cwd=clone.path, input=blob, capture_output=True, check=True, timeout=60)
    assert done.stdout == CONTENT


@in_both_shells
def test_it_can_be_run_twice(scene: Scene) -> None:
    """The second time there is nothing to do."""
    clone = scene.clone()
    scene.rotate()
    assert scene.run(clone).status == 0
    before = state(clone)
    done = scene.run(clone)
    assert done.status == 0
    assert "nothing to do" in done.said
    assert state(clone) == before


@in_both_shells
def test_a_key_with_a_name_of_its_own_stands_beside_the_old_one(scene: Scene) -> None:
    """Old and new commits can then be checked out."""
    clone = scene.clone()
    old = clone.git("rev-parse", "HEAD")
    scene.rotate(name="r2")
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert opens(scene, clone)
    clone.git("checkout", "-q", old)
    assert clone.read("secret/a") == CONTENT
    clone.git("checkout", "-q", "main")
    assert scene.run(clone).status == 0
    assert opens(scene, clone)


@pytest.mark.parametrize("name", ["", "r2"])
def test_a_locked_clone_is_taken_too(scene: Scene, name: str) -> None:
    """Somebody who had no key, or had locked the clone."""
    clone = scene.clone(unlocked=False)
    scene.rotate(name=name)
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert opens(scene, clone)
    assert not (clone.path / ".git/git-crypt/former").exists()


@pytest.mark.parametrize("name", ["", "r2"])
@in_both_shells
def test_a_clone_that_was_pulled_first_is_taken_too(scene: Scene, name: str) -> None:
    """With the old key in it a pull deletes files and fails, which is how most people will come."""
    clone = scene.clone()
    scene.rotate(name=name)
    subprocess.run(["git", "pull", "-q"], cwd=clone.path, env=clone.env, capture_output=True, check=False, timeout=60)
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert opens(scene, clone)


def test_a_clone_in_which_the_new_key_was_tried_after_a_pull_is_taken_too(scene: Scene) -> None:
    """Forced: then the new key is in the clone, with files that it does not open."""
    clone = scene.clone()
    scene.rotate()
    tried = [["git", "pull"], ["git-crypt", "lock", "--force"], ["git-crypt", "unlock", str(scene.files["new.key"])]]
    for argv in tried:
        subprocess.run(argv, cwd=clone.path, env=clone.env, capture_output=True, check=False, timeout=60)
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert opens(scene, clone)


def _changed(clone: Encrypted) -> None:
    clone.write("secret/a", b"a value that nobody else has\n")


def _changed_plain(clone: Encrypted) -> None:
    clone.write("plain", b"something of mine\n")


def _staged(clone: Encrypted) -> None:
    clone.write("new", b"something of mine\n")
    clone.git("add", "new")


def _deleted(clone: Encrypted) -> None:
    (clone.path / "plain").unlink()


def _merging(clone: Encrypted) -> None:
    clone.git("checkout", "-q", "-b", "side")
    clone.write("plain", b"one\n")
    clone.commit()
    clone.git("checkout", "-q", "main")
    clone.write("plain", b"other\n")
    clone.commit()
    subprocess.run(
        ["git", "merge", "side"], cwd=clone.path, env=clone.env, capture_output=True, check=False, timeout=60
    )


def _detached(clone: Encrypted) -> None:
    clone.git("checkout", "-q", "--detach")


def _on_another_branch(clone: Encrypted) -> None:
    clone.git("checkout", "-q", "-b", "mine")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_changed, "M secret/a"),
        (_changed_plain, "M plain"),
        (_staged, "A  new"),
        (_deleted, "D plain"),
        (_merging, "under way"),
        (_detached, "git switch"),
        (_on_another_branch, "git switch to one of: main"),
    ],
)
@in_both_shells
def test_what_is_not_committed_or_finished_is_not_touched(scene: Scene, spoil: object, said: str) -> None:
    """It says what it is, and stops."""
    assert callable(spoil)
    clone = scene.clone()
    scene.rotate()
    spoil(clone)
    before = state(clone)
    done = scene.run(clone)
    assert done.status == 1
    assert said in done.said
    assert state(clone) == before


def test_files_that_git_does_not_know_stay(scene: Scene) -> None:
    """They are nobody's matter, in the encrypted folder too."""
    clone = scene.clone()
    scene.rotate()
    clone.write("secret/mine", b"not added yet")
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert clone.read("secret/mine") == b"not added yet"


def test_a_clone_of_something_else_is_refused(scene: Scene, tmp_path: Path) -> None:
    """Known by the commits that only the right one has."""
    scene.rotate()
    (tmp_path / "other").mkdir()
    other = encrypted_repository(tmp_path / "other")
    other.git("checkout", "-q", "--orphan", "elsewhere")
    other.commit("another beginning")
    other.git("branch", "-q", "-D", "main")
    other.git("reflog", "expire", "--expire=now", "--all")
    other.git("gc", "-q", "--prune=now")
    before = state(other)
    done = scene.run(other)
    assert done.status == 1
    assert "another repository" in done.said
    assert state(other) == before


def test_a_key_that_is_not_the_new_one_is_refused(scene: Scene, tmp_path: Path) -> None:
    """The old one, another one, or no key at all: found before anything changes."""
    clone = scene.clone()
    scene.rotate()
    scene.keep("wrong.key", new_key(tmp_path))
    (tmp_path / "rubbish").write_bytes(b"no key")
    before = state(clone)
    for key in ("old.key", "wrong.key", "rubbish"):
        done = scene.run(clone, key=key)
        assert done.status == 1
        assert "does not open" in done.said
        assert state(clone) == before


def test_before_the_new_commit_is_pushed_nothing_is_done(scene: Scene) -> None:
    """Whoever is too early hears it."""
    clone = scene.clone()
    before_rotation = scene.upstream.git("rev-parse", "HEAD")
    scene.rotate()
    scene.upstream.git("update-ref", "refs/heads/main", before_rotation)
    before = state(clone)
    done = scene.run(clone)
    assert done.status == 1
    assert "yet" in done.said
    assert state(clone) == before


def test_a_remote_that_cannot_be_reached_leaves_all_as_it_was(scene: Scene) -> None:
    """The fetch fails before anything changes."""
    clone = scene.clone()
    scene.rotate()
    scene.upstream.path.rename(scene.folder / "moved")
    before = state(clone)
    done = scene.run(clone)
    assert done.status == 1
    assert state(clone) == before


@pytest.mark.parametrize("name", ["", "r2"])
@in_both_shells
def test_what_fails_in_the_middle_is_undone(scene: Scene, tmp_path: Path, name: str) -> None:
    """The old key opens the clone as before; the next run succeeds."""
    clone = scene.clone()
    scene.rotate(name=name)
    before = state(clone)
    failing = stand_in(tmp_path, "unlock", f'case $* in *new.key*) exit 1;; esac; exec {real("git-crypt")} "$@"')
    done = scene.run(clone, path=str(failing))
    assert done.status == 1
    assert "undoing" in done.said
    assert state(clone) == before
    assert scene.run(clone).status == 0
    assert opens(scene, clone)


@pytest.mark.parametrize("name", ["", "r2"])
def test_files_that_cannot_be_read_afterwards_make_it_undo(scene: Scene, tmp_path: Path, name: str) -> None:
    """Success is what can be read, not what git-crypt says of itself."""
    clone = scene.clone()
    scene.rotate(name=name)
    before = state(clone)
    failing = stand_in(tmp_path, "unlock", f'case $* in *new.key*) exit 0;; esac; exec {real("git-crypt")} "$@"')
    done = scene.run(clone, path=str(failing))
    assert done.status == 1
    assert state(clone) == before


def real(program: str) -> str:
    """Where a program is."""
    return subprocess.run(["which", program], capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def stand_in(tmp_path: Path, command: str, body: str, program: str = "git-crypt") -> Path:
    """A folder with a program that does ``body`` when called with that command, and else what the real one does."""
    folder = tmp_path / "programs"
    folder.mkdir(exist_ok=True)
    file = folder / program
    file.write_text(f'#!/bin/sh\nif [ "${{1-}}" = {command} ]; then {body}; fi\nexec {real(program)} "$@"\n')
    file.chmod(0o755)
    return folder


@pytest.mark.parametrize("name", ["", "r2"])
@pytest.mark.parametrize("number", range(1, 5))
def test_a_run_that_is_killed_is_finished_by_the_next(scene: Scene, tmp_path: Path, name: str, number: int) -> None:
    """Killed at each of the calls that change the clone: lock, reset, merge, unlock."""
    clone = scene.clone()
    scene.rotate(name=name)
    kill_at(scene, clone, tmp_path, number)
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert opens(scene, clone)


def kill_at(scene: Scene, clone: Encrypted, tmp_path: Path, number: int) -> None:
    """Runs the script, which dies by SIGKILL after the call of that number."""
    count = tmp_path / "count"
    count.write_text("")
    folder = tmp_path / "programs"
    folder.mkdir()
    for program in ("git", "git-crypt"):
        file = folder / program
        file.write_text(
            f'#!/bin/sh\n{real(program)} "$@"\nstatus=$?\n'
            "case ${1-} in lock|unlock|merge|reset|update-ref)\n"
            f'  echo x >> {count}; [ "$(wc -l < {count})" -ne {number} ] || kill -9 "$PPID"\n'
            "esac\nexit $status\n"
        )
        file.chmod(0o755)
    done = scene.run(clone, path=str(folder))
    assert done.status in {-signal.SIGKILL, 0}


@in_both_shells
def test_a_signal_makes_it_undo(scene: Scene, tmp_path: Path) -> None:
    """Ctrl-C in the middle."""
    clone = scene.clone()
    scene.rotate()
    before = state(clone)
    folder = stand_in(tmp_path, "merge", 'kill -INT "$PPID"', "git")
    done = scene.run(clone, path=str(folder))
    assert done.status == 1
    assert state(clone) == before


@in_both_shells
def test_local_commits_stop_it_and_are_listed(scene: Scene) -> None:
    """With the files that are encrypted under the old key, and what to do; nothing is rebased."""
    clone = scene.clone()
    scene.rotate()
    clone.write("secret/mine", b"a value of mine\n")
    clone.write("plain", b"of mine\n")
    commit = clone.commit("mine")
    before = state(clone)
    done = scene.run(clone)
    assert done.status == 1
    assert f"main {commit} secret/mine" in done.said
    assert f"{commit} plain" not in done.said
    assert "--set-aside" in done.said
    assert state(clone) == before


@in_both_shells
def test_local_commits_can_be_set_aside_and_taken_over_by_hand(scene: Scene) -> None:
    """As it says: the file of each commit, decrypted with the old key."""
    clone = scene.clone()
    scene.rotate()
    clone.write("secret/mine", b"a value of mine\n")
    commit = clone.commit("mine")
    done = scene.run(clone, "--set-aside")
    assert done.status == 0, done.said
    assert opens(scene, clone)
    assert clone.git("rev-parse", f"before-{ROTATION}/main") == commit
    (line,) = [line for line in done.said.splitlines() if "cat-file" in line]
    command = line.removeprefix("handover: hint:   ").replace("COMMIT", commit).replace("FILE", "secret/mine")
    subprocess.run(["sh", "-c", command], cwd=clone.path, env=clone.env, check=True, timeout=60)
    clone.git("commit", "-q", "-m", "mine, under the new key")
    assert clone.read("secret/mine") == b"a value of mine\n"
    clone.git("branch", "-q", "-D", f"before-{ROTATION}/main")
    assert "of yours" not in scene.run(clone).said


def test_setting_aside_is_undone_too(scene: Scene, tmp_path: Path) -> None:
    """The branch is where it was, and no other is left."""
    clone = scene.clone()
    scene.rotate()
    clone.write("secret/mine", b"a value of mine\n")
    clone.commit("mine")
    before = state(clone)
    failing = stand_in(tmp_path, "unlock", f'case $* in *new.key*) exit 1;; esac; exec {real("git-crypt")} "$@"')
    done = scene.run(clone, "--set-aside", path=str(failing))
    assert done.status == 1
    assert state(clone) == before


@in_both_shells
def test_other_branches_are_taken_along_or_listed(scene: Scene) -> None:
    """What is only behind goes forward; what has commits of its own stays, and is listed."""
    scene.upstream.git("branch", "stable")
    clone = scene.clone()
    clone.git("branch", "stable", "origin/stable")
    clone.git("checkout", "-q", "-b", "mine")
    clone.write("secret/mine", b"a value of mine\n")
    commit = clone.commit("mine")
    clone.git("checkout", "-q", "main")
    scene.rotate("stable", "main")
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert f"mine {commit} secret/mine" in done.said
    clone.git("checkout", "-q", "stable")
    assert opens(scene, clone)


@in_both_shells
def test_who_has_the_key_wrapped_needs_no_file(scene: Scene) -> None:
    """With GnuPG, out of the repository; the old wrapped key opens nothing new, and nothing is left behind."""
    home = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))  # short: a socket of gpg's agent lies in it
    try:
        with gnupg_home(home) as people:
            ana = people.join("ana")
            clone = Encrypted(scene.clone().path, home)
            wrapped = f".git-crypt/keys/default/0/{ana}.gpg"
            scene.rotate()
            done = scene.run(clone, "--gpg", key="")
            assert done.status == 1
            assert "wrapped for no key" in done.said
            to_ana = ("--trust-model", "always", "--recipient", ana, "--encrypt")
            scene.upstream.write(wrapped, people.gpg(*to_ana, stdin=scene.files["new.key"].read_bytes()))
            scene.facts = replace(must(scene.facts), branches={"main": scene.upstream.commit("wrapped")})
            scene.script.write_text(handover_script(scene.facts))
            done = scene.run(clone, "--gpg", key="")
            assert done.status == 0, done.said
            assert opens(scene, clone)
            assert sorted(os.listdir(clone.path / ".git/git-crypt")) == ["former", "keys"]
    finally:
        shutil.rmtree(home)


def must(facts: HandOver | None) -> HandOver:
    """What is there once the key was changed."""
    assert facts is not None
    return facts


def test_commits_after_the_rotation_are_taken_as_well(scene: Scene) -> None:
    """People may come weeks later."""
    clone = scene.clone()
    scene.rotate()
    scene.upstream.write("secret/later", b"a later value\n")
    scene.upstream.commit("later")
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert clone.read("secret/later") == b"a later value\n"


def test_a_shallow_clone_is_taken_too(scene: Scene) -> None:
    """It does not have the commit by which the repository is known."""
    path = scene.folder / "shallow"
    scene.upstream.git("clone", "-q", "--depth", "1", f"file://{scene.upstream.path}", str(path))
    clone = Encrypted(path, scene.upstream.home)
    clone.crypt("unlock", scene.files["old.key"])
    scene.rotate()
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert opens(scene, clone)


@pytest.mark.parametrize("late", [False, True])
def test_a_second_rotation_is_handed_over_like_the_first(scene: Scene, *, late: bool) -> None:
    """Also to somebody who was ``late`` and has missed the first; each old key is kept by itself."""
    clone = scene.clone()
    scene.rotate()
    if not late:
        assert scene.run(clone).status == 0
    first = Confidential(scene.files["new.key"].read_bytes())
    scene.old = first
    scene.rotate()
    scene.facts = replace(must(scene.facts), rotation="ba9876543210")
    scene.script.write_text(handover_script(scene.facts))
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert opens(scene, clone)
    former = clone.path / ".git/git-crypt/former"
    kept = {path.name: Confidential(path.read_bytes()) for path in former.iterdir()}
    original = Confidential(scene.files["old.key"].read_bytes())
    assert kept == ({"ba9876543210": original} if late else {ROTATION: original, "ba9876543210": first})


def test_other_worktrees_are_left_and_named(scene: Scene) -> None:
    """Their files stay as they were."""
    clone = scene.clone()
    scene.rotate()
    clone.git("worktree", "add", "-q", "--detach", "--no-checkout", "../linked")
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert "other worktrees" in done.said
    assert opens(scene, clone)


def test_a_linked_worktree_is_refused(scene: Scene) -> None:
    """git-crypt looks for other keys there."""
    clone = scene.clone()
    scene.rotate()
    clone.git("worktree", "add", "-q", "--detach", "--no-checkout", "../linked")
    done = scene.run(Encrypted(scene.folder / "linked", clone.home))
    assert done.status == 1
    assert "linked worktree" in done.said


@pytest.mark.parametrize("gone", [False, True], ids=["never fetched", "gone since"])
def test_a_branch_that_the_clone_does_not_have_is_not_missed(scene: Scene, *, gone: bool) -> None:
    """Whoever cloned one branch only, or comes when another one was removed, is taken along on what is there."""
    scene.upstream.git("checkout", "-q", "-b", "a-branch")
    scene.upstream.write("secret/a", b"another one there\n")
    scene.upstream.commit("apart")
    scene.upstream.git("checkout", "-q", "main")
    path = scene.folder / "partly"
    only = () if gone else ("--single-branch",)
    scene.upstream.git("clone", "-q", *only, f"file://{scene.upstream.path}", str(path))
    clone = Encrypted(path, scene.upstream.home)
    clone.crypt("unlock", scene.files["old.key"])
    scene.rotate("a-branch", "main")
    if gone:
        scene.upstream.git("branch", "-q", "-D", "a-branch")
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert opens(scene, clone)


def test_what_else_is_called_as_the_branch_does_not_matter(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tag of the same name, for which git calls the branch `heads/main`; and CDPATH, for which `cd` prints."""
    clone = scene.clone()
    clone.git("tag", "main")
    scene.rotate()
    monkeypatch.setenv("CDPATH", "/tmp:.")
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert clone.read("secret/a") == CONTENT
    assert clone.git("status", "--porcelain") == ""


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_changes_that_git_was_told_not_to_see_are_seen(scene: Scene, flag: str) -> None:
    """`git-crypt lock` would overwrite them all the same."""
    clone = scene.clone()
    scene.rotate()
    clone.git("update-index", flag, "secret/b c")
    assert "b c" not in scene.run(clone, key="old.key").said
    clone.write("secret/b c", b"mine only\n")
    before = state(clone)
    done = scene.run(clone)
    assert done.status == 1
    assert "secret/b c\nhandover: error: these files are changed" in done.said
    assert state(clone) == before


NAMES = ["a'b", "`touch${IFS}pwned`", "a;touch${IFS}pwned", "ümlaut", "DATA", "-n", "100%s", "$(touch${IFS}pwned)"]


@in_both_shells
def test_names_of_branches_are_only_names(scene: Scene) -> None:
    """None of them gets to be text of the script; each is found again by what it is."""
    for name in NAMES:
        scene.upstream.git("update-ref", f"refs/heads/x{name}", "main")
    scene.upstream.git("checkout", "-q", f"x{NAMES[-1]}")
    clone = scene.clone()
    scene.rotate(*(f"x{name}" for name in NAMES))
    done = scene.run(clone)
    assert done.status == 0, done.said
    assert opens(scene, clone)
    assert not (clone.path / "pwned").exists()
    assert "pwned" not in scene.script.read_text()


@pytest.mark.parametrize("words", [[], ["a", "b"], ["--help"], ["--set-aside"], ["--gpg", "a"]])
def test_wrong_use_says_how_it_is_used(scene: Scene, words: list[str]) -> None:
    """Status 2."""
    scene.rotate()
    argv = [scene.shell, str(scene.script), *words]
    done = subprocess.run(argv, cwd=scene.folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "usage" in done.stderr


@pytest.mark.parametrize(
    "wrong",
    [{"rotation": "$(id)"}, {"roots": ("x",)}, {"old_name": "a b"}, {"branches": {"main": "HEAD"}}, {"probes": ("",)}],
)
def test_only_ids_and_names_get_into_the_script(wrong: dict[str, object]) -> None:
    """Anything else is refused when it is made."""
    good = {
        "rotation": ROTATION, "roots": ("a" * 40,), "old_name": "default", "new_name": "r2",
        "branches": {"main": "b" * 40}, "probes": ("c" * 40,),
    }  # fmt: skip
    handover_script(HandOver(**good))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is none"):
        HandOver(**{**good, **wrong})  # type: ignore[arg-type]


def test_shellcheck_has_nothing_to_say(scene: Scene) -> None:
    """As POSIX sh, with everything optional that it looks for."""
    scene.rotate()
    done = subprocess.run(
        ["shellcheck", "-s", "sh", str(scene.script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == ""
    assert done.returncode == 0
