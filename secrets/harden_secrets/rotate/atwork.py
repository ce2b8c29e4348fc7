"""Who works on a secret at this moment, by the lock over it."""

from datetime import datetime

from harden_secrets.cluster.holder import Holder, process_ended
from harden_secrets.cluster.lease import API, runs_out
from harden_secrets.cluster.port import ObjectName
from harden_secrets.rotate.lock import VaultLeases
from harden_secrets.rotate.paths import lock_path
from harden_secrets.vault.port import Vault


def at_work(vault: Vault, path: str, now: datetime) -> str:
    """``process 17 on devvm``; empty where nobody does, or has not renewed the lock in time. Raises HardenError.

    A process of this machine that has ended does nothing, whatever the lock says that it could not give back.
    """
    lease = VaultLeases(vault).get(ObjectName(API, "Lease", "", lock_path(path)))
    if lease is None or now >= runs_out(lease):
        return ""
    identity = str((lease.get("spec") or {}).get("holderIdentity") or "")
    holder = Holder.parse(identity)
    if holder is not None and process_ended(holder):
        return ""
    return f"process {holder.pid} on {holder.host}" if holder is not None else identity
