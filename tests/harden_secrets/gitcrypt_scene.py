"""A repository of git-crypt, the remote one that it is pushed to, and a host that rotates its key by the command.

__all__ = ["estate"]     # a test module takes the fixture by importing it
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from bao.devserver import DevServer

from harden_secrets.confidential import Confidential
from harden_secrets.rotate.store import Store
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.gitcrypt_lab import Lab, environment, make_lab
from tests.harden_secrets.rotation_host import RotationHost

PLAIN = b"plaintext-that-nobody-may-see-0815\n"
FILES = {".gitattributes": b"*.secret filter=git-crypt diff=git-crypt\n", "a.secret": PLAIN, "open.txt": b"open\n"}
BRANCHES = ("master", "live")
# In a mount namespace of its own, in which the folder can be made read-only.
ALONE = ("unshare", "--mount", "--propagation", "private", "sh", "-c", 'mount --bind "$0" "$0" && exec "$@"')


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
        if loaded is not None and loaded.pair is not None and loaded.pair.new:  # none once it is being closed
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


@pytest.fixture
def estate(tmp_path: Path, bao: DevServer, vault: KeyValue) -> Estate:
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
