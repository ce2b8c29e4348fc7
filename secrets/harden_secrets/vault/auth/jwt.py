"""JWT: a token that a CI system or an identity provider signed, as they put it into a file or a variable."""

from dataclasses import dataclass
from pathlib import Path

import hvac

from harden_secrets.confidential import Confidential
from harden_secrets.vault.auth.port import Lease, from_file, lease_of
from harden_secrets.vault.transport import answered

HINT = "vault.auth names the file with the signed token as token_file, or the variable as token_variable"


@dataclass(frozen=True, slots=True)
class JwtLogin:
    """``role`` is one of the auth method's roles, which says which claims it wants."""

    role: str
    token: Path | Confidential
    mount: str = "jwt"
    method: str = "JWT"
    again: bool = True

    def log_in(self, client: hvac.Client) -> Lease:
        """A token of the role's policies."""
        signed = self.token
        if isinstance(signed, Path):
            signed = from_file(signed, "no signed token", HINT)
        jwt = signed.reveal().decode("utf-8", "replace")
        answer = answered(
            lambda vault: vault.auth.jwt.jwt_login(self.role, jwt, use_token=False, path=self.mount), client
        )
        return lease_of(answer)
