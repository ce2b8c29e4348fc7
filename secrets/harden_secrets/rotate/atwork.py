"""Who works on a secret at this moment, by the lock over it."""

from datetime import datetime, timedelta

from harden_secrets.cluster.holder import Holder
from harden_secrets.cluster.lease import API
from harden_secrets.cluster.port import ObjectName
from harden_secrets.rotate.lock import VaultLeases
from harden_secrets.rotate.paths import lock_path
from harden_secrets.vault.port import Vault


def at_work(vault: Vault, path: str, now: datetime) -> str:
    """``process 17 on devvm``; empty where nobody does, or has not renewed the lock in time. Raises HardenError."""
    lease = VaultLeases(vault).get(ObjectName(API, "Lease", "", lock_path(path)))
    spec = (lease or {}).get("spec") or {}
    identity, renewed, seconds = (spec.get(name) for name in ("holderIdentity", "renewTime", "leaseDurationSeconds"))
    if not (isinstance(identity, str) and isinstance(renewed, str) and isinstance(seconds, int)):
        return ""
    try:
        until = datetime.fromisoformat(renewed) + timedelta(seconds=seconds)
    except ValueError:
        return ""
    holder = Holder.parse(identity)
    who = f"process {holder.pid} on {holder.host}" if holder is not None else identity
    return who if now < until else ""
