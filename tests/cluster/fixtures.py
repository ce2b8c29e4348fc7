"""Fixtures: a real Kubernetes 1.34 for tests, started when the first test asks for it and gone with the test run.

`api_server` is an API server with RBAC and nothing else (4 s): objects stay as they are written. `cluster` is a second
one with controllers, a scheduler and a node that runs real pods (8 s). A test that uses one of them is marked
`cluster` without saying so. Everything needs root, and none of it the network.

    from cluster.api import ApiError, until
    from cluster.operators import VaultSecretsOperator
    from cluster.server import Server
    from cluster.workload import Cluster, container, deployment

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

    def test_the_pod_sees_the_bytes(cluster: Cluster) -> None:
        with cluster.namespace() as namespace:
            mount = {"name": "key", "mountPath": "/key"}
            pod = container(["sleep", "3600"], volumeMounts=[mount])
            volume = {"name": "key", "secret": {"secretName": "key", "defaultMode": 0o400}}
            cluster.admin.apply(SECRET, deployment("reader", pod, volumes=[volume]), namespace=namespace)
            name = cluster.wait_for_rollout(namespace, "reader")       # the name of a ready pod
            assert cluster.read(namespace, name, "/key/raw") == KEY    # exact bytes
            done = cluster.run(namespace, name, "git-crypt", "status")  # status, stdout, stderr; stdin=b"..."
            cluster.logs(namespace, name)

`cluster.server` is what `api_server` is, of that cluster (`cluster.admin` its administrator). The pods' image
`harden.test/tools:1` has busybox, bash, git, git-crypt, ssh, sshd, curl and jq; users root and app (1000). Pods find
the API server by the usual KUBERNETES_SERVICE_HOST and _PORT; there is no DNS and no other Service's address: use those
of pods. `cluster.expose(port)` lets pods reach a port of the tests' 127.0.0.1, `cluster.reach(ip, port)` the tests a
pod's. A mounted Secret shows a new value within some 3 s.

    def test_the_operator_delivers(vault_secrets_operator: VaultSecretsOperator, cluster: Cluster) -> None:
        vault_secrets_operator.allow(port)   # it then finds an OpenBao of the tests at 127.0.0.1:<port>
        ...  # VaultConnection, VaultAuth, VaultStaticSecret; then until("delivered", lambda: ...)

`vault_secrets_operator` is HashiCorp's real one beside `cluster`. `eso_crds` is `api_server` with the definitions of
the External Secrets Operator, so that it refuses invalid objects.

    def test_harden_runs_in_a_pod(cluster: Cluster, harden_image: str) -> None:
        ...  # a pod of that image has harden as it is here, with Python, git, git-crypt and ssh; user harden (65532)

`harden_image` takes 6 s more. The API server's audit log tells who asked for what, `cluster.server.audit_log`.

With HARDEN_TEST_KUBECONFIG both fixtures are that cluster, and what then cannot be tested fails.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cluster import hardenimage
from cluster.control import ApiServer, start_controllers, start_scheduler, wait_for_roles
from cluster.node import Node
from cluster.operators import VaultSecretsOperator, find_operator, load_definitions, start_operator
from cluster.room import Room
from cluster.server import Server
from cluster.workload import Cluster

USED = {"api_server", "cluster"}  # the other fixtures use one of these


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


@pytest.fixture(scope="session")
def eso_crds(api_server: Server) -> Server:
    """`api_server`, which then takes objects of the External Secrets Operator if valid; nothing acts on them."""
    load_definitions(api_server.admin, "external-secrets")
    return api_server


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A cluster with controllers, a scheduler and a node that runs real pods of the image `harden.test/tools:1`."""
    with foreign_server() as server:
        if server is not None:
            yield Cluster(server, None)
            return
    room = Room()
    try:
        yield start_cluster(room)
    finally:
        room.close()


@pytest.fixture(scope="session")
def harden_image(cluster: Cluster) -> str:
    """The name of an image in which pods of `cluster` can run harden."""
    cluster.load(hardenimage.write_image)
    return hardenimage.HARDEN


@pytest.fixture(scope="session")
def vault_secrets_operator(cluster: Cluster) -> VaultSecretsOperator:
    """The real operator, acting on `cluster`; it ends with it."""
    if cluster.room is None or not isinstance(cluster.server, ApiServer):
        return find_operator(cluster)
    return start_operator(cluster, cluster.room, cluster.server)


def start_cluster(room: Room) -> Cluster:
    """All parts, each as soon as what it needs is there."""
    node = Node(room)
    node.load_images()
    server = ApiServer(room)
    controllers = start_controllers(server)
    start_scheduler(server)
    node.join(server)
    wait_for_roles(server, controllers)
    return Cluster(server, room, node)


@contextmanager
def foreign_server() -> Iterator[Server | None]:
    """The cluster that HARDEN_TEST_KUBECONFIG names, if it is set."""
    chosen = os.environ.get("HARDEN_TEST_KUBECONFIG")
    if not chosen:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="harden-test-") as folder:
        yield Server(Path(chosen), Path(folder))
