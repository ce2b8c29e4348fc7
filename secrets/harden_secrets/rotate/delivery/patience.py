"""How long is waited for whom."""

import time
from dataclasses import dataclass, field

from harden_secrets.waiting import Waiting


@dataclass(frozen=True, slots=True)
class Patience:
    """All in seconds. ``operator``: until an operator has delivered, where its interval is not longer.

    ``rollout``: until the pods of all that were restarted are new, and have stayed ready for ``steady``.
    ``sight``: until every pod sees the new value. ``kubelet``: after so long a mounted Secret is fresh wherever nobody
    can look (the kubelet looks each minute, and may believe its cache for as long again). ``restarts``: until an
    operator restarts who it was told to restart. ``reload``: until the program that reloads a file has ended.
    """

    waiting: Waiting = field(default_factory=lambda: Waiting(time.monotonic, time.sleep))
    operator: float = 180
    rollout: float = 600
    steady: float = 5
    sight: float = 300
    kubelet: float = 120
    restarts: float = 20
    reload: float = 60
