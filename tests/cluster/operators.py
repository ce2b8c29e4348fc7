"""Operators in a test cluster: their definitions as published, and the Vault Secrets Operator as a process."""

import functools
from pathlib import Path

from cluster import programs
from cluster.api import Api, ApiError, until
from cluster.control import ApiServer
from cluster.room import Program, Room, RoomError
from cluster.workload import Cluster

NAMESPACE = "vault-secrets-operator"
CRDS = "apiextensions.k8s.io/v1"
PROBE = 18081
ACCOUNT = f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: {NAMESPACE}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: controller-manager, namespace: {NAMESPACE}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {NAMESPACE}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}
subjects: [{{kind: ServiceAccount, name: controller-manager, namespace: {NAMESPACE}}}]
"""


def load_definitions(admin: Api, operator: str) -> None:
    """Give a cluster the resources of ``vault-secrets-operator`` or ``external-secrets``; returns when they work."""
    made = admin.apply(*(path.read_text() for path in programs.definitions(operator)), manager=operator)
    for one in made:
        name = one["metadata"]["name"]
        until(f"the definition {name}", functools.partial(serves, admin, name))


def serves(admin: Api, definition: str) -> bool:
    """Whether the API server takes objects of it."""
    found = admin.get(CRDS, "CustomResourceDefinition", definition, None)
    conditions = found.get("status", {}).get("conditions", [])
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


def has_definition(admin: Api, definition: str) -> bool:
    try:
        return serves(admin, definition)
    except ApiError as error:
        if error.status != 404:
            raise
        return False


class VaultSecretsOperator:
    """HashiCorp's operator, beside a test cluster; it acts on VaultConnection, VaultAuth and VaultStaticSecret objects.

    Vault's address in a VaultConnection is as the operator sees it. `allow` lets it see one of the tests' own.
    """

    def __init__(self, cluster: Cluster, room: Room | None = None, program: Program | None = None) -> None:
        self.cluster = cluster
        self._room = room
        self._program = program
        self._allowed: set[int] = set()

    def allow(self, port: int) -> None:
        """Let the operator reach ``port`` of the tests' 127.0.0.1 under the same address; again is the same as once."""
        if self._room is None:
            raise RoomError("an operator elsewhere does not reach the tests: unset HARDEN_TEST_KUBECONFIG")
        if port not in self._allowed:
            self._room.expose(port, inside=port)
            self._allowed.add(port)

    def log(self) -> str:
        """What it wrote lately; nothing of one that runs in a cluster of one's own."""
        return self._program.tail() if self._program else ""


def start_operator(cluster: Cluster, room: Room, server: ApiServer) -> VaultSecretsOperator:
    """Start it beside a cluster that does not have it yet; returns when it works."""
    load_definitions(cluster.admin, "vault-secrets-operator")
    cluster.admin.apply(ACCOUNT)
    access = server.inside_kubeconfig_of_account("controller-manager", NAMESPACE)
    program = room.run("vault-secrets-operator", command(access), surroundings())
    room.wait("the Vault Secrets Operator", program, lambda: answers(room, PROBE))
    return VaultSecretsOperator(cluster, room, program)


def find_operator(cluster: Cluster) -> VaultSecretsOperator:
    """The one that a cluster of one's own has; RoomError when it has none."""
    if not has_definition(cluster.admin, "vaultstaticsecrets.secrets.hashicorp.com"):
        raise RoomError("the cluster of HARDEN_TEST_KUBECONFIG has no Vault Secrets Operator")
    return VaultSecretsOperator(cluster)


def command(access: Path) -> list[str]:
    return [
        programs.built("vault-secrets-operator"),
        f"--kubeconfig={access}",
        "--leader-elect=false",
        "--metrics-bind-address=0",
        f"--health-probe-bind-address=127.0.0.1:{PROBE}",
        "--backoff-initial-interval=500ms",  # a test that lets it fail does not want to wait for long
        "--backoff-max-interval=2s",
    ]


def surroundings() -> dict[str, str]:
    """What a pod of the operator would be told of itself."""
    return {
        "OPERATOR_NAMESPACE": NAMESPACE,
        "POD_NAMESPACE": NAMESPACE,
        "POD_NAME": "vault-secrets-operator-0",
        "POD_UID": "00000000-0000-4000-8000-000000000000",
    }


def answers(room: Room, port: int) -> bool:
    """Whether something in the room takes connections there."""
    try:
        connection = room.connect(port)
    except ConnectionError:
        return False
    connection.close()
    return True
