"""The end of a git-crypt rotation, by the real commands against a real Vault: what is said, and the hand-over."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from bao.devserver import DevServer

from harden_secrets.confidential import Confidential
from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.encrypted_repository import Encrypted, encrypted_repository
from tests.harden_secrets.scanned import HARDEN, environment

VALUE = b"a value that was encrypted\n"


@dataclass(frozen=True)
class Estate:
    """A repository with a key in Vault, an inventory of both, and a clone with the old key."""

    folder: Path
    upstream: Encrypted
    clone: Encrypted
    bao: DevServer
    vault: KeyValue

    def harden(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """``harden secrets …``; it must succeed."""
        login = {"VAULT_TOKEN": self.bao.root_token, "VAULT_CACERT": str(self.bao.ca)}
        variables = {"HARDEN_INVENTORY": str(self.folder / "secrets.yaml"), **login}
        env = environment(self.upstream.home / "state", **variables)
        argv = [*HARDEN, "secrets", *words]
        return subprocess.run(argv, cwd=self.folder, env=env, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(name="estate", params=["replace", "named"])
def _estate(request: pytest.FixtureRequest, tmp_path: Path, bao: DevServer, vault: KeyValue) -> Estate:
    upstream = encrypted_repository(tmp_path)
    upstream.write("secret/a", VALUE)
    upstream.commit()
    clone = upstream.clone("clone")
    key = upstream.key()
    (tmp_path / "old.key").write_bytes(key.reveal())
    clone.crypt("unlock", tmp_path / "old.key")
    vault.write("infra/crypt", {"key": key}, cas=0)
    vault.write("infra/app", {"password": Confidential(VALUE.strip())}, cas=0)
    (tmp_path / "secrets.yaml").write_text(
        f'version: 1\nvault: {{address: "{bao.address}", mount: {vault.mount}}}\nsecrets:\n'
        "  crypt:\n    kind: git-crypt\n    path: infra/crypt\n"
        f"    repository: {{path: {upstream.path}, keys: {request.param}}}\n"
        "  app: {kind: password, path: infra/app}\n"
    )
    return Estate(tmp_path, upstream, clone, bao, vault)


def test_a_rotation_ends_with_what_is_exposed_and_a_script_for_clones(estate: Estate) -> None:
    """The report names the file and the secret of the inventory in it; the script takes a clone along."""
    done = estate.harden("rotate", "crypt", "--force")
    assert done.returncode == 0, done.stderr
    assert "secret/a" in done.stdout
    assert "app, field password: in use" in done.stdout
    assert "harden secrets handover crypt" in done.stdout
    assert VALUE.decode().strip() not in done.stdout + done.stderr
    script = estate.harden("handover", "crypt")
    assert script.returncode == 0, script.stderr
    (estate.folder / "handover.sh").write_text(script.stdout)
    stored = estate.vault.read("infra/crypt")
    assert stored is not None
    (estate.folder / "new.key").write_bytes(stored.fields["key"].reveal())
    argv = ["sh", str(estate.folder / "handover.sh"), str(estate.folder / "new.key")]
    for said in ("opens with the new key", "nothing to do"):
        run = subprocess.run(
            argv, cwd=estate.clone.path, env=estate.clone.env, capture_output=True, text=True, check=False, timeout=60
        )
        assert run.returncode == 0, run.stderr
        assert said in run.stderr
    assert estate.clone.read("secret/a") == VALUE
    assert estate.clone.git("rev-parse", "HEAD") == estate.upstream.git("rev-parse", "main")


def test_the_old_key_has_exposed_it_and_the_new_one_has_not_been_seen(estate: Estate) -> None:
    """By version: what the first key encrypted, and what the newest has."""
    assert estate.harden("rotate", "crypt", "--force").returncode == 0
    before = json.loads(estate.harden("exposed", "--secret", "crypt", "--version", "1", "--json").stdout)
    after = json.loads(estate.harden("exposed", "--secret", "crypt", "--json").stdout)
    assert [place["path"] for one in before["exposed"] for place in one["places"]] == ["secret/a"]
    assert before["exposed"][0]["stands_on"] == []
    assert after["exposed"][0]["stands_on"] == ["main"]


def test_what_is_exposed_is_looked_up_in_the_remote(estate: Estate) -> None:
    """Where the repository is elsewhere: what stands on its branches today, at the end of a rotation and any time."""
    inventory = estate.folder / "secrets.yaml"
    near = f"path: {estate.folder / 'near'}, remote: {estate.upstream.path}, branches: [main]"
    inventory.write_text(inventory.read_text().replace(f"path: {estate.upstream.path}", near))
    estate.upstream.git("config", "receive.denyCurrentBranch", "ignore")
    done = estate.harden("exposed", "--secret", "crypt")
    assert done.returncode == 3, done.stderr
    assert "secret/a: 1 content; today on main" in done.stdout
    done = estate.harden("rotate", "crypt", "--force")
    assert done.returncode == 0, done.stderr
    assert "today on main" in done.stdout
    assert "no branch has it today" not in done.stdout
    inventory.write_text(inventory.read_text().replace(str(estate.upstream.path), f"{estate.upstream.path}-gone"))
    assert "not known: what is in the remote today" in estate.harden("exposed", "--secret", "crypt").stderr


def test_before_a_rotation_there_is_nothing_to_hand_over(estate: Estate) -> None:
    """In words."""
    done = estate.harden("handover", "crypt")
    assert done.returncode == 1
    assert "one key of it only" in done.stderr
