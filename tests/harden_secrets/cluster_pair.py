"""The fixture `api`: the same tests on the API server in memory and on a real one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from cluster.server import Server

from harden_secrets.cluster.opening import open_cluster
from harden_secrets.cluster.port import Cluster, Manifest
from tests.harden_secrets.fake_cluster import FakeCluster

REAL = pytest.param("real", marks=[pytest.mark.cluster, pytest.mark.kernel])


@dataclass(frozen=True)
class Pair:
    """A cluster as harden sees it, and a namespace of the test's own in it. ``put`` writes past harden's client."""

    cluster: Cluster
    namespace: str
    put: Callable[[Manifest], object]


def real_cluster(server: Server) -> Cluster:
    """harden's own client for a server of the tests."""
    warnings: list[str] = []
    cluster = open_cluster(server.kubeconfig, None, {}, warnings.append)
    assert not warnings
    return cluster


@pytest.fixture(params=["fake", REAL])
def api(request: pytest.FixtureRequest) -> Iterator[Pair]:
    if request.param == "fake":
        fake = FakeCluster()
        fake.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test-1"}})
        yield Pair(fake, "test-1", fake.put)
        return
    server: Server = request.getfixturevalue("api_server")
    namespace = server.admin.new_namespace()
    yield Pair(real_cluster(server), namespace, server.admin.apply)
