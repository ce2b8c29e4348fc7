"""Fixtures: a real Kubernetes 1.34 for tests, started when the first test asks for it and gone with the test run.

`api_server` is an API server with RBAC and nothing else (4 s): objects stay as they are written. `cluster` is a second
one with controllers, a scheduler and a node that runs real pods (some 15 s). A test that uses one of them is marked
`cluster` without saying so. Everything needs root, and none of it the network.

    def test_a_secret_is_denied(api_server: Server) -> None:
        namespace = api_server.admin.new_namespace()            # one for each test: the server is shared
        api_server.admin.apply(MANIFESTS, namespace=namespace)  # YAML text or dicts
        eve = api_server.as_user("eve", groups=["developers"])  # or .kubeconfig_for(...): the path of a kubeconfig
        with pytest.raises(ApiError, match="403"):
            eve.secret("key", namespace)
        runner.invoke(app, ["secrets", "scan", "--kubeconfig", str(api_server.kubeconfig)])

`server.admin` is a `cluster.api.Api`: apply, create, get, list, patch, delete, secret, token, request, send.
`server.as_account(name, namespace)` and `server.kubeconfig_of_account(...)` are a ServiceAccount's by token,
`server.audit_log` is a file of JSON lines. A new role or binding counts after a moment: `cluster.api.until` waits.

With HARDEN_TEST_KUBECONFIG both fixtures are that cluster, and what then cannot be tested fails.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster.control import ApiServer, start_controllers, wait_for_roles
from cluster.room import Room
from cluster.server import Server

USED = {"api_server", "cluster"}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cluster: starts a real Kubernetes; needs root, and scripts/build-cluster.sh")


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a cluster, by its fixtures. It makes namespaces, so it is `kernel` too."""
    for item in items:
        if USED & set(getattr(item, "fixturenames", ())):
            item.add_marker("cluster")
            item.add_marker("kernel")


@pytest.fixture(scope="session")
def api_server() -> Iterator[Server]:
    """An API server on which nothing acts but what fills `view`, `edit` and `admin`. Make a namespace for each test."""
    with foreign_server() as server:
        if server is not None:
            yield server
            return
    room = Room()
    try:
        server = ApiServer(room)
        wait_for_roles(server, start_controllers(server, "clusterrole-aggregation-controller"))
        yield server
    finally:
        room.close()


@contextmanager
def foreign_server() -> Iterator[Server | None]:
    """The cluster that HARDEN_TEST_KUBECONFIG names, if it is set."""
    chosen = os.environ.get("HARDEN_TEST_KUBECONFIG")
    if not chosen:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="harden-test-") as folder:
        yield Server(Path(chosen), Path(folder))
