"""A whole rotation of a repository that people open with GnuPG."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harden.errors import HardenError
from tests.harden_secrets.encrypted_repository import People, gnupg_home
from tests.harden_secrets.gitcrypt_lab import Lab, begun, environment, go, make_lab, rotator_of

_FILES = {".gitattributes": b"*.secret filter=git-crypt diff=git-crypt\n", "a.secret": b"hunter2\n"}


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> Iterator[People]:
    """A keyring whose path is short enough for the sockets of gpg's agent."""
    folder = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("GNUPGHOME", raising=False)
    with gnupg_home(folder) as made:
        yield made
    shutil.rmtree(folder, ignore_errors=True)  # an agent that ends takes its sockets away by itself


@pytest.fixture
def lab(tmp_path: Path, people: People) -> Lab:
    """An unlocked clone on master, which live has parted from."""
    made = replace(make_lab(tmp_path), home=people.home)
    made.commit(_FILES)
    return made


def _unlocked_by_gpg(lab: Lab, tmp_path: Path, branch: str) -> str:
    """What `git-crypt unlock` says in a fresh clone; empty where it worked and the file is readable."""
    clone = tmp_path / f"fresh-{branch}"
    lab.git("clone", "--quiet", "--branch", branch, f"file://{lab.path}", str(clone))
    done = subprocess.run(
        ["git-crypt", "unlock"], cwd=clone, env=environment(lab.home), capture_output=True, check=False, timeout=60
    )
    plain = (clone / "a.secret").read_bytes() == _FILES["a.secret"]
    return "" if done.returncode == 0 and plain else done.stderr.decode(errors="replace") or "not readable"


def test_people_who_stay_open_it_and_who_left_does_not(lab: Lab, people: People, tmp_path: Path) -> None:
    """On every branch by the key in the repository itself; the work tree has the same files as the branch."""
    ana, bo = people.join("ana"), people.join("bo")
    for one in (ana, bo):
        subprocess.run(
            ["git-crypt", "add-gpg-user", "--trusted", one],
            cwd=lab.path,
            env=environment(lab.home),
            check=True,
            capture_output=True,
        )
    lab.git("checkout", "--quiet", "-b", "live")
    lab.commit({"live.txt": b"more\n"})
    rotator = rotator_of(lab, "master", "live", departed=(bo,))
    told = "\n".join(rotator.check(lab.fields).lines)
    assert f"{bo}: departed" in told
    assert ana in told
    before = lab.git("ls-files", "--stage", ".git-crypt")
    pair = begun(rotator, lab.fields)
    go(rotator, pair)
    assert lab.status() == ""
    assert [path.name for path in (lab.path / ".git-crypt/keys/default/0").iterdir()] == [f"{ana}.gpg"]
    assert lab.git("ls-files", "--stage", ".git-crypt") != before
    for branch in ("master", "live"):
        assert _unlocked_by_gpg(lab, tmp_path, branch) == ""
    lab.git("merge-base", "--is-ancestor", "master", "live")


def test_a_person_whose_key_is_missing_is_named_before_anything_is_made(lab: Lab, people: People) -> None:
    """The check says so, and what to do."""
    ana = people.join("ana")
    subprocess.run(
        ["git-crypt", "add-gpg-user", "--trusted", ana],
        cwd=lab.path,
        env=environment(lab.home),
        check=True,
        capture_output=True,
    )
    people.gpg("--batch", "--yes", "--delete-secret-and-public-key", ana)
    with pytest.raises(HardenError, match=ana):
        rotator_of(lab, "master").check(lab.fields)
