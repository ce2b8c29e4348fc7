"""The main scene on real parts, with the commands as a person gives them.

A real Kubernetes with pods that run, a real OpenBao, the real git-crypt and sshd.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bao.devserver import DevServer
from cluster.workload import Cluster

from harden_secrets.vault.kv import KeyValue
from tests.harden_secrets.keys import ssh, symmetric
from tests.harden_secrets.scene import SCRIPT, scene

COMMAND = (sys.executable, "-c", "from harden.cli import main; main()")


@dataclass
class Estate:
    """The scene in a cluster, and harden set up beside it."""

    cluster: Cluster
    folder: Path
    environment: dict[str, str]
    git_crypt_key: bytes
    ssh_key: bytes

    def harden(self, *arguments: str, status: int = 0) -> str:
        """What the command says on stdout; it must end with that status."""
        done = subprocess.run(
            [*COMMAND, *arguments], env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def answer(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.harden(*arguments, "--json", status=status))


@pytest.fixture
def estate(cluster: Cluster, bao: DevServer, vault: KeyValue, tmp_path: Path) -> Iterator[Estate]:
    git_crypt_key, ssh_key = symmetric.git_crypt(), ssh.openssh()
    objects = scene(git_crypt_key, ssh_key)
    cluster.admin.apply(*objects)
    inventory = tmp_path / "secrets.yaml"
    inventory.write_text(f"version: 1\nvault: {{address: '{bao.address}', mount: {vault.mount}}}\n")
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "fetch.sh").write_text(SCRIPT)
    environment = {
        **os.environ,
        "HARDEN_STATE": str(tmp_path / "state"),
        "HARDEN_INVENTORY": str(inventory),
        "KUBECONFIG": str(cluster.server.kubeconfig),
        "VAULT_ADDR": bao.address,
        "VAULT_TOKEN": bao.root_token,
        "VAULT_CACERT": str(bao.ca),
    }
    try:
        yield Estate(cluster, tmp_path, environment, git_crypt_key, ssh_key)
    finally:
        for one in objects:
            if one["kind"] == "Namespace":
                cluster.admin.delete("v1", "Namespace", one["metadata"]["name"], None)


def test_from_keys_that_lie_about_to_custody(estate: Estate) -> None:
    """Scan, plan, migrate: the bytes are the same, the copies are gone, and fewer can read it."""
    cluster = estate.cluster
    pod = cluster.wait_for_rollout("agent", "runner")
    assert cluster.read("agent", pod, "/secrets/git-crypt/key") == estate.git_crypt_key

    found = estate.answer("secrets", "scan", "--cluster", status=3)["findings"]
    copies = [one for one in found if one["material"] == "git-crypt-key"]
    assert len(copies) == 4
    assert len({one["fingerprint"] for one in copies}) == 1

    plan = estate.folder / "plan.json"
    estate.harden("secrets", "plan", str(estate.folder / "ci"), "--cluster", "-o", str(plan), status=3)
    estate.harden("secrets", "migrate", str(plan))

    pod = cluster.wait_for_rollout("agent", "runner")
    assert cluster.read("agent", pod, "/secrets/git-crypt/key") == estate.git_crypt_key
    left = estate.answer("secrets", "scan", "--cluster", status=3)["findings"]
    assert [one["object"]["namespace"] for one in left] == ["woodpecker"], "its CI script still reads it"
    assert "nothing to do" in estate.harden("secrets", "migrate", str(plan))
    assert estate.answer("secrets", "log", "verify")["intact"]
