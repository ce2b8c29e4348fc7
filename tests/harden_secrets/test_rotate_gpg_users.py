"""Keys wrapped anew for the people who open a repository with GnuPG: by the real gpg and git-crypt."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.kinds.gitcrypt.gpg import keyring
from harden_secrets.rotate.kinds.gitcrypt.gpgusers import Wrapping, wrapped_keys
from harden_secrets.sources.gitcommand import Repository
from tests.harden_secrets.encrypted_repository import Encrypted, People, encrypted_repository, gnupg_home, new_key


@dataclass(frozen=True)
class Team:
    """Ana and Bo can open the repository, Cy had left before."""

    people: People
    repository: Encrypted
    ana: str
    bo: str

    @property
    def git(self) -> Repository:
        return Repository(str(self.repository.path))

    def path(self, fingerprint: str, name: str = "default") -> str:
        return f".git-crypt/keys/{name}/0/{fingerprint}.gpg"

    def commit(self, changes: Mapping[str, bytes | None]) -> None:
        """Puts the changes into the repository as a commit."""
        for name, content in changes.items():
            if content is None:
                (self.repository.path / name).unlink()
            else:
                self.repository.write(name, content)
        self.repository.commit("rewrap")

    def unwrapped(self, blob: bytes) -> Confidential:
        return Confidential(self.people.gpg("--decrypt", stdin=blob))


@pytest.fixture(name="short", scope="module")
def _short() -> Iterator[Path]:
    """A folder whose path is short enough for the sockets of gpg's agent."""
    folder = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(name="people", scope="module")
def _people(short: Path) -> Iterator[People]:
    (short / "home").mkdir()
    with gnupg_home(short / "home") as people:
        yield people


@pytest.fixture(name="fingerprints", scope="module")
def _fingerprints(people: People) -> tuple[str, str]:
    return people.join("ana"), people.join("bo")


