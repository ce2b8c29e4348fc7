"""Waiting for a rollout."""

from collections.abc import Callable

from harden_secrets.cluster.port import Cluster, Manifest, ObjectName
from harden_secrets.cluster.rollout import WORKLOADS, has_failed, is_complete
from harden_secrets.waiting import Waiting


def unsettled(
    cluster: Cluster,
    name: ObjectName,
    waiting: Waiting,
    seconds: float,
    tell: Callable[[Manifest], None] = lambda _workload: None,
) -> str:
    """Nothing once the rollout of a workload is complete, else why it is not. ``tell`` hears of it at each look."""
    if name.kind not in WORKLOADS:
        return ""
    last: Manifest | None = None

    def settled() -> bool:
        nonlocal last
        last = cluster.get(name)
        if last is None:
            return True
        tell(last)
        return is_complete(last) or bool(has_failed(last))

    waiting.until(seconds, settled)
    if last is None:
        return "it is gone"
    return "" if is_complete(last) else has_failed(last) or f"not complete after {seconds:g} seconds"
