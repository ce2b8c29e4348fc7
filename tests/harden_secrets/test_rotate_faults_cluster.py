"""`harden secrets rotate` into a real cluster in which somebody else writes in between, or whose API server is away."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import yaml
from bao.gate import Gate, gate
from cluster.workload import Cluster, container, deployment

from tests.harden_secrets.door_scene import DOORS, FIRST, Scene, hashed, scene

__all__ = ["scene"]

VALUE = {"name": "VALUE", "valueFrom": {"secretKeyRef": {"name": "app", "key": "value"}}}


@dataclass
class Meddler:
    """Somebody who writes to an object when harden is about to; ``times`` is how often that was."""

    cluster: Cluster
    namespace: str
    times: int = 0

    def secret(self) -> None:
        """Its version is another."""
        self._write("v1", "Secret", "/metadata/labels/meddled", str)

    def deployment(self) -> None:
        """What it wants is another."""
        self._write("apps/v1", "Deployment", "/spec/revisionHistoryLimit", int)

    def _write(self, version: str, kind: str, path: str, form: type) -> None:
        self.times += 1
        change = {"op": "add", "path": path, "value": form(self.times)}
        self.cluster.admin.patch(version, kind, "app", [change], self.namespace)


@pytest.fixture(name="namespace")
def _namespace(cluster: Cluster) -> Iterator[str]:
    with cluster.namespace() as name:
        yield name


@pytest.fixture(name="door")
def _door(cluster: Cluster) -> Iterator[Gate]:
    """The way to the API server."""
    port = urlsplit(cluster.server.url).port
    assert port is not None
    with gate(port) as made:
        yield made


def deliver_to(cluster: Cluster, namespace: str, door: Gate, scene: Scene) -> None:
    """The secret goes to a Secret too, and to a pod that has it in a variable."""
    config = yaml.safe_load(cluster.server.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{door.port}"
    file = scene.host.root / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    file.chmod(0o600)
    scene.host.more = {"KUBECONFIG": str(file)}
    inventory = scene.host.inventory
    way = f"deliver: [{{to: direct, namespace: {namespace}, secret: app}}, "
    inventory.write_text(inventory.read_text().replace("deliver: [", way))
    assert scene.host.harden("deliver", "app") == 0, scene.host.said[-1]
    cluster.admin.apply(deployment("app", container(["sleep", "100000"], env=[VALUE])), namespace=namespace)
    cluster.wait_for_rollout(namespace, "app")


def test_a_cluster_in_trouble(cluster: Cluster, namespace: str, door: Gate, scene: Scene) -> None:
    """While somebody writes each time, or nobody answers, both values are good and it is said; then it goes on."""
    deliver_to(cluster, namespace, door, scene)
    meddler = Meddler(cluster, namespace)
    for at, do, *says in (
        ("deliver", door.close, f"127.0.0.1:{door.port}", "cannot be reached"),
        ("replace Secret*", meddler.secret, f"secret {namespace}/app has changed", "see who changes it all the time"),
        ("patch Deployment*", meddler.deployment, "changes faster than it can be restarted", "see who changes it all"),
    ):
        assert scene.host.harden("rotate", "app", at=at, do=do) == 1, scene.host.said[-1]
        said = scene.host.said[-1]
        assert scene.host.harden("status") == 3
        assert f"at deliver at secret {namespace}/app" in scene.host.said[-1]
        for words in says:
            assert words in said
            assert words in scene.host.said[-1]
        door.reopen()
        scene.check()
        pod = cluster.run(namespace, cluster.pod_of(namespace, "app"), "sh", "-c", 'printf %s "$VALUE"').stdout
        assert pod == FIRST
        assert all(hashed(FIRST) in (scene.doors / name).read_text() for name in DOORS)
    before = meddler.times
    assert before > 10
    assert scene.host.harden("rotate", "app", at="patch Deployment", do=meddler.deployment) == 0, scene.host.said[-1]
    assert meddler.times == before + 1, "who is faster once does not stop it"
    scene.check_end()
    pod = cluster.run(namespace, cluster.pod_of(namespace, "app"), "sh", "-c", 'printf %s "$VALUE"').stdout
    assert pod == scene.file.read_bytes()
