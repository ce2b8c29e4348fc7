"""What is known of a pod: by asking its containers, by what they mount, and by when it was made."""

from collections.abc import Sequence
from typing import Any

import pytest

from harden_secrets.cluster.marks import restart_mark
from harden_secrets.cluster.pods import troubles
from harden_secrets.cluster.port import Executed, Manifest, ObjectName
from harden_secrets.cluster.sight import Sight, look
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.delivery.freshness import is_fresh
from harden_secrets.rotate.delivery.views import View, cannot_see_changes, views
from tests.harden_secrets.delivery_world import bare_pod, mounted, volume
from tests.harden_secrets.fake_cluster import FakeCluster
from tests.harden_secrets.stage import workload

SECRET = ObjectName("v1", "Secret", "apps", "key")
MARK = restart_mark("key")


def answers(programs: dict[str, Executed]) -> FakeCluster:
    """A pod whose image has these programs only."""

    def run(_pod: Manifest, _container: str, command: Sequence[str]) -> Executed:
        return programs.get(" ".join(command), Executed(127, b"", b"not found"))

    cluster = FakeCluster(run=run)
    cluster.put(bare_pod("one", {}))
    return cluster


@pytest.mark.parametrize(
    ("programs", "expected"),
    [
        ({"printenv KEY": Executed(0, b"a=b\n\n", b"")}, Sight(True, Confidential(b"a=b\n"))),
        ({"printenv KEY": Executed(1, b"", b"")}, Sight(True)),
        ({"env -0": Executed(0, b"KEYS=no\0KEY=a=b\n\0LAST=\0", b"")}, Sight(True, Confidential(b"a=b\n"))),
        ({"env -0": Executed(0, b"KEYS=no\0", b"")}, Sight(True)),
        ({"env -0": Executed(1, b"", b"invalid option")}, Sight(False)),
        ({}, Sight(False)),
    ],
)
def test_a_variable_is_asked_of_what_is_there(programs: dict[str, Executed], expected: Sight) -> None:
    """Exact to the byte, line feeds at its end included."""
    cluster = answers(programs)
    pod = cluster.get(ObjectName("v1", "Pod", "apps", "one"))
    assert pod is not None
    assert look(cluster, pod, "main", "env:KEY") == expected


def seen(container: dict[str, Any], volumes: list[dict[str, Any]]) -> tuple[View, ...]:
    return views(workload("Deployment", "one", container, volumes), SECRET, ["k", "n"])


def test_a_part_that_a_variable_names_cannot_be_asked_for() -> None:
    """It may be any entry, and keeps its value."""
    found = seen(mounted("/part", subPathExpr="$(WHICH)"), volume("key"))
    assert found == (View("k", "main", "", True), View("n", "main", "", True))


def test_a_projected_volume_is_refreshed() -> None:
    """Under the paths that it gives the entries."""
    source = {"secret": {"name": "key", "items": [{"key": "k", "path": "deep/er"}]}}
    found = seen(mounted(), [{"name": "key", "projected": {"sources": [source]}}])
    assert found == (View("k", "main", "/key/deep/er", False),)
    assert not cannot_see_changes(found)


def test_what_no_container_sees_is_no_view() -> None:
    """A volume that is not mounted, a pull secret, a Secret of another name."""
    assert seen({}, volume("key")) == ()
    assert seen(mounted(), volume("other")) == ()
    pulling = workload("Deployment", "one", {})
    pulling["spec"]["template"]["spec"]["imagePullSecrets"] = [{"name": "key"}]
    assert views(pulling, SECRET, ["k"]) == ()


def secret(version: str, *written: tuple[str, str]) -> Manifest:
    managed = [{"time": time, "fieldsV1": {field: {}}} for field, time in written]
    return {"metadata": {"name": "key", "resourceVersion": version, "managedFields": managed}}


@pytest.mark.parametrize(
    ("made", "mark", "expected"),
    [
        ("2026-03-01T00:00:01Z", "", False),  # in the same second: who knows
        ("2026-03-01T00:00:02Z", "", True),
        ("2026-02-01T00:00:00Z", "", False),
        ("2026-02-01T00:00:00Z", "17", True),
        ("2026-02-01T00:00:00Z", "16", False),
        ("no time", "", False),
        ("2026-05-01T00:00:00", "", False),
    ],
)
def test_a_pod_is_younger_than_the_value(made: str, mark: str, expected: bool) -> None:
    """By the API server's times of the data, or because its template was marked for it."""
    pod = bare_pod("one", {}, creationTimestamp=made, annotations={MARK: mark} if mark else {})
    now = secret("17", ("f:data", "2026-03-01T00:00:01Z"), ("f:metadata", "2026-04-01T00:00:00Z"))
    assert is_fresh(pod, now, MARK) is expected
    assert not is_fresh(bare_pod("one", {}, creationTimestamp="2026-05-01T00:00:00Z"), secret("17"), MARK)


def test_what_a_container_was_started_with_is_not_quoted() -> None:
    """A kubelet shows the command line of what cannot be started, with the variables in it."""
    waiting = {"reason": "RunContainerError", "message": 'exec: "server --key=alpha-4711": not found'}
    pod = {"status": {"containerStatuses": [{"name": "main", "state": {"waiting": waiting}}]}}
    assert list(troubles(pod)) == ["container main: RunContainerError"]
    missing = {"reason": "CreateContainerConfigError", "message": 'secret "key" not found'}
    pod = {"status": {"containerStatuses": [{"name": "main", "state": {"waiting": missing}}]}}
    assert list(troubles(pod)) == ['container main: CreateContainerConfigError: secret "key" not found']


def test_a_pod_that_finds_no_node_says_so() -> None:
    """In the scheduler's words."""
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}
    assert list(troubles({"status": {"conditions": [condition]}})) == ["0/1 nodes are available"]
