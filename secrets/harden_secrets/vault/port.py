"""What harden needs of a KV version 2 store. The adapter is :mod:`harden_secrets.vault.kv`; tests own another."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from harden.errors import HardenError
from harden_secrets.confidential import Confidential


@dataclass(frozen=True, slots=True)
class VersionState:
    """What the metadata says of one version."""

    number: int
    created: datetime
    deleted: bool = False  # soft-deleted: can be undeleted
    destroyed: bool = False  # gone for good


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of a path: no value in it. ``current`` is 0 before the first version."""

    current: int
    max_versions: int  # 0: the mount's own limit holds
    cas_required: bool
    custom: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[VersionState, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """One version as it was read: the bytes of each field, exactly as they were handed in.

    ``foreign``: somebody else wrote it, as plain texts, and reads it so.
    """

    version: int
    fields: Mapping[str, Confidential]
    foreign: bool = False


class VaultError(HardenError):
    """The store did not do what it was asked; each of the cases a person can do something about is a class below."""


class VaultSealedError(VaultError):
    """It is sealed: somebody must unseal it."""


class VaultUnavailableError(VaultError):
    """It cannot be reached, stands by, or answered with a failure of its own, and went on so through all retries."""


class VaultDeniedError(VaultError):
    """The token may not do this (403). Says which capability on which path is missing."""


class CasMismatchError(VaultError):
    """The path has another version than the one expected: somebody else wrote in between."""


class Vault(Protocol):
    """A KV version 2 mount. ``path`` is without the mount and without ``data/`` or ``metadata/``.

    Every method has a limit of time, retries what may be retried, and raises VaultError.
    """

    @property
    def address(self) -> str:
        """Its URL."""
        ...

    @property
    def mount(self) -> str:
        """Where the KV store is mounted."""
        ...

    def read(self, path: str, version: int | None = None) -> Stored | None:
        """A version, the newest by default; None where there is none, or where it is deleted or destroyed."""
        ...

    def write(self, path: str, fields: Mapping[str, Confidential], *, cas: int) -> int:
        """Store a new version and give its number. ``cas`` is the version it follows, 0 for a path without any.

        What was written is read back and compared before this returns. Raises CasMismatchError.
        """
        ...

    def metadata(self, path: str) -> Metadata | None:
        """What is known of a path, or None where there is nothing."""
        ...

    def annotate(self, path: str, changes: Mapping[str, str | None], *, cas: int | None = None) -> None:
        """Change some keys of the custom metadata and leave the others; None removes a key.

        ``cas`` is what ``metadata(path).current`` was; where the server cannot check it, it is checked before.
        """
        ...

    def delete(self, path: str, versions: tuple[int, ...]) -> None:
        """Soft-delete versions; :meth:`undelete` brings them back."""
        ...

    def undelete(self, path: str, versions: tuple[int, ...]) -> None:
        """Bring back soft-deleted versions."""
        ...

    def destroy(self, path: str, versions: tuple[int, ...]) -> None:
        """Remove the data of versions for good."""
        ...
