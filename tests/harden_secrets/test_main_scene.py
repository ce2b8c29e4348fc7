"""The main scene on real parts, with the commands as a person gives them.

A real Kubernetes with pods that run, the OpenBao of `harden vault up`, the real git-crypt and sshd.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.api import ApiError, until
from cluster.workload import Cluster

from tests.harden_secrets.scene import DEVELOPERS, NAME
from tests.harden_secrets.scene_estate import Estate, estate


@pytest.fixture
def at_home(cluster: Cluster, tmp_path: Path) -> Iterator[Estate]:
    """The scene, and the local Vault that harden makes for those without one."""
    with estate(cluster, tmp_path) as made:
        made.harden.run("vault", "up")
        try:
            yield made
        finally:
            made.harden.run("vault", "down")


def test_from_keys_that_lie_about_to_custody(at_home: Estate) -> None:
    """Scan, plan, migrate: every consumer sees the same bytes, the copies are gone, fewer can read them."""
    places, admin = at_home.places, at_home.cluster.admin
    expected = hashlib.sha256(at_home.git_crypt_key).hexdigest()
    dev = at_home.cluster.server.as_user("dev", [DEVELOPERS])
    at_home.check_bytes()
    assert at_home.backup_prints().startswith(expected)
    until("a developer may read", lambda: dev.may("get", "configmaps", places.runner, NAME))

    found = [one for one in at_home.findings() if one["object"]["namespace"] in places.all()]
    copies = [one for one in found if one["material"] == "git-crypt-key"]
    assert sorted(one["object"]["namespace"] for one in copies) == sorted(places.with_copies())
    assert len({one["fingerprint"] for one in copies}) == 1
    assert [one["material"] for one in found if one not in copies] == ["ssh-private-key"]

    plan = at_home.plan("--rewrite-scripts", "--reader", f"{places.ci}/ci")
    before = at_home.belongings()
    assert "deliver" in at_home.harden.run("secrets", "migrate", str(plan), "--dry-run")
    assert at_home.belongings() == before
    at_home.harden.run("secrets", "migrate", str(plan))

    at_home.check_bytes()
    assert at_home.backup_prints().startswith(expected)
    assert f"/namespaces/{places.ci}/secrets/{NAME}" in at_home.script.read_text()
    assert at_home.copies() == []
    assert at_home.harden.answer("secrets", "scan", "--cluster")["findings"] == []
    assert "nothing to move" in at_home.harden.run("secrets", "plan", "--cluster", str(at_home.script.parent))
    assert "nothing to do" in at_home.harden.run("secrets", "migrate", str(plan))
    assert at_home.harden.answer("secrets", "log", "verify")["intact"]
    assert at_home.traces() == []

    secrets = json.loads(plan.read_text())["secrets"]
    git_crypt = next(one for one in secrets if one["material"] == "git-crypt-key")
    assert set(git_crypt["readers_after"]) < set(git_crypt["readers_before"])
    with pytest.raises(ApiError, match="403"):
        dev.secret(NAME, places.runner)
    assert not admin.list("v1", "Secret", places.orphan)
