"""The main scene after its migration, with what it takes to rotate its keys: a repository, an inventory, a schedule.

The runner clones from a bare repository instead of from a bundle, so that what is pushed there reaches it.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from bao.devserver import NAME as BAO_NAME
from bao.devserver import DevServer
from cluster.api import Object, flatten
from cluster.hardenimage import USER
from cluster.workload import Cluster, Ended, container

from harden_secrets.vault.port import Stored
from tests.harden_secrets.keys.programs import run
from tests.harden_secrets.scene import KEY_FILE, RUNNER
from tests.harden_secrets.scene_estate import Estate
from tests.harden_secrets.scene_repository import encrypted_bundle
from tests.harden_secrets.scene_vault import let_in

BRANCH = "main"
REPOSITORIES = "/repository"
REPOSITORY = f"{REPOSITORIES}/infra.git"
CLAIM = "repositories"
EXPOSED = "deploy.key"  # a file in it
SSH, GIT_CRYPT = "ssh-key", "git-crypt-key"
DELIVERED = "ssh-key-vault"  # the Secret of the SSH key, since its migration
LOG = "/tmp/auth.log"  # of sshd
LOGIN = """\
ssh -F none -p 2222 -i KEY -o BatchMode=yes -o IdentitiesOnly=yes -o ControlPath=none -o ConnectTimeout=9 \\
  -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=/tmp/known root@ADDRESS true"""
TRY = f"""\
umask 077; cat >/tmp/tried; status=0
{LOGIN.replace("KEY", "/tmp/tried")} || status=$?
rm /tmp/tried; exit $status
"""
# ssh reads the file of a key twice in a login, and fails where it was exchanged in between; so it gets one of its own.
PROBE = f"""\
umask 077
while true; do
  cat /keys/id_ed25519 >/tmp/key
  if {LOGIN.replace("KEY", "/tmp/key")} 2>/tmp/said
  then echo "in $(date +%s)"; else echo "out $(date +%s) $(tr '\\n' ' ' </tmp/said)"; fi
  sleep 0.5
