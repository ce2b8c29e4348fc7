"""What the server says of itself, and waiting for it to say the right thing."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from harden_secrets.vault.auth.approle import AppRoleLogin
from harden_secrets.vault.port import VaultError
from harden_secrets.vault.server.place import Place
from harden_secrets.vault.transport import TroubleError, answered, client

_PAUSE = 0.1
_UNSEEN = 1.0  # seconds in which a new process may not be in /proc under its own name yet
# All states answer with 200, and the body says which it is.
_ANY_STATE = "/v1/sys/health?standbycode=200&sealedcode=200&uninitcode=200"


@dataclass(frozen=True, slots=True)
class Health:
    """A server that answers. ``version`` is OpenBao's."""

    initialised: bool
    sealed: bool
    standby: bool
    version: str

    @property
    def good(self) -> bool:
        """Whether it does its work."""
        return self.initialised and not self.sealed and not self.standby


def ask(place: Place, address: str) -> Health | None:
    """Its health, or None where nothing that has our certificate answers."""
    try:
        server = client(address, ca=place.ca, environment=False)
        data = answered(lambda vault: vault.adapter.get(_ANY_STATE), server)
    except (TroubleError, VaultError):
        return None
    return Health(
        initialised=bool(data.get("initialized")),
        sealed=bool(data.get("sealed")),
        standby=bool(data.get("standby")),
        version=str(data.get("version", "")),
    )


def lets_us_in(place: Place, address: str) -> bool:
    """Whether harden's own login works."""
    try:
        server = client(address, ca=place.ca, environment=False)
        lease = AppRoleLogin(place.role_id, place.secret_id).log_in(server)
        server.token = lease.token.reveal().decode()
        answered(lambda vault: vault.adapter.get("/v1/sys/internal/ui/mounts/secret"), server)
        answered(lambda vault: vault.adapter.post("/v1/auth/token/revoke-self") and {}, server)
    except (TroubleError, VaultError):
        return False
    return True


def wait(ready: Callable[[], bool], alive: Callable[[], bool], seconds: float) -> bool:
    """Whether it became ready before it ended or the time did."""
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        if ready():
            return True
        if passed > _UNSEEN and not alive():
            return False
        time.sleep(_PAUSE)
    return False
