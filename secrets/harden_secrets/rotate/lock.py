"""The lock over one secret: a lease that lies in Vault, which every host that may rotate the secret can reach.

:mod:`harden_secrets.cluster.lease` has the rules of who may take it; here is where it lies. What a Lease's
resourceVersion is to Kubernetes, the version of the path is to Vault.
"""

import contextlib
import json
from collections.abc import Iterator

from harden_secrets.cluster.holder import Holder, this_process
from harden_secrets.cluster.lease import Held, Surroundings, lock
from harden_secrets.cluster.port import AlreadyExistsError, ClusterUnavailableError, ConflictError, Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.rotate.paths import lock_path
from harden_secrets.vault.port import CasMismatchError, Vault, VaultError

_FIELD = "lease"


@contextlib.contextmanager
def secret_lock(
    vault: Vault, path: str, run: str, around: Surroundings | None = None, holder: Holder | None = None
) -> Iterator[Held]:
    """Hold the lock over the secret at ``path`` while the block runs. Raises LockedError, which says who has it."""
    with lock(VaultLeases(vault), "", lock_path(path), holder or this_process(run), around) as held:
        yield held


class VaultLeases:
    """Leases as versions of paths in Vault; a Lease's name is its path."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def get(self, name: ObjectName) -> Manifest | None:
        """The lease, or None where nobody has it."""
        with _as_cluster():
            stored = self._vault.read(name.name)
        if stored is None or _FIELD not in stored.fields:
            return None
        return _numbered(json.loads(stored.fields[_FIELD].reveal()), stored.version)

    def create(self, manifest: Manifest) -> Manifest:
        """Take a lease that nobody has. Raises AlreadyExistsError."""
        path = ObjectName.of(manifest).name
        with _as_cluster():
            known = self._vault.metadata(path)
            if known is not None and self._vault.read(path) is not None:
                raise AlreadyExistsError(f"{path} is taken")
            try:
                return self._written(manifest, 0 if known is None else known.current)
            except CasMismatchError:
                raise AlreadyExistsError(f"{path} is taken") from None

    def replace(self, manifest: Manifest) -> Manifest:
        """Write it over the version that it was read from. Raises ConflictError."""
        with _as_cluster():
            try:
                return self._written(manifest, int(manifest["metadata"]["resourceVersion"]))
            except CasMismatchError as error:
                raise ConflictError(error.messages, error.hints) from None

    def delete(self, name: ObjectName, *, uid: str, resource_version: str = "") -> None:
        """Give back that version of it; one that somebody has written since stays."""
        with _as_cluster():
            self._vault.delete(name.name, (int(resource_version),))

    def _written(self, manifest: Manifest, follows: int) -> Manifest:
        fields = {_FIELD: Confidential(json.dumps(manifest).encode())}
        return _numbered(manifest, self._vault.write(ObjectName.of(manifest).name, fields, cas=follows))


def _numbered(manifest: Manifest, version: int) -> Manifest:
    metadata = {**manifest["metadata"], "resourceVersion": str(version), "uid": "vault"}
    return {**manifest, "metadata": metadata}


@contextlib.contextmanager
def _as_cluster() -> Iterator[None]:
    """What Vault says, in the terms that the lease acts on."""
    try:
        yield
    except CasMismatchError:
        raise
    except VaultError as error:
        raise ClusterUnavailableError(error.messages, error.hints) from error