done
"""
UNLOCK = f"""\
set -e; umask 077; cd /tmp; rm -rf tried; cat >tried.key; status=0
git clone -q {REPOSITORY} tried; cd tried
git-crypt unlock ../tried.key >&2 || status=$?
rm ../tried.key; [ $status = 0 ] || exit $status
cat credentials
"""
UNLOCK_AGAIN = f"set -e; cd /tmp/infra; git-crypt lock; git pull -q; git-crypt unlock {KEY_FILE}; cat credentials"


@dataclass(frozen=True)
class Rotation:
    """``estate``, migrated; ``namespace``: where harden runs; ``folder`` holds the repository, for pods and for us."""

    estate: Estate
    bao: DevServer
    mount: str
    namespace: str
    folder: Path

    @property
    def cluster(self) -> Cluster:
        """Where all of it is."""
        return self.estate.cluster

    @property
    def repository(self) -> Path:
        """The repository that everybody clones, on this side."""
        return self.folder / "infra.git"

    @property
    def devvm(self) -> str:
        """The address of the host that is logged in to."""
        return self._address(self._devvm)

    def logs_in(self, key: bytes) -> Ended:
        """A fresh login with a key, from a pod."""
        pod = self.cluster.pod_of(self.estate.places.ssh, "bastion")
        script = TRY.replace("ADDRESS", self.devvm)
        return self.cluster.run(self.estate.places.ssh, pod, "sh", "-c", script, stdin=key)

    def unlocks(self, key: bytes) -> Ended:
        """A fresh clone, unlocked with a key by the real git-crypt in the runner's pod; prints what is in the file."""
        return self._in_runner(UNLOCK, key)

    def unlocks_again(self) -> Ended:
        """The clone that the runner has had all the time, brought along as people do, with the key that it mounts."""
        return self._in_runner(UNLOCK_AGAIN)

    def stored(self, name: str, field: str) -> bytes:
        """A field of a secret in Vault, as it is now."""
        return self._now(name).fields[field].reveal()

    def version(self, name: str) -> int:
        """How often a secret was stored."""
        return self._now(name).version

    def probed(self) -> list[str]:
        """What came of the probe's logins: a line for each, that begins with `in` or `out`."""
        return self.cluster.logs(self.estate.places.ssh, "probe").splitlines()

    def keys_of_probe(self) -> list[str]:
        """The fingerprints of the keys with which the probe was let in, one after the other."""
        log = self.cluster.read(self.estate.places.ssh, self._devvm, LOG).decode()
        accepted = re.findall(rf"Accepted publickey .* from {re.escape(self._address('probe'))} .*(SHA256:\S+)", log)
        return [one for before, one in zip([None, *accepted], accepted, strict=False) if one != before]

    def schedule(self, image: str, every: int, overlap: int) -> None:
        """What harden prints to be run regularly; Vault lets it in. Waits until the keys are due, if that is soon."""
        address, port = self.cluster.expose(urlsplit(self.bao.address).port or 0)
        inventory = self.estate.folder / "pods.yaml"
        inventory.write_text(self._inventory(f"https://{BAO_NAME}:{port}", every, overlap))
        how = ("--image", image, "--namespace", self.namespace, "--claim", f"{CLAIM}:{REPOSITORIES}")
        chosen = ("--inventory", str(inventory))
        printed = self.estate.harden.run("secrets", "schedule", "--format", "cronjob", *how, *chosen)
        policy = self.estate.harden.run("vault", "policy", *chosen)
        let_in(self.cluster, self.bao, self.mount, policy, "harden-rotate", self.namespace)
        self.cluster.admin.apply(*in_tests(printed, address))
        left = (self._newest() + timedelta(seconds=every) - datetime.now(UTC)).total_seconds()
        if 0 < left < 60:
            time.sleep(left)

    def _inventory(self, address: str, every: int, overlap: int) -> str:
        """What the migration has entered, and what a person adds: where the other halves are, and when to rotate."""
        written = yaml.safe_load((self.estate.folder / "secrets.yaml").read_text())
        written["vault"] = {
            "address": address,
            "mount": self.mount,
            "ca_file": str(self.bao.ca),
            "auth": {"method": "kubernetes", "role": self.mount},
        }
        written["secrets"][SSH]["targets"] = [self._target()]
        written["secrets"][GIT_CRYPT]["repository"] = {"path": REPOSITORY, "branches": [BRANCH]}
        for name in (SSH, GIT_CRYPT):
            written["secrets"][name]["rotate"] = {"every": f"{every}s", "overlap": f"{overlap}s"}
        return yaml.safe_dump(written, sort_keys=False)

    def _target(self) -> dict[str, Any]:
        """The host, as an entry of the inventory."""
        key = self.cluster.read(self.estate.places.ssh, self._devvm, "/tmp/host.pub").decode()
        return {
            "host": self.devvm,
            "port": 2222,
            "user": "root",
            "host_key": " ".join(key.split()[:2]),
            "authorized_keys": "/tmp/authorized_keys",
            "log": LOG,
        }

    @property
    def _paths(self) -> dict[str, str]:
        return {SSH: f"{self.estate.places.ssh}/ssh-key", GIT_CRYPT: "shared/git-crypt-key"}

    def _now(self, name: str) -> Stored:
        found = self.bao.vault(self.mount).read(self._paths[name])
        assert found is not None, name
        return found

    def _newest(self) -> datetime:
        """When the last version of any of the keys was made."""
        known = [self.bao.vault(self.mount).metadata(path) for path in self._paths.values()]
        return max(version.created for one in known if one is not None for version in one.versions)

    @property
    def _devvm(self) -> str:
        return self.cluster.pod_of(self.estate.places.ssh, "devvm")

    def _address(self, pod: str) -> str:
        return str(self.cluster.admin.get("v1", "Pod", pod, self.estate.places.ssh)["status"]["podIP"])

    def _in_runner(self, script: str, stdin: bytes = b"") -> Ended:
        pod = self.cluster.pod_of(self.estate.places.runner, "runner")
        return self.cluster.run(self.estate.places.runner, pod, "sh", "-c", script, stdin=stdin)


