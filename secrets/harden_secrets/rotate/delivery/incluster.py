"""A Secret after a switch: brought up to date, its consumers restarted where they must be, all of them proved."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from harden.errors import HardenError
from harden_secrets.cluster.consumers.workload import running
from harden_secrets.cluster.marks import restart_mark
from harden_secrets.cluster.port import Cluster, Manifest, ObjectName
from harden_secrets.cluster.rollout import RESTARTED
from harden_secrets.confidential import Confidential
from harden_secrets.delivery.comparing import contents
from harden_secrets.delivery.ofentry import of_entry
from harden_secrets.delivery.values import Delivery
from harden_secrets.inventory import model
from harden_secrets.rotate.delivery.patience import Patience
from harden_secrets.rotate.delivery.proving import Inspection
from harden_secrets.rotate.delivery.restarting import Restarts, RolloutFailedError
from harden_secrets.rotate.delivery.views import cannot_see_changes, views
from harden_secrets.rotate.rotator import Fields


class Bringer(Protocol):
    """How a value comes into the Secret: written by harden, or by an operator."""

    def check(self, cluster: Cluster) -> None:
        """Raises HardenError for what is in the way. Changes nothing."""
        ...

    def bring(self, cluster: Cluster, new: Fields) -> str:
        """The Secret has the new values when this returns: what was done, in words. Raises HardenError."""
        ...

    def take_back(self, cluster: Cluster, old: Fields) -> str:
        """The Secret has the old values again, as far as that is possible: what was done, in words."""
        ...

    def restarts(self, cluster: Cluster, workload: Manifest) -> bool:
        """Whether somebody else restarts that workload for this state of the Secret; then it only is waited for."""
        ...


class InCluster:
    """One delivery to a cluster. ``tell`` hears what is waited for."""

    def __init__(
        self,
        delivery: model.Delivery,
        bringer: Bringer,
        patience: Patience,
        tell: Callable[[str], None],
        *,
        old_is_good: bool,
    ) -> None:
        self._delivery, self._bringer, self._patience, self._tell = delivery, bringer, patience, tell
        self._old_is_good = old_is_good
        self._secret = ObjectName("v1", "Secret", delivery.namespace, delivery.secret)

    def check(self, cluster: Cluster) -> None:
        """Raises HardenError for what is in the way, of the Secret and of restarts. Changes nothing."""
        self._bringer.check(cluster)
        restarts = self._restarts(cluster)
        for workload in self._restarted(cluster, list(self._delivery.keys) or None):
            restarts.check(ObjectName.of(workload))

    def deliver(self, cluster: Cluster, new: Fields, old: Fields) -> str:
        """See the Deliverer."""
        wanted = of_entry(self._delivery, new)
        brought = self._bringer.bring(cluster, new)
        value = self._state(cluster)
        names = self._to_restart(cluster, _changed(wanted, new, old))
        restarts = self._restarts(cluster)
        try:
            restarts.roll(names, value)
        except RolloutFailedError as failure:
            raise self._put_back(cluster, restarts, failure, old) from None
        return f"{brought}; {_restarted_words(names)}"

    def confirm(self, cluster: Cluster, new: Fields) -> str:
        """See the Deliverer."""
        wanted = contents(of_entry(self._delivery, new), new)
        return Inspection(cluster, self._secret, wanted, self._patience, self._tell).confirmed()

    def _to_restart(self, cluster: Cluster, keys: list[str]) -> list[ObjectName]:
        """Those that nobody else restarts. The others are waited for here."""
        names = []
        for workload in self._restarted(cluster, keys):
            name = ObjectName.of(workload)
            if not self._bringer.restarts(cluster, workload):
                names.append(name)
            elif (late := self._restarts(cluster).late([name])) is not None:
                raise HardenError(
                    f"{name}: was restarted by {self._delivery.to}, and its pods do not come up: {late[1]}",
                    f"see its pods: kubectl -n {name.namespace} describe pods; the old key is still valid",
                )
        return names

    def _restarted(self, cluster: Cluster, keys: list[str] | None) -> Iterator[Manifest]:
        """The workloads whose pods have to be replaced to see another value of one of the keys."""
        for kind in RESTARTED:
            for workload in cluster.list("apps/v1", kind, self._delivery.namespace):
                found = views(workload, self._secret, keys)
                if running(workload) and (cannot_see_changes(found) or (found and self._delivery.restart)):
                    yield workload

    def _put_back(self, cluster: Cluster, restarts: Restarts, failure: RolloutFailedError, old: Fields) -> HardenError:
        said = "the old value works no more, so nothing was put back"
        if self._old_is_good:
            self._tell(f"{failure.name} does not come up; putting back")
            try:
                back = self._bringer.take_back(cluster, old)
                still = restarts.take_back(failure.begun, self._state(cluster))
                said = f"{back}; {still or 'its pods run as before'}"
            except HardenError as error:
                said = f"it could not be put back: {'; '.join(error.messages)}"
        return HardenError(
            f"{failure.name}: its pods did not come up with the new value: {failure.why}",
            [said, f"see its pods: kubectl -n {failure.name.namespace} describe pods; then run this again"],
        )

    def _state(self, cluster: Cluster) -> str:
        """What tells this state of the Secret from every other one, and nothing of what is in it."""
        now = cluster.get(self._secret)
        if now is None:
            raise HardenError(f"{self._secret}: is gone again", "see who removes it, then run this again")
        return str(now["metadata"]["resourceVersion"])

    def _restarts(self, cluster: Cluster) -> Restarts:
        return Restarts(cluster, restart_mark(self._delivery.secret), self._patience, self._tell)


def _changed(wanted: Delivery, new: Fields, old: Mapping[str, Confidential]) -> list[str]:
    """The keys whose value is another now."""
    return [entry.key for entry in wanted.keys if old.get(entry.field) != new[entry.field]]


def _restarted_words(names: list[ObjectName]) -> str:
    return f"restarted {', '.join(str(name) for name in names)}" if names else "nobody had to be restarted"
