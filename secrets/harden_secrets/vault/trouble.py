"""What can go wrong between us and a Vault, as values, and the words for it.

An answer's body never gets further than :mod:`harden_secrets.vault.transport`: it may quote what was sent. What is
kept of it is its status and which of a few known sentences it has.
"""

from dataclasses import dataclass
from enum import Enum

from harden_secrets.vault.port import (
    CasMismatchError,
    VaultDeniedError,
    VaultError,
    VaultSealedError,
    VaultUnavailableError,
)


class Kind(Enum):
    """The cases that differ in what we or the person do next."""

    REFUSED_CONNECTION = "nothing listens there"
    NO_ADDRESS = "its name cannot be resolved"
    UNREACHABLE = "the connection was cut or could not be made"
    TIMEOUT = "it did not answer in time"
    TLS = "its certificate is not accepted"
    NOT_TLS = "it does not speak TLS there"
    REDIRECT = "it redirects to an address without TLS"
    SEALED = "it is sealed"
    UNINITIALISED = "it was never initialised"
    STANDBY = "it stands by and no active server answers for it"
    BUSY = "it asks for fewer requests"
    BEHIND = "the server that answered does not have the newest state yet"
    FAILED = "it failed"
    DENIED = "permission denied"
    UNAUTHENTICATED = "not authenticated"
    CAS = "another version"
    TOO_LARGE = "too large"
    INVALID = "the request is not accepted"
    UNSUPPORTED = "no such operation"
    MISSING = "there is no such path"
    NO_VAULT = "what answers is no Vault"


PASSING = frozenset({
    Kind.REFUSED_CONNECTION, Kind.UNREACHABLE, Kind.TIMEOUT, Kind.SEALED, Kind.STANDBY, Kind.BUSY, Kind.BEHIND,
    Kind.FAILED,
})  # fmt: skip
"""What may be over in a moment. A seal is: a server that unseals itself is sealed while it starts."""

_BY_STATUS = {
    400: Kind.INVALID,
    401: Kind.UNAUTHENTICATED,
    403: Kind.DENIED,
    405: Kind.UNSUPPORTED,
    412: Kind.BEHIND,
    413: Kind.TOO_LARGE,
    429: Kind.BUSY,
    472: Kind.STANDBY,  # a disaster recovery secondary
    473: Kind.STANDBY,  # a performance standby
    501: Kind.UNINITIALISED,
    503: Kind.STANDBY,
}

