"""A logged-in client: renews its token in time, and logs in again when it cannot."""

import time
from collections.abc import Callable
from typing import Any

import hvac

from harden_secrets.vault.auth.port import Lease, Login, UnauthenticatedError, lease_of
from harden_secrets.vault.port import VaultError
from harden_secrets.vault.transport import TroubleError, answered, exchanged
from harden_secrets.vault.trouble import Kind, Need, Trouble, complaint

RENEW_AT = 2 / 3  # of a token's life
_SHORT = 1 / 2  # of the life that it once had: a renewal that gives less says that its longest life is near
REFUSALS = frozenset({Kind.DENIED, Kind.INVALID, Kind.UNAUTHENTICATED, Kind.MISSING})


class Session:
    """Keeps a token good for as long as somebody asks for it. ``clock`` gives seconds that only grow."""

    def __init__(self, client: hvac.Client, login: Login, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._login = login
        self._clock = clock
        self._lease: Lease | None = None
        self._given = 0.0
        self._full = 0  # seconds that the token had when it was new

    @property
    def address(self) -> str:
        """Where the server is."""
        return self._client.url

    def ask(self, call: Callable[[hvac.Client], Any]) -> Any:
        """What ``call`` gives with a good token; None where the path is not there. Raises TroubleError.

        A token that was revoked, or that ran out early, is replaced once.
        """
        self._refresh()
        try:
            return exchanged(call, self._client)
        except TroubleError as error:
            if error.trouble.kind not in (Kind.DENIED, Kind.UNAUTHENTICATED) or not self._login.again or self._alive():
                raise
        self._log_in()
        return exchanged(call, self._client)

    def complaint(self, trouble: Trouble, need: Need) -> VaultError:
        """The words for a failure; for a refusal with what the token may do instead, where it may know that."""
        if trouble.kind is Kind.DENIED and not self._alive():
            message = f"{self.address}: permission denied for {need.path}: the token is not, or no longer, good"
            hint = f"log in again: the method was {self._login.method}; or its policies lack even looking at itself"
            return UnauthenticatedError(message, hint)
        holding = self._holding(need.path) if trouble.kind is Kind.DENIED else ""
        return complaint(trouble, self.address, need, holding)

    def _refresh(self) -> None:
        if self._lease is None:
            self._log_in()
            return
        age = self._clock() - self._given
        if self._lease.seconds == 0 or age < self._lease.seconds * RENEW_AT:
            return
        if self._renewed():
            return
        if self._login.again:
            self._log_in()

    def _log_in(self) -> None:
        self._client.token = ""
        try:
            lease = self._login.log_in(self._client)
        except TroubleError as error:
            refused = error.trouble.kind in REFUSALS
            if not refused:
                raise
        else:
            self._take(lease)
            self._full = lease.seconds
            return
        hint = f"check vault.auth, and that the method {self._login.method} is enabled at the mount that it names"
        raise UnauthenticatedError(f"{self.address}: the login by {self._login.method} was refused", hint)

    def _renewed(self) -> bool:
        """Whether the token got a new lease that is worth having; near its longest life it does not."""
        if self._lease is None or not self._lease.renewable:
            return False
        try:
            lease = lease_of(answered(lambda vault: vault.auth.token.renew_self(), self._client))
        except (
            TroubleError
        ):  # a token about to end makes OpenBao fail (500); if the server is down, the login will say so
            return False
        if lease.seconds == 0:  # less than a second is left
            return False
        self._take(lease)
        return not self._login.again or lease.seconds >= self._full * _SHORT

    def _take(self, lease: Lease) -> None:
        self._lease = lease
        self._given = self._clock()
        self._client.token = lease.token.reveal().decode("utf-8", "replace")

    def _alive(self) -> bool:
        """Whether the token is good for anything, as far as it may ask."""
        try:
            return exchanged(lambda vault: vault.auth.token.lookup_self(), self._client) is not None
        except TroubleError as error:
            return error.trouble.kind not in (Kind.DENIED, Kind.UNAUTHENTICATED)

    def _holding(self, path: str) -> str:
        """``read and list``, ``nothing there``, or nothing where the token may not ask."""
        try:
            answer = exchanged(
                lambda vault: vault.adapter.post("/v1/sys/capabilities-self", json={"paths": [path]}), self._client
            )
        except TroubleError:
            return ""
        found = answer.get("capabilities") if isinstance(answer, dict) else None
        names = [str(name) for name in found] if isinstance(found, list) else []
        return "nothing there" if names == ["deny"] else ", ".join(sorted(names))
