"""Whether this host's clock may be trusted: overlaps and windows are told by it, on whatever host the next run is."""

from datetime import datetime, timedelta

from harden.errors import HardenError
from harden_secrets.inventory.spans import duration_text
from harden_secrets.rotate.paths import lock_path
from harden_secrets.vault.port import Vault

MOST = timedelta(minutes=5)  # what Kerberos allows too: RFC 4120, section 8.2


def refuse_wrong_clock(vault: Vault, path: str, now: datetime) -> None:
    """Raises HardenError where this host's clock is too far from that of Vault, which every host can see.

    To be called right after the lock over the secret at ``path`` was taken: Vault has noted when that was.
    """
    known = vault.metadata(lock_path(path))
    taken = [one.created for one in known.versions if one.number == known.current] if known is not None else []
    for there in taken:
        off = now - there
        if abs(off) > MOST:
            much = duration_text(timedelta(minutes=abs(off) // timedelta(minutes=1)))
            ahead = "ahead of" if off > timedelta() else "behind"
            raise HardenError(
                f"the clock of this host is {much} {ahead} that of Vault, which has {there:%H:%M} UTC",
                "set the one that is wrong, best by NTP, then run it again: an overlap would be too short otherwise",
            )