_SENTENCES = (
    ("check-and-set parameter did not match", Kind.CAS),  # builtin/logical/kv/path_data.go
    ("metadata check-and-set parameter does not match", Kind.CAS),  # path_metadata.go of OpenBao
    ("Vault is sealed", Kind.SEALED),
    ("OpenBao is sealed", Kind.SEALED),
    ("not initialized", Kind.UNINITIALISED),
    ("exceeds the maximum entry size", Kind.TOO_LARGE),
    ("entry too large", Kind.TOO_LARGE),
    ("put failed due to value being too large", Kind.TOO_LARGE),  # physical/types.go
    ("request body too large", Kind.TOO_LARGE),
    ("active cluster node not found", Kind.STANDBY),
    ("standby", Kind.STANDBY),
    ("HTTP request to an HTTPS server", Kind.NOT_TLS),  # crypto/tls and net/http of Go
    ("unsupported operation", Kind.UNSUPPORTED),
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One failure. ``status`` is 0 where no answer came; ``detail`` is ours or OpenSSL's, never the answer's."""

    kind: Kind
    status: int = 0
    detail: str = ""
    wait: float = 0.0  # seconds that the server asked us to wait

    @property
    def passing(self) -> bool:
        """Whether it is worth another try."""
        return self.kind in PASSING


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs: a capability of Vault's policies on a path (with the mount)."""

    capability: str
    path: str


def classified(status: int, text: str) -> Kind:
    """Which case an answer is. ``text`` is its body."""
    for sentence, kind in _SENTENCES:
        if sentence in text:
            return kind
    return _BY_STATUS.get(status, Kind.FAILED if status >= 500 else Kind.INVALID)


def complaint(trouble: Trouble, address: str, need: Need, holding: str = "") -> VaultError:
    """The error to raise. ``holding`` is what the token may do on the path, where that is known."""
    status = f" (status {trouble.status})" if trouble.status else ""
    if trouble.kind is Kind.DENIED:
        error: VaultError = _denied(address, need, holding)
    elif trouble.kind is Kind.CAS:
        hint = "somebody else wrote in between: look at what is there, then run the command again"
        error = CasMismatchError(f"{need.path}: has another version than expected", hint)
    elif trouble.kind is Kind.SEALED:
        hint = "unseal it (`bao operator unseal`); the one of `harden vault up` unseals itself when that is run"
        error = VaultSealedError(f"{address}: the Vault is sealed", hint)
    elif trouble.kind is Kind.TLS:
        hint = "VAULT_CACERT names the file with the authority that signed it; the address must be one it is made for"
        error = VaultError(f"{address}: its certificate is not accepted: {trouble.detail}", hint)
    elif trouble.kind in _FIXED:
        message, hint = _FIXED[trouble.kind]
        error = VaultError(f"{address}: {message}", hint)
    elif trouble.passing or trouble.kind is Kind.NO_ADDRESS:
        error = _unavailable(trouble, address, need, status)
    else:
        hint = f"the server's own log says why; the request was to {need.capability} {need.path}"
        error = VaultError(f"{address}: {trouble.kind.value}{status}", hint)
    return error


_FIXED = {
    Kind.NOT_TLS: ("it speaks plain HTTP where https was asked, or the other way round", "check http or https"),
    Kind.REDIRECT: (
        "it redirects to an address without TLS, where the token would go in clear",
        "set api_addr of the server to its https address",
    ),
    Kind.UNINITIALISED: ("the Vault was never initialised", "`bao operator init` does that, once"),
    Kind.TOO_LARGE: (
        "the value is larger than the store takes",
        "raise max_entry_size of the server's storage, or store the value elsewhere",
    ),
    Kind.MISSING: ("it has no such path", "check the address, and the mount of the auth method in vault.auth"),
    Kind.UNAUTHENTICATED: ("the token is not accepted", "log in again"),
    Kind.NO_VAULT: ("what answers there is no Vault", "check the address: VAULT_ADDR, or vault.address"),
}

_WAYS_OUT = {
    Kind.REFUSED_CONNECTION: "check the address and that the server runs; the local one is started by: harden vault up",
    Kind.NO_ADDRESS: "check the host in VAULT_ADDR, or vault.address of the inventory",
    Kind.TIMEOUT: "check the address, firewalls on the way, and the server's load",
    Kind.STANDBY: "check which server of the cluster is active; it may be electing a new one",
    Kind.BUSY: "a rate limit quota of the server holds us back: try again later, or raise it",
    Kind.BEHIND: "the servers of the cluster are behind each other: try again",
    Kind.FAILED: "the server's own log says why",
}


def _unavailable(trouble: Trouble, address: str, need: Need, status: str) -> VaultUnavailableError:
    detail = f": {trouble.detail}" if trouble.detail else ""
    hint = _WAYS_OUT.get(trouble.kind, "check the address and the network; then run the command again")
    message = f"{address}: {trouble.kind.value}{status}{detail}, while asking to {need.capability} {need.path}"
    return VaultUnavailableError(message, hint)


def _denied(address: str, need: Need, holding: str) -> VaultDeniedError:
    has = f"; it has {holding}" if holding else ""
    message = f"{address}: the token may not {need.capability} {need.path}{has}"
    hint = f'its policy needs: path "{need.path}" {{ capabilities = ["{need.capability}"] }}'
    return VaultDeniedError(message, (hint, "`harden vault policy` prints the policy for all that the inventory needs"))
