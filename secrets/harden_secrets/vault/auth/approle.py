"""AppRole: a role ID, which names us, and a secret ID, which proves it."""

from dataclasses import dataclass
from pathlib import Path

import hvac

from harden_secrets.confidential import Confidential
from harden_secrets.vault.auth.port import Lease, from_file, lease_of
from harden_secrets.vault.transport import answered

HINT = "vault.auth names the file with the secret ID as secret_id_file"


@dataclass(frozen=True, slots=True)
class AppRoleLogin:
    """``secret_id`` is a file, so that it can be replaced while we run, or the value itself."""

    role_id: str | Path
    secret_id: Path | Confidential
    mount: str = "approle"
    method: str = "AppRole"
    again: bool = True

    def log_in(self, client: hvac.Client) -> Lease:
        """A token of the role's policies."""
        role = self.role_id
        if isinstance(role, Path):
            role = from_file(role, "no role ID", HINT).reveal().decode("utf-8", "replace")
        secret = self.secret_id
        if isinstance(secret, Path):
            secret = from_file(secret, "no secret ID", HINT)
        text = secret.reveal().decode("utf-8", "replace")
        answer = answered(
            lambda vault: vault.auth.approle.login(role, text, use_token=False, mount_point=self.mount), client
        )
        return lease_of(answer)
