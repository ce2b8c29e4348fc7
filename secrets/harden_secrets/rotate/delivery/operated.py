"""A Secret that an operator keeps: asked to look at Vault, and waited for."""

from collections.abc import Callable

from harden.errors import HardenError
from harden_secrets.cluster.port import Cluster, ClusterDeniedError, ConflictError, Manifest, ObjectName
from harden_secrets.delivery.comparing import contents, differing
from harden_secrets.delivery.ofentry import of_entry
from harden_secrets.inventory import model
from harden_secrets.rotate.delivery.freshness import restarted_after, written_at
from harden_secrets.rotate.delivery.operators import OPERATORS, VSO_RESTARTED, complaint, nudging
from harden_secrets.rotate.delivery.patience import Patience
from harden_secrets.rotate.rotator import Fields

_ATTEMPTS = 5


class Operated:
    """Waits until an operator has brought the values of a path into its Secret."""

    def __init__(
        self, delivery: model.Delivery, mount: str, path: str, patience: Patience, tell: Callable[[str], None]
    ) -> None:
        self._delivery, self._mount, self._path = delivery, mount, path
        self._patience, self._tell = patience, tell
        self._operator = OPERATORS[delivery.to]
        self._name = ObjectName("v1", "Secret", delivery.namespace, delivery.secret)

    def check(self, cluster: Cluster) -> None:
        """See the Bringer."""
        maker = self._maker(cluster)
        obstacles = list(self._operator.obstacles(maker, self._mount, self._path))
        if obstacles:
            raise HardenError(
                [f"{ObjectName.of(maker)} {one}" for one in obstacles],
                f"change it so that it delivers the newest version of {self._mount}/{self._path}",
            )

    def bring(self, cluster: Cluster, new: Fields) -> str:
        """See the Bringer."""
        wanted = contents(of_entry(self._delivery, new), new)
        maker = ObjectName.of(self._maker(cluster))

        def delivered() -> bool:
            return not differing(cluster.get(self._name), wanted)

        if delivered():
            return f"{self._delivery.to} has delivered it"
        self._nudge(cluster, maker)
        self._tell(f"waiting for {self._delivery.to}")
        if not self._patience.waiting.until(self._seconds, delivered):
            keys = ", ".join(differing(cluster.get(self._name), wanted))
            raise HardenError(
                f"{self._name}: {self._delivery.to} has not delivered {keys} in {self._seconds:g} seconds"
                f"{self._complaint(cluster, maker)}",
                f"see what it says: kubectl -n {maker.namespace} describe {maker.kind.lower()} {maker.name}; "
                "then run this again: the old key is still valid",
            )
        return f"{self._delivery.to} has delivered it"

    def take_back(self, cluster: Cluster, old: Fields) -> str:
        """See the Bringer: what an operator delivers is its own."""
        return f"the Secret keeps the new value, as {self._delivery.to} delivers it"

    def restarts(self, cluster: Cluster, workload: Manifest) -> bool:
        """See the Bringer. Waits for the operator to do so; it does not try again where that has failed."""
        name = ObjectName.of(workload)
        if not self._operator.restarts(self._maker(cluster), name):
            return False
        secret = cluster.get(self._name)
        written = None if secret is None else written_at(secret)

        def restarted() -> bool:
            now = cluster.get(name)
            return now is not None and restarted_after(now, VSO_RESTARTED, written)

        return self._patience.waiting.until(self._patience.restarts, restarted)

    @property
    def _seconds(self) -> float:
        """Twice the interval that the inventory says, and not less than patience says."""
        refresh = self._delivery.refresh
        return max(self._patience.operator, 2 * refresh.total_seconds() if refresh is not None else 0)

    def _maker(self, cluster: Cluster) -> Manifest:
        """The operator's object that makes the Secret. Raises HardenError where there is none."""
        kinds = [one for one in cluster.resources() if one.kind == self._operator.kind]
        ours = [one for one in kinds if one.api_version.partition("/")[0] == self._operator.group]
        if not ours:
            raise HardenError(
                f"the cluster knows no {self._operator.kind}: {self._delivery.to} is not installed",
                f"install it, or deliver {self._name} in another way",
            )
        for manifest in cluster.list(ours[0].api_version, self._operator.kind, self._delivery.namespace):
            if self._operator.makes(manifest, self._delivery.secret):
                return manifest
        raise HardenError(
            f"namespace {self._delivery.namespace} has no {self._operator.kind} that makes {self._name}",
            f"make one, or name in the inventory the Secret that {self._delivery.to} does make",
        )

    def _nudge(self, cluster: Cluster, maker: ObjectName) -> None:
        """Without the right to do so, or in the end, the operator's own interval has to do."""
        for _ in range(_ATTEMPTS):
            now = cluster.get(maker)
            if now is None:
                return
            try:
                cluster.patch(maker, nudging(now, self._operator.nudge))
            except ConflictError:
                continue
            except ClusterDeniedError:
                self._tell(f"may not ask {self._delivery.to} to look now: {maker} cannot be patched")
            return

    def _complaint(self, cluster: Cluster, maker: ObjectName) -> str:
        now = cluster.get(maker)
        if now is None:
            return f": {maker} is gone"
        try:
            said = complaint(now, list(cluster.list("v1", "Event", maker.namespace)))
        except ClusterDeniedError:
            said = complaint(now, [])
        return f": it says: {said}" if said else ""