@pytest.fixture(name="team")
def _team(people: People, fingerprints: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    monkeypatch.setenv("HOME", str(people.home))
    monkeypatch.delenv("GNUPGHOME", raising=False)
    made = encrypted_repository(tmp_path)
    repository = Encrypted(made.path, people.home)
    shutil.copy(made.home / ".gitconfig", people.home)
    repository.write("secret/a", b"the value of a")
    repository.commit()
    for one in fingerprints:
        repository.crypt("add-gpg-user", "--trusted", one)
    return Team(people, repository, *fingerprints)


def rewrapped(
    team: Team, new: Confidential, *departed: str, key_name: str = ""
) -> tuple[Mapping[str, bytes | None], tuple[str, ...]]:
    with keyring() as ring:
        return Wrapping(ring, new).rewrapped_keys(team.git, "HEAD", key_name, departed)


def test_each_person_who_stays_gets_the_new_key_itself(team: Team, tmp_path: Path) -> None:
    """What gpg decrypts is the new key file, byte for byte, at the path where git-crypt looks."""
    new = new_key(tmp_path)
    changes, lines = rewrapped(team, new)
    assert sorted(changes) == sorted([team.path(team.ana), team.path(team.bo)])
    for blob in changes.values():
        assert blob is not None
        assert team.unwrapped(blob) == new
    assert any(team.ana in line and "ana@example.org" in line for line in lines)


def test_only_that_person_can_read_it(team: Team, tmp_path: Path) -> None:
    """One recipient each, and it is the one of the file's name, whatever gpg.conf says."""
    (team.people.home / ".gnupg" / "gpg.conf").write_text(f"encrypt-to {team.bo}\nhidden-encrypt-to {team.bo}\n")
    try:
        changes, _ = rewrapped(team, new_key(tmp_path))
    finally:
        (team.people.home / ".gnupg" / "gpg.conf").unlink()
    blob = changes[team.path(team.ana)]
    assert blob is not None
    packets = team.people.gpg("--list-packets", "--list-only", stdin=blob).decode()
    assert packets.count(":pubkey enc packet:") == 1


def test_who_has_departed_is_dropped_and_named(team: Team, tmp_path: Path) -> None:
    """However the fingerprint is written; and no public key of theirs is needed."""
    spaced = " ".join(team.bo[at : at + 4] for at in range(0, 40, 4)).lower()
    changes, lines = rewrapped(team, new_key(tmp_path), spaced)
    assert changes[team.path(team.bo)] is None
    assert changes[team.path(team.ana)] is not None
    assert [line for line in lines if "departed" in line] == [
        f"{team.bo}: departed; the wrapped key is dropped, and the new one is not given"
    ]


def test_git_crypt_unlocks_a_fresh_clone_with_the_wrapped_key(team: Team, tmp_path: Path) -> None:
    """The real binary, as Ana: it takes the new key out of the repository, and no other."""
    new = new_key(tmp_path)
    changes, _ = rewrapped(team, new)
    team.commit(changes)
    clone = team.repository.clone("fresh")
    subprocess.run(["git-crypt", "unlock"], cwd=clone.path, env=clone.env, capture_output=True, check=False, timeout=60)
    assert Confidential(clone.read(".git/git-crypt/keys/default")) == new


def test_with_a_name_of_its_own_the_new_key_stands_beside_the_old(team: Team, tmp_path: Path) -> None:
    """Those who stay keep the old one too, for old commits; who has departed has neither."""
    new = new_key(tmp_path, "r2")
    changes, _ = rewrapped(team, new, team.bo)
    assert sorted(changes) == sorted([team.path(team.bo), team.path(team.ana, "r2")])
    assert changes[team.path(team.bo)] is None
    team.commit(changes)
    clone = team.repository.clone("fresh")
    clone.crypt("unlock")
    assert clone.read("secret/a") == b"the value of a"
    assert Confidential(clone.read(".git/git-crypt/keys/r2")) == new


def test_a_missing_public_key_is_an_error_with_the_fingerprint(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that are missing at once, and what to do: import it, or say that the person has left."""
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(empty))
    with pytest.raises(HardenError) as raised:
        rewrapped(team, new_key(tmp_path))
    assert [message.split(":")[0] for message in raised.value.messages] == sorted([team.ana, team.bo])
    assert "gpg --import" in raised.value.hints[0]
    assert "departed" in raised.value.hints[1]


def test_a_revoked_key_is_an_error_that_says_so(team: Team, people: People, tmp_path: Path) -> None:
    """Nothing is wrapped for a key that its owner has given up."""
    gone = people.join("dee")
    revocation = (people.home / ".gnupg" / "openpgp-revocs.d" / f"{gone}.rev").read_text()
    people.gpg("--import", stdin=revocation.replace(":-----BEGIN", "-----BEGIN").encode())
    check_refused(team, gone, "was revoked", tmp_path)


def test_an_expired_key_is_an_error_that_says_so(team: Team, people: People, tmp_path: Path) -> None:
    """Its owner may have a newer one under the same fingerprint: import it."""
    check_refused(team, people.join("eve", "1d", "--faked-system-time", "20200101T000000"), "has expired", tmp_path)


def check_refused(team: Team, gone: str, why: str, tmp_path: Path) -> None:
    team.commit({team.path(gone): b"an old wrapped key"})
    try:
        with pytest.raises(HardenError, match=why) as raised:
            rewrapped(team, new_key(tmp_path))
    finally:
        team.people.forget(gone)
    assert len(raised.value.messages) == 1
    assert gone in raised.value.messages[0]


def test_branches_get_the_same_bytes(team: Team, tmp_path: Path) -> None:
    """Wrapped twice it would be two files, over which a merge of the branches would conflict."""
    new = new_key(tmp_path)
    team.repository.git("branch", "side")
    with keyring() as ring:
        wrapping = Wrapping(ring, new)
        one, _ = wrapping.rewrapped_keys(team.git, "main", "", ())
        other, _ = wrapping.rewrapped_keys(team.git, "side", "", ())
    assert one == other


def test_wrapped_keys_of_other_names_are_left_alone(team: Team) -> None:
    """Nor does the folder from which git is asked matter."""
    team.commit({team.path(team.ana, "ops"): b"something", ".git-crypt/keys/default/0/notes.txt": b"x"})
    found = wrapped_keys(Repository(str(team.repository.path / "secret")), "HEAD", "")
    assert [one.fingerprint for one in found] == sorted([team.ana, team.bo])
    assert [one.fingerprint for one in wrapped_keys(team.git, "HEAD", "ops")] == [team.ana]


def test_files_that_git_crypt_would_never_read_go_too(team: Team, tmp_path: Path) -> None:
    """Of a version other than 0, or under a name that is no fingerprint: they hold the old key, and are named."""
    stale, odd = f".git-crypt/keys/default/1/{team.ana}.gpg", ".git-crypt/keys/default/0/ana.gpg"
    team.commit({stale: b"x", odd: b"y"})
    changes, lines = rewrapped(team, new_key(tmp_path))
    assert changes[stale] is None
    assert changes[odd] is None
    assert any(line.startswith(odd) for line in lines)


def test_another_folder_for_the_wrapped_keys_is_heeded(team: Team, tmp_path: Path) -> None:
    """``git-crypt.repoStateDir`` moves it."""
    team.repository.git("mv", ".git-crypt", "crypt")
    team.repository.git("config", "git-crypt.repoStateDir", "crypt")
    team.repository.commit()
    changes, _ = rewrapped(team, new_key(tmp_path))
    assert sorted(changes) == sorted(f"crypt/keys/default/0/{one}.gpg" for one in (team.ana, team.bo))


def test_nothing_is_left_behind(team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No keyring of ours, no file with the key, and the user's keyring as it was."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    before = sorted(os.listdir(team.people.home / ".gnupg"))
    rewrapped(team, new_key(tmp_path))
    assert list(place.iterdir()) == []
    assert sorted(os.listdir(team.people.home / ".gnupg")) == before


def test_a_repository_without_gpg_users_needs_no_gpg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing to do, and nothing is run."""
    made = encrypted_repository(tmp_path)
    monkeypatch.setattr("harden_secrets.rotate.kinds.gitcrypt.gpg._gpg", None)
    with keyring() as ring:
        wrapping = Wrapping(ring, new_key(tmp_path))
        assert wrapping.rewrapped_keys(Repository(str(made.path)), "HEAD", "", ()) == ({}, ())
