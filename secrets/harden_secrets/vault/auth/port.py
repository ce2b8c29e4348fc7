"""What a way to log in gives. One module a method beside this one; tests own another."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import hvac

from harden_secrets.confidential import Confidential
from harden_secrets.vault.port import VaultDeniedError, VaultError


class UnauthenticatedError(VaultDeniedError):
    """Not what we may do is in question, but who we are: the login was refused, or the token is not good."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A token and for how long: ``seconds`` from when it was given, 0 for ever."""

    token: Confidential
    seconds: int = 0
    renewable: bool = False


class Login(Protocol):
    """A way to a token."""

    @property
    def method(self) -> str:
        """What people call it."""
        ...

    @property
    def again(self) -> bool:
        """Whether it can give another token once this one has run out."""
        ...

    def log_in(self, client: hvac.Client) -> Lease:
        """A token. Raises TroubleError for what the server says, and VaultError for what it needs and is not there."""
        ...


def lease_of(answer: Mapping[str, Any]) -> Lease:
    """The lease in the answer to a login or a renewal."""
    auth = answer["auth"]
    token = Confidential(str(auth["client_token"]).encode())
    return Lease(token, int(auth.get("lease_duration") or 0), bool(auth.get("renewable")))


def from_file(path: Path, what: str, hint: str) -> Confidential:
    """The one word in a file, read anew at each login: such files are replaced. Raises VaultError."""
    try:
        value = path.read_bytes().strip()
    except OSError as error:
        reason = error.strerror or "cannot be read"
    else:
        reason = "is empty" if not value else "has more than one line" if b"\n" in value else ""
        if not reason:
            return Confidential(value)
    raise VaultError(f"{path}: {what}: {reason}", hint)
