"""Replacing the pods of workloads, waiting until that is done, and taking it back."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.pods import is_living, stays_up, troubles
from harden_secrets.cluster.port import Cluster, ClusterDeniedError, ConflictError, Manifest, ObjectName
from harden_secrets.cluster.selector import selects
from harden_secrets.cluster.settling import unsettled
from harden_secrets.rotate.delivery.marking import marked, marking
from harden_secrets.rotate.delivery.patience import Patience

_ATTEMPTS = 8  # at one patch, while others change the workload


@dataclass(frozen=True, slots=True)
class Restarted:
    """A workload whose template bears a mark now. ``before``: what the mark was, if this very call has changed it."""

    name: ObjectName
    before: str | None = None
    by_this_call: bool = False


class RolloutFailedError(Exception):
    """``why``: for people. ``begun``: all that were restarted, the failed one among them."""

    def __init__(self, name: ObjectName, why: str, begun: Sequence[Restarted]) -> None:
        super().__init__(name)
        self.name, self.why, self.begun = name, why, begun


class Restarts:
    """Restarts for one Secret. ``mark``: the annotation for it; ``tell`` hears how far it is."""

    def __init__(self, cluster: Cluster, mark: str, patience: Patience, tell: Callable[[str], None]) -> None:
        self._cluster, self._mark, self._patience, self._tell = cluster, mark, patience, tell

    def roll(self, names: Sequence[ObjectName], value: str) -> list[Restarted]:
        """All pods of these workloads are of a template that bears the value, and ready; none is replaced twice.

        The first is waited for before the others begin, so that a value that does not work stops one only. Raises
        RolloutFailedError.
        """
        begun: list[Restarted] = []
        for some in (names[:1], names[1:]):
            begun += [one for name in some if (one := self._begin(name, value)) is not None]
            if (late := self.late([one.name for one in begun if one.name in some])) is not None:
                raise RolloutFailedError(*late, begun)
        return begun

    def take_back(self, begun: Sequence[Restarted], value: str) -> str:
        """Every template is as it was; those that another call has restarted bear ``value``, so that they start anew.

        Returns what does not come up again, in words; or nothing.
        """
        stuck = [name for one in begun for name in self._taken_back(one, value)]
        if stuck:
            return f"delete {', '.join(map(str, stuck))}: nobody replaces what does not come up, and harden may not"
        late = self.late([one.name for one in begun])
        return "" if late is None else f"{late[0]} does not come up again: {late[1]}"

    def _taken_back(self, one: Restarted, value: str) -> list[ObjectName]:
        """The pods that a person has to delete."""
        failed = self._cluster.get(one.name)
        self._set(one.name, one.before if one.by_this_call else value)
        return self._clear(failed) if failed is not None and failed["kind"] == "StatefulSet" else []

    def check(self, name: ObjectName) -> None:
        """Raises HardenError where the server would not take the patch. Changes nothing."""
        now = self._cluster.get(name)
        if now is not None:
            self._cluster.patch(name, marking(now, self._mark, "0"), dry_run=True)

    def late(self, names: Sequence[ObjectName]) -> tuple[ObjectName, str] | None:
        """Nothing once all pods of these are new and ready, else the first that is late, and why in words."""
        patience = self._patience
        late = unsettled(self._cluster, names, patience.waiting, patience.rollout, patience.steady, self._follow())
        if late is None:
            return None
        name, why = late
        return name, "; ".join([why, *dict.fromkeys(self._of_pods(name))])

    def _begin(self, name: ObjectName, value: str) -> Restarted | None:
        self._tell(f"restarting {name}")
        return self._set(name, value)

    def _set(self, name: ObjectName, value: str | None) -> Restarted | None:
        """Sets the mark, or takes it away; None where the workload is gone."""
        for _ in range(_ATTEMPTS):
            now = self._cluster.get(name)
            if now is None:
                return None
            before = marked(now, self._mark)
            if before == value:
                return Restarted(name)
            try:
                self._cluster.patch(name, marking(now, self._mark, value))
            except ConflictError:
                self._patience.waiting.pause(self._patience.waiting.poll_seconds)
                continue
            return Restarted(name, before, by_this_call=True)
        raise HardenError(
            f"{name}: changes faster than it can be restarted", "see who changes it all the time, then run this again"
        )

    def _clear(self, failed: Manifest) -> list[ObjectName]:
        """Delete what a StatefulSet's failed template made and what does not stay up; returns what may not be deleted.

        It waits for them for ever, whatever its template says by then (Kubernetes documentation, "Forced rollback").
        """
        left = []
        for pod in self._pods(failed):
            if marked(pod, self._mark) == marked(failed, self._mark) and not stays_up(pod):
                try:
                    self._cluster.delete(ObjectName.of(pod), uid=pod["metadata"]["uid"])
                except ClusterDeniedError:
                    left.append(ObjectName.of(pod))
        return left

    def _follow(self) -> Callable[[Manifest], None]:
        told: set[str] = set()

        def follow(workload: Manifest) -> None:
            words = progress_of(workload)
            if words not in told:
                told.add(words)
                self._tell(words)

        return follow

    def _of_pods(self, name: ObjectName) -> Iterator[str]:
        workload = self._cluster.get(name)
        for pod in self._pods(workload) if workload is not None else ():
            yield from (f"{ObjectName.of(pod)}: {said}" for said in troubles(pod))

    def _pods(self, workload: Manifest) -> Iterator[Manifest]:
        for pod in self._cluster.list("v1", "Pod", workload["metadata"]["namespace"]):
            if is_living(pod) and selects(workload["spec"]["selector"], pod["metadata"].get("labels") or {}):
                yield pod


def progress_of(workload: Manifest) -> str:
    """How many pods of a workload are new, in words."""
    status: dict[str, Any] = workload.get("status") or {}
    wanted, new = workload["spec"].get("replicas", 1), status.get("updatedReplicas", 0)
    if workload["kind"] == "DaemonSet":
        wanted, new = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
    if status.get("observedGeneration", 0) < workload["metadata"].get("generation", 0):
        new = 0  # what it says is about the template before
    return f"{ObjectName.of(workload)}: {new} of {wanted} pods are new"
