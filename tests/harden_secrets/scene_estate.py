"""The main scene in a cluster, with harden beside it, and what its pods see asked of the pods themselves."""

import base64
import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cluster.api import Object, until
from cluster.workload import Cluster

from tests.harden_secrets.keys import pairs, ssh, symmetric
from tests.harden_secrets.scene import (
    CLEAR_FILE,
    KEY_FILE,
    KEY_FOLDER,
    LOGIN,
    NAME,
    SSH_FILE,
    Places,
    bastion,
    job_of,
    scene,
)
from tests.harden_secrets.scene_command import Harden
from tests.harden_secrets.scene_repository import CLEAR, encrypted_bundle


@dataclass(frozen=True)
class Estate:
    """The scene, set up. Everything about what is where is asked anew each time."""

    cluster: Cluster
    places: Places
    folder: Path
    harden: Harden
    git_crypt_key: bytes = field(repr=False)
    ssh_key: bytes = field(repr=False)

    def journal_lines(self) -> int:
        """How far the only run is; 0 before it begins."""
        return sum(path.read_bytes().count(b"\n") for path in self.harden.state.glob("secrets/runs/*/journal"))

    @property
    def script(self) -> Path:
        """The CI script, a file as it is checked out."""
        return self.folder / "ci" / "fetch.sh"

    def plan(self, *options: str) -> Path:
        """A plan for the cluster and the CI script."""
        path = self.folder / "plan.json"
        found = ("secrets", "plan", str(self.script.parent), "--cluster", "-o", str(path), *options)
        self.harden.run(*found, status=3)
        return path

    def findings(self, status: int = 3) -> list[Any]:
        """What a scan of the whole cluster finds."""
        found: list[Any] = self.harden.answer("secrets", "scan", "--cluster", status=status)["findings"]
        return found

    def pod(self, namespace: str, name: str) -> str:
        """A pod that is ready and of the newest template."""
        return self.cluster.wait_for_rollout(namespace, name)

    def check_bytes(self) -> None:
        """Every consumer's view, from inside its pod."""
        runner = self.pod(self.places.runner, "runner")
        assert self.cluster.read(self.places.runner, runner, KEY_FILE) == self.git_crypt_key
        assert self.cluster.read(self.places.runner, runner, CLEAR_FILE) == CLEAR
        listed = self.cluster.run(self.places.runner, runner, "sh", "-c", f"cd {KEY_FOLDER} && stat -Lc '%n %a %s' *")
        assert listed.stdout == b"key 400 148\nrepositories 400 6\n"
        client = self.pod(self.places.ssh, "bastion")
        assert self.cluster.read(self.places.ssh, client, SSH_FILE) == self.ssh_key
        assert self.cluster.run(self.places.ssh, client, *LOGIN).stdout == b"welcome\n"
        assert self.script_prints() == self.git_crypt_key

    def script_prints(self) -> bytes:
        """The CI script as it is now, run in the CI's pod."""
        pod = self.cluster.pod_of(self.places.ci, "ci")
        return self.cluster.run(self.places.ci, pod, "sh", "-s", stdin=self.script.read_bytes()).stdout

    def backup_prints(self) -> str:
        """What a run of the suspended CronJob says; its Job stays, as Jobs do."""
        name = f"backup-{secrets.token_hex(3)}"
        cron_job = self.cluster.admin.get("batch/v1", "CronJob", "backup", self.places.backup)
        self.cluster.admin.create(job_of(cron_job, name), self.places.backup)

        def ended() -> str | None:
            pods = self.cluster.admin.list("v1", "Pod", self.places.backup, f"job-name={name}")
            return next((pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Succeeded"), None)

        return self.cluster.logs(self.places.backup, until(f"the end of {name}", ended))

    def belongings(self) -> dict[str, Object]:
        """The objects that people made in the scene's namespaces, without what the server says about them."""
        kinds = [("v1", "ConfigMap"), ("v1", "Secret"), ("apps/v1", "Deployment"), ("batch/v1", "CronJob")]
        kinds += [("rbac.authorization.k8s.io/v1", kind) for kind in ("Role", "RoleBinding")]
        found = ((kind, one) for version, kind in kinds for one in self.cluster.admin.list(version, kind))
        return {
            f"{kind} {one['metadata']['namespace']}/{one['metadata']['name']}": _as_made(one)
            for kind, one in found
            if one["metadata"]["namespace"] in self.places.all()
        }

    def copies(self) -> list[str]:
        """The namespaces where the git-crypt key still lies in its ConfigMap."""
        found = self.cluster.admin.list("v1", "ConfigMap")
        named = [one for one in found if one["metadata"]["name"] == NAME and _has_key(one)]
        return sorted(
            one["metadata"]["namespace"] for one in named if one["metadata"]["namespace"] in self.places.all()
        )

    def key_texts(self) -> tuple[bytes, ...]:
        """The keys as they may stand in some text or file: as they are, or as base64."""
        return self.git_crypt_key, base64.b64encode(self.git_crypt_key), self.ssh_key, self.ssh_key.split(b"\n")[1]

    def traces(self) -> list[Path]:
        """The files that harden keeps, or left behind, in which a key stands."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return [path for path in files if any(text in path.read_bytes() for text in self.key_texts())]


@contextlib.contextmanager
def estate(cluster: Cluster, folder: Path, vault: str = "{}", **environment: str) -> Iterator[Estate]:
    """The scene in namespaces of its own, all pods ready; gone after the block. ``vault`` is the inventory's entry.

    harden plans for every key of a cluster, so it has to be one that nobody else keeps keys in.
    """
    assert cluster.room is not None, "moves every key that it finds: unset HARDEN_TEST_KUBECONFIG"
    until("what other tests left is gone", lambda: not _going(cluster))
    pair, key, places = pairs.ed25519(), symmetric.git_crypt(), Places(secrets.token_hex(2))
    ssh_key = ssh.openssh(pair)
    (folder / "ci").mkdir()
    (folder / "ci" / "fetch.sh").write_text(places.script)
    harden = Harden(folder, cluster.server.kubeconfig, vault, environment)
    try:
        cluster.admin.apply(*scene(places, key, ssh_key, encrypted_bundle(key), ssh.public_line(pair)))
        pod = cluster.wait_for_rollout(places.ssh, "devvm")
        address = cluster.admin.get("v1", "Pod", pod, places.ssh)["status"]["podIP"]
        cluster.admin.apply(bastion(places.ssh, address))
        for namespace, name in ((places.ssh, "bastion"), (places.runner, "runner"), (places.ci, "ci")):
            cluster.wait_for_rollout(namespace, name)
        yield Estate(cluster, places, folder, harden, key, ssh_key)
    finally:
        for name in places.all():
            cluster.admin.delete("v1", "Namespace", name, None)


def _has_key(one: Object) -> bool:
    return "key" in one.get("data", {}) or "key" in one.get("binaryData", {})


def _as_made(one: Object) -> Object:
    annotations = dict(one["metadata"].get("annotations", {}))
    annotations.pop("deployment.kubernetes.io/revision", None)  # the controller's count of rollouts
    made = {name: value for name, value in one.items() if name not in ("metadata", "status")}
    return made | {"annotations": annotations, "labels": one["metadata"].get("labels", {})}


def _going(cluster: Cluster) -> list[str]:
    namespaces = cluster.admin.list("v1", "Namespace")
    return [one["metadata"]["name"] for one in namespaces if "deletionTimestamp" in one["metadata"]]
