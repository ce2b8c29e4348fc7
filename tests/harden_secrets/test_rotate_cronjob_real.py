"""The CronJob's pods at work: two at once, in a real cluster, with no right but those that were printed for them."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from bao.devserver import NAME as BAO_NAME
from bao.devserver import DevServer
from cluster.workload import Cluster

from harden_secrets.confidential import Confidential
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.rotate.store import Store
from harden_secrets.rotate.units.cronjob import NAME, Pod, manifests
from harden_secrets.rotate.values import Outcome
from harden_secrets.vault.kv import KeyValue
from harden_secrets.vault.policy import grants, render
from tests.harden_secrets.scene_vault import let_in

# Leaves the making of a token to harden, takes every new one and refuses every old one.
PROGRAM = """\
if grep -q -e '"generate"' -e '"still-used"'; then exit 64; fi
"""
SECRETS = """\
version: 1
vault: {address: "ADDRESS", mount: MOUNT, ca_file: /etc/harden/vault-ca.pem, auth: {method: kubernetes, role: MOUNT}}
secrets:
  one:
    kind: command
    path: apps/one
    command: [/bin/sh, /etc/harden/program.sh]
    deliver: [{to: direct, namespace: NAMESPACE, secret: one, keys: {key: token}}]
    rotate: {every: 2s}
"""


@pytest.fixture
def estate(
    cluster: Cluster, bao: DevServer, vault: KeyValue, harden_image: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """A namespace with everything in it, and the template of the CronJob's Jobs."""
    with cluster.namespace() as namespace:
        address, port = cluster.expose(urlsplit(bao.address).port or 0)
        text = SECRETS.replace("ADDRESS", f"https://{BAO_NAME}:{port}").replace("MOUNT", vault.mount)
        text = text.replace("NAMESPACE", namespace)
        inventory = read_inventory(text.encode(), "secrets.yaml")
        let_in(cluster, bao, vault.mount, render(grants(inventory, ()), vault.mount), NAME, namespace)
        files = {"secrets.yaml": text, "program.sh": PROGRAM, "vault-ca.pem": bao.ca.read_text()}
        made = manifests(Pod(namespace, harden_image, files), inventory, timedelta(minutes=15))
        cluster.admin.apply(
            *({**one, "spec": {**one["spec"], "suspend": True}} if "spec" in one else one for one in made)
        )
        template: dict[str, Any] = made[-1]["spec"]["jobTemplate"]["spec"]
        pod = template["template"]["spec"]
        pod["hostAliases"] = [{"ip": address, "hostnames": [BAO_NAME]}]  # the tests' cluster has no DNS
        pod["containers"][0]["imagePullPolicy"] = "Never"  # nor a registry
        yield namespace, template


def test_two_at_once_rotate_what_is_due(cluster: Cluster, vault: KeyValue, estate: tuple[str, dict[str, Any]]) -> None:
    """Both end well; what is delivered is what Vault has, the rotation is done, and nothing of it was shown."""
    namespace, template = estate
    vault.write("apps/one", {"token": Confidential(b"the-old-token")}, cas=0)
    time.sleep(2)
    for name in ("first", "second"):
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": template}
        cluster.admin.apply(job, namespace=namespace)
    said = "".join(log_of(cluster, namespace, name) for name in ("first", "second"))
    loaded, newest = Store(vault).load("apps/one"), vault.read("apps/one")
    assert loaded is not None, said
    assert newest is not None
    assert loaded.rotation.outcome is Outcome.DONE, said
    assert newest.version >= 2
    token = newest.fields["token"].reveal()
    assert cluster.admin.secret("one", namespace) == {"key": token}
    assert token != b"the-old-token"
    assert token.decode() not in said
    assert "is held by" in said or newest.version > 2, "one of them came later, or was told who works"
    assert "done: version 2 is in use, the old key is refused" in said


def log_of(cluster: Cluster, namespace: str, job: str) -> str:
    """What a Job's only pod has said, once it has ended well."""
    (pod,) = until_there(cluster, namespace, job)
    cluster.wait_for_pod(namespace, pod, "Succeeded")
    return cluster.logs(namespace, pod)


def until_there(cluster: Cluster, namespace: str, job: str) -> list[str]:
    """The names of its pods."""
    for _ in range(200):
        found = cluster.admin.list("v1", "Pod", namespace, f"job-name={job}")
        if found:
            return [one["metadata"]["name"] for one in found]
        time.sleep(0.1)
    raise AssertionError(f"no pod of {job}")
