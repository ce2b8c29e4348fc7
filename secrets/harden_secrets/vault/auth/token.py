"""A token that somebody has already: ``VAULT_TOKEN``, or the file that ``vault login`` leaves."""

from dataclasses import dataclass
from pathlib import Path

import hvac

from harden_secrets.confidential import Confidential
from harden_secrets.vault.auth.port import Lease, from_file
from harden_secrets.vault.transport import TroubleError, answered
from harden_secrets.vault.trouble import Kind

HINT = "log in with `bao login` or `vault login`, set VAULT_TOKEN, or name another method in vault.auth"


@dataclass(frozen=True, slots=True)
class TokenLogin:
    """The token itself, or the file where it lies; a file may have a newer one when the first has run out."""

    source: Confidential | Path
    method: str = "token"

    @property
    def again(self) -> bool:
        """A file can be read again."""
        return isinstance(self.source, Path)

    def log_in(self, client: hvac.Client) -> Lease:
        """The token, with what the server knows of its end."""
        token = from_file(self.source, "no token", HINT) if isinstance(self.source, Path) else self.source
        client.token = token.reveal().decode("utf-8", "replace")
        try:
            answer = answered(lambda vault: vault.auth.token.lookup_self(), client)
        except TroubleError as error:
            # A token without the default policy may not look at itself, and can be good for what we want all the same.
            if error.trouble.kind is not Kind.DENIED:
                raise
            return Lease(token)
        data = answer["data"]
        return Lease(token, int(data.get("ttl") or 0), bool(data.get("renewable")))
