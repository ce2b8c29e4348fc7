"""What the Vault Secrets Operator needs to read a store of the tests' OpenBao, in Vault and in a namespace."""

import json

from bao.devserver import DevServer
from cluster.workload import Cluster

from tests.harden_secrets.scene_vault import let_in

ACCESS = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: vault-reader}
---
apiVersion: v1
kind: Secret
metadata: {name: vault-ca}
stringData: {ca.crt: AUTHORITY}
---
apiVersion: secrets.hashicorp.com/v1beta1
kind: VaultConnection
metadata: {name: openbao}
spec: {address: ADDRESS, caCertSecretRef: vault-ca}
---
apiVersion: secrets.hashicorp.com/v1beta1
kind: VaultAuth
metadata: {name: openbao}
spec:
  vaultConnectionRef: openbao
  method: kubernetes
  mount: kubernetes
  kubernetes: {role: ROLE, serviceAccount: vault-reader, audiences: [vault]}
"""


def operator_access(bao: DevServer, mount: str) -> str:
    """The objects of a namespace by which the operator logs in: a VaultAuth `openbao`, and what it refers to."""
    text = ACCESS.replace("ADDRESS", bao.address).replace("ROLE", mount)
    return text.replace("AUTHORITY", json.dumps(bao.ca.read_text()))


def let_operator_read(cluster: Cluster, bao: DevServer, mount: str) -> None:
    """The ServiceAccount `vault-reader` of every namespace may read this store, and nothing else."""
    policy = f'path "{mount}/data/*" {{ capabilities = ["read"] }}'
    let_in(cluster, bao, mount, policy, "vault-reader", audience="vault")
