"""Kubernetes: the ServiceAccount token that lies in every pod."""

from dataclasses import dataclass
from pathlib import Path

import hvac

from harden_secrets.vault.auth.port import Lease, from_file, lease_of
from harden_secrets.vault.transport import answered

TOKEN_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
HINT = "outside a pod there is no ServiceAccount: use another method, or name a file with vault.auth.token_file"


@dataclass(frozen=True, slots=True)
class KubernetesLogin:
    """``role`` is one of the auth method's roles, which says which ServiceAccounts may have it."""

    role: str
    token_file: Path = TOKEN_FILE
    mount: str = "kubernetes"
    method: str = "Kubernetes"
    again: bool = True

    def log_in(self, client: hvac.Client) -> Lease:
        """A token of the role's policies. The kubelet replaces the file, so it is read each time."""
        jwt = from_file(self.token_file, "no ServiceAccount token", HINT).reveal().decode("utf-8", "replace")
        answer = answered(
            lambda vault: vault.auth.kubernetes.login(self.role, jwt, use_token=False, mount_point=self.mount), client
        )
        return lease_of(answer)
