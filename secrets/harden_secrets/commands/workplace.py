"""What the commands that change something work with: state, fingerprints, audit log, Vault, cluster."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path

from harden.output import Output
from harden_secrets.audit import AuditLog
from harden_secrets.cluster.client import KubernetesCluster
from harden_secrets.commands.clusters import opened
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.fingerprintkey import fingerprint_key, known_fingerprint_key
from harden_secrets.inventory.file import load, location
from harden_secrets.inventory.model import Inventory
from harden_secrets.statefolder import secrets_state
from harden_secrets.vault.kv import KeyValue
from harden_secrets.vault.opening import known_settings, local_place
from harden_secrets.vault.opening import opened as opened_vault
from harden_secrets.vault.server.place import Place
from harden_secrets.vault.settings import Settings


@dataclass(frozen=True, slots=True)
class Workplace:
    """The options that say where everything is. Values live in this process: it leaves no core file."""

    state: Path | None = None
    inventory_file: Path | None = None
    kubeconfig: Path | None = None
    context: str | None = None

    def __post_init__(self) -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    @property
    def folder(self) -> Path:
        """The state folder of this part."""
        return secrets_state(self.state, os.environ, os.geteuid())

    @property
    def inventory(self) -> Inventory:
        """The inventory. Raises HardenError.

        One that is not there yet is empty even where somebody named it: what is migrated gets entered into it.
        """
        return load(self.inventory_file, os.environ) if os.path.lexists(self.inventory_path) else Inventory()

    @property
    def inventory_path(self) -> Path:
        """Where the inventory is, or would be."""
        return location(self.inventory_file, os.environ)[0]

    def fingerprints(self) -> Fingerprinter:
        """Raises HardenError where the key can be neither read nor made."""
        return Fingerprinter(fingerprint_key(self.folder))

    def known_fingerprints(self) -> Fingerprinter | None:
        """The same, and None where there is no key yet: nothing is made."""
        key = known_fingerprint_key(self.folder)
        return None if key is None else Fingerprinter(key)

    def audit(self) -> AuditLog:
        """The audit log, under the fingerprint key."""
        return AuditLog(self.folder, fingerprint_key(self.folder))

    def vault(self, output: Output) -> KeyValue:
        """The Vault of the inventory, the environment, or `harden vault up`. Raises HardenError, VaultError."""
        known = self._vault_settings()
        if known.in_clear:
            output.warning(f"{known.address}: without TLS, whoever is on the way reads the token and every value")
        return opened_vault(known, self._local_vault)

    def vault_address(self) -> tuple[str, str]:
        """Its address and mount, without a word to it. Raises HardenError where none is known."""
        known = self._vault_settings()
        return known.address, known.mount

    @property
    def _local_vault(self) -> Place:
        return local_place(self.state, os.environ, os.geteuid())

    def _vault_settings(self) -> Settings:
        return known_settings(self.inventory, os.environ, self._local_vault)

    def cluster(self, output: Output) -> KubernetesCluster:
        """The cluster. Raises ClusterError."""
        return opened(self.kubeconfig, self.context, output)
