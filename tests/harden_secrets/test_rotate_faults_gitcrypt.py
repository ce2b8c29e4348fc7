"""`harden secrets rotate` of a git-crypt key while its repository, the remote one, or who guards that says no."""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from bao.devserver import DevServer

from harden_secrets.confidential import Confidential
from harden_secrets.rotate.store import Store
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.gitcrypt_lab import Lab, environment, make_lab
from tests.harden_secrets.rotation_host import RotationHost

pytestmark = pytest.mark.kernel
PLAIN = b"plaintext-that-nobody-may-see-0815\n"
FILES = {".gitattributes": b"*.secret filter=git-crypt diff=git-crypt\n", "a.secret": PLAIN, "open.txt": b"open\n"}
BRANCHES = ("master", "live")
# In a mount namespace of its own, in which the folder can be made read-only.
ALONE = ("unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount --bind "$0" "$0" && exec "$@"')

Begun = tuple[Callable[[], object], Callable[[], object]]


@dataclass
class Estate:
    """A person's unlocked clone, the repository that it was pushed to, and a host that rotates the key."""

    lab: Lab
    forge: Path
    vault: KeyValue
    host: RotationHost
    file: Path

    def check(self) -> None:
        """Exactly one of the keys that Vault has opens both branches."""
        stored = self.vault.read("infra/key")
        loaded = Store(self.vault).load("infra/key")
        assert stored is not None
        kept = [stored.fields["key"]]
        if loaded is not None and loaded.pair is not None:
            kept = [loaded.pair.old["key"], loaded.pair.new["key"]]
        for branch in BRANCHES:
            assert [self._opens(key, branch) for key in kept].count(True) == 1

    def check_end(self) -> None:
        """The delivered key opens them, the first one does not; work trees are whole, and nothing has shown itself."""
        self.check()
        new = Confidential(self.file.read_bytes())
        assert all(self._opens(new, branch) for branch in BRANCHES)
        assert not any(self._opens(self.lab.key, branch) for branch in BRANCHES)
        assert self.lab.status() == ""
        assert (self.lab.path / "a.secret").read_bytes() == PLAIN
        values = [PLAIN.strip(), *parts(self.lab.key), *parts(new)]
        self.host.check_clean(values)
        for repository in (self.lab.path, self.forge):
            assert self.lab.git("for-each-ref", "refs/harden", at=repository) == ""
            assert [value for value in values if value in objects(self.lab, repository)] == []

    def _opens(self, key: Confidential, branch: str) -> bool:
        found = self.lab.unlocked(key, branch, self.forge)
        return isinstance(found, dict) and found["a.secret"] == PLAIN


def parts(key: Confidential) -> list[bytes]:
    """A key file, and both keys that are in it, at their places in a file of a default key."""
    file = key.reveal()
    return [file, file[40:72], file[80:144]]


def objects(lab: Lab, repository: Path) -> bytes:
    """Every object of a repository, loose or packed, as it is when it is not compressed."""
    return subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch"],
        cwd=repository,
        env=environment(lab.home),
        check=True,
        capture_output=True,
    ).stdout


@pytest.fixture(name="estate")
def _estate(tmp_path: Path, bao: DevServer, vault: KeyValue) -> Estate:
    lab = make_lab(tmp_path / "git")
    lab.commit(FILES)
    lab.git("branch", "live")
    forge = lab.clone("forge.git", "--bare")
    lab.git("remote", "add", "origin", str(forge))
    lab.git("fetch", "--quiet", "origin")
    file = tmp_path / "delivered"
    file.write_bytes(lab.key.reveal())
    file.chmod(0o600)
    vault.write("infra/key", {"key": lab.key}, cas=0)
    secrets = (
        "  infra:\n"
        "    kind: git-crypt\n"
        "    path: infra/key\n"
        f"    repository: {{path: {lab.path}, remote: origin, branches: [{', '.join(BRANCHES)}]}}\n"
        f"    deliver: [{{to: file, path: {file}}}]\n"
        "    rotate: {every: 90d}\n"
    )
    host = RotationHost(tmp_path, bao, vault.mount, secrets, within=lambda *argv: [*ALONE, str(lab.path), *argv])
    return Estate(lab, forge, vault, host, file)


class Troubles:
    """What happens to the clone, and to the repository that it pushes to; each is a pair: it begins, and is over."""

    def __init__(self, estate: Estate) -> None:
        self._lab, self._host, self._forge = estate.lab, estate.host, estate.forge
        self._hooks, self._away = estate.forge / "hooks", estate.forge.with_name("away")
        self._hooks.mkdir(exist_ok=True)
        self.read_only = (self._remount, lambda: None)  # in the namespace of a process that is gone then
        self.of_another_user = (lambda: self._belong(1234), lambda: self._belong(0))
        self.away = (lambda: self._forge.rename(self._away), lambda: self._away.rename(self._forge))
        self.hook = self._refusing("pre-receive", "echo not on Sundays >&2; exit 1")
        self.protected = self._refusing("update", 'test "$1" != refs/heads/live')

    def _remount(self) -> None:
        inside = ("nsenter", f"--mount=/proc/{self._host.halted_process}/ns/mnt")
        subprocess.run([*inside, "mount", "-o", "remount,ro,bind", str(self._lab.path)], check=True)

    def _belong(self, user: int) -> None:
        for path in (self._lab.path, *self._lab.path.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)

    def _refusing(self, name: str, script: str) -> Begun:
        hook = self._hooks / name

        def begin() -> None:
            hook.write_text(f"#!/bin/sh\n{script}\n")
            hook.chmod(0o755)

        return begin, hook.unlink


def test_a_repository_in_trouble_at_each_phase(estate: Estate) -> None:
    """Each time what is wrong and what to do is said, by the run and by status; one key that Vault has opens all
    branches; when it is over the rotation goes on. A branch that moved meanwhile is taken along.
    """
    troubles = Troubles(estate)
    away = (troubles.away, "git fetch failed", "the remote, or the way to log in there")
    for phase, (begin, end), *says in (
        ("install", troubles.read_only, "Read-only file system", "mount it so that it can be written"),
        ("install", troubles.of_another_user, "belongs to another user", "or run as its owner"),
        ("prove", *away),
        ("cut-over", troubles.hook, "not on Sundays", "no branch was moved", "allow the user this push"),
        ("cut-over", troubles.protected, "hook declined to update refs/heads/live", "no branch was moved"),
        ("retire", *away),
        ("refuse", *away),
    ):
        assert estate.host.harden("rotate", "infra", at=phase, do=begin) == 1, estate.host.said[-1]
        said = estate.host.said[-1]
        assert estate.host.harden("status") == 3
        assert f"at {phase} at origin" in estate.host.said[-1]
        for words in says:
            assert words in said
            assert words in estate.host.said[-1]
        end()
        if phase == "prove":  # it was proved for another commit
            late = estate.lab.commit({"late.secret": b"in between\n"})
            estate.lab.git("push", "--quiet", "origin", "master")
        estate.check()
    estate.host.finish("rotate", "infra", times=1)
    assert estate.host.harden("status") == 0
    assert estate.lab.tip("master~1", at=estate.forge) == late
    estate.check_end()
