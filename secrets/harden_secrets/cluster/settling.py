"""Waiting for rollouts."""

from collections.abc import Callable, Sequence

from harden_secrets.cluster.port import Cluster, Manifest, ObjectName
from harden_secrets.cluster.rollout import WORKLOADS, has_failed, is_complete
from harden_secrets.waiting import Waiting

Tell = Callable[[Manifest], None]


def unsettled(
    cluster: Cluster,
    names: Sequence[ObjectName],
    waiting: Waiting,
    seconds: float,
    steady: float = 0,
    tell: Tell = lambda _workload: None,
) -> tuple[ObjectName, str] | None:
    """Nothing once the rollouts of all these workloads are complete, else the first that is not, and why.

    Complete for ``steady`` seconds: without a readiness probe a container that soon ends counts as ready until then.
    ``tell`` hears of each workload at each look.
    """
    rollouts = [_Rollout(name) for name in names if name.kind in WORKLOADS]

    def settled() -> bool:
        for one in rollouts:
            one.look(cluster, waiting.now(), tell)
        return any(one.failed for one in rollouts) or all(one.is_steady(waiting.now(), steady) for one in rollouts)

    waiting.until(seconds, settled)
    for one in sorted(rollouts, key=lambda one: not one.failed):
        if one.failed or not one.is_steady(waiting.now(), steady):
            return one.name, one.failed or f"not complete after {seconds:g} seconds"
    return None


class _Rollout:
    def __init__(self, name: ObjectName) -> None:
        self.name, self.failed = name, ""
        self._since: float | None = None

    def look(self, cluster: Cluster, now: float, tell: Tell) -> None:
        workload = cluster.get(self.name)
        if workload is None:
            self.failed = "it is gone"
            return
        tell(workload)
        if not is_complete(workload):
            self._since, self.failed = None, has_failed(workload)
        elif self._since is None:
            self._since = now

    def is_steady(self, now: float, seconds: float) -> bool:
        return self._since is not None and now - self._since >= seconds