@contextmanager
def rotation(estate: Estate, bao: DevServer, mount: str) -> Iterator[Rotation]:
    """Give the scene its repository, migrate it, and make room for harden beside it; gone after the block."""
    assert estate.cluster.room is not None, "a folder of this host is mounted into pods: unset HARDEN_TEST_KUBECONFIG"
    folder = estate.cluster.room.folder / f"repository-{estate.places.suffix}"
    made = Rotation(estate, bao, mount, f"harden-{estate.places.suffix}", folder)
    make_repository(made)
    clone_from_there(made)
    plan = estate.plan("--rewrite-scripts", "--reader", f"{estate.places.ci}/ci")
    estate.harden.run("secrets", "migrate", str(plan))
    estate.cluster.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.namespace}})
    try:
        estate.cluster.admin.apply(*volume(made), namespace=made.namespace)
        estate.cluster.admin.apply(probe(made), namespace=estate.places.ssh)
        yield made
    finally:
        for kind in ("Namespace", "PersistentVolume"):
            estate.cluster.admin.delete("v1", kind, made.namespace, None)
        shutil.rmtree(folder)


def make_repository(one: Rotation) -> None:
    """A bare one, in which somebody has put the SSH key too. It is harden's, which pushes there; others only read."""
    one.folder.mkdir()
    bundle = one.folder / "bundle"
    bundle.write_bytes(encrypted_bundle(one.estate.git_crypt_key, {EXPOSED: one.estate.ssh_key}))
    run("git", "clone", "-q", "--bare", bundle, one.repository)
    bundle.unlink()
    for path in (one.folder, *one.folder.rglob("*")):
        os.chown(path, USER, USER)


def clone_from_there(one: Rotation) -> None:
    """The runner clones from the repository."""
    volume = {"name": "repository", "hostPath": {"path": str(one.folder), "type": "Directory"}}
    spec = "/spec/template/spec"
    changes = [
        {"op": "replace", "path": f"{spec}/volumes/1", "value": volume},
        {
            "op": "replace",
            "path": f"{spec}/containers/0/command/2",
            "value": RUNNER.replace("/repository/infra.bundle", REPOSITORY),
        },
    ]
    one.cluster.admin.patch("apps/v1", "Deployment", "runner", changes, one.estate.places.runner)
    one.cluster.wait_for_rollout(one.estate.places.runner, "runner")


def probe(one: Rotation) -> Object:
    """A pod that logs in with the delivered key, twice a second, and notes what comes of it."""
    key = {"secretName": DELIVERED, "defaultMode": 0o400, "items": [{"key": "id_ed25519", "path": "id_ed25519"}]}
    main = container(["sh", "-c", PROBE.replace("ADDRESS", one.devvm)])
    main["volumeMounts"] = [{"name": "keys", "mountPath": "/keys"}]
    spec = {"containers": [main], "terminationGracePeriodSeconds": 0, "volumes": [{"name": "keys", "secret": key}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe"}, "spec": spec}


def volume(one: Rotation) -> list[Object]:
    """The claim by which the repository comes into harden's pods, and what it is bound to."""
    size = {"storage": "1Gi"}
    about = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    name = one.namespace
    claimed = {**about, "volumeName": name, "resources": {"requests": size}}
    there = {**about, "capacity": size, "hostPath": {"path": str(one.folder), "type": "Directory"}}
    return [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": there},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": claimed},
    ]


def in_tests(printed: str, address: str) -> list[Object]:
    """The manifests as they are printed, but for what the tests' cluster is without: a name service and a registry.

    The CronJob waits for a word of the test.
    """
    *made, cron_job = flatten([printed])
    assert cron_job["kind"] == "CronJob"
    cron_job["spec"]["suspend"] = True
    pod = cron_job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    pod["hostAliases"] = [{"ip": address, "hostnames": [BAO_NAME]}]
    pod["containers"][0]["imagePullPolicy"] = "Never"
    return [*made, cron_job]
