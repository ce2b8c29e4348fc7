"""Who in a cluster of the tests may log in to their OpenBao, by the ServiceAccount of its pod."""

from typing import Any

from bao.devserver import DevServer
from cluster.workload import Cluster

REVIEWER = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: reviewer}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reviewer}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: system:auth-delegator}
subjects: [{kind: ServiceAccount, name: reviewer, namespace: default}]
"""


def let_in(
    cluster: Cluster, bao: DevServer, role: str, policy: str, account: str, namespace: str = "*", **more: Any
) -> None:
    """A role in Vault, for a ServiceAccount of that name in one namespace or all: it may what the policy says."""
    cluster.admin.apply(REVIEWER)
    root = bao.root()
    if "kubernetes/" not in root.sys.list_auth_methods():
        root.sys.enable_auth_method("kubernetes")
    root.auth.kubernetes.configure(
        kubernetes_host=cluster.server.url,
        kubernetes_ca_cert=cluster.server.certificate,
        token_reviewer_jwt=cluster.admin.token("reviewer"),
    )
    root.sys.create_or_update_policy(role, policy)
    root.auth.kubernetes.create_role(role, [account], [namespace], policies=[role], **more)
