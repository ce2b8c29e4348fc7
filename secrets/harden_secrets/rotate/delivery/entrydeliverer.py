"""All deliveries of one secret of the inventory: what a rotation's Deliverer is outside of tests."""

from collections.abc import Callable, Sequence

from harden.errors import HardenError
from harden_secrets.cluster.port import Cluster
from harden_secrets.delivery.ofentry import check_fields, of_entry
from harden_secrets.inventory.model import Delivery, SecretEntry
from harden_secrets.rotate.delivery.direct import Direct
from harden_secrets.rotate.delivery.incluster import InCluster
from harden_secrets.rotate.delivery.onhost import OnHost
from harden_secrets.rotate.delivery.operated import Operated
from harden_secrets.rotate.delivery.patience import Patience
from harden_secrets.rotate.rotator import Fields

DEFAULT = Patience()


class EntryDeliverer:
    """See :class:`harden_secrets.rotate.deliverer.Deliverer`.

    ``mount`` is where the secret's path is, ``cluster`` opens the API server (asked only where something is delivered
    there), ``progress`` hears what is waited for. ``old_is_good``: whether the old value still works when the new one
    is delivered, as both do in an overlap. Where it does not, nothing is put back: that would help nobody.
    """

    def __init__(
        self,
        entry: SecretEntry,
        mount: str,
        cluster: Callable[[], Cluster],
        progress: Callable[[str], None],
        waiting: Patience = DEFAULT,
        *,
        old_is_good: Callable[[], bool] = lambda: True,
    ) -> None:
        self._entry, self._mount, self._cluster, self._old_is_good = entry, mount, cluster, old_is_good
        self._progress, self._patience = progress, waiting
        self._by_name = {name_of(one): one for one in entry.deliver}

    @property
    def deliveries(self) -> Sequence[str]:
        """See the Deliverer."""
        return list(self._by_name)

    def check(self) -> None:
        """See the Deliverer. All that is wrong is said at once."""
        messages: list[str] = []
        hints: list[str] = []
        for name, delivery in self._by_name.items():
            try:
                if delivery.to == "file":
                    self._on_host(name, delivery).check()
                else:
                    self._in_cluster(name, delivery).check(self._cluster())
            except HardenError as error:
                messages += error.messages
                hints += error.hints
        if messages:
            raise HardenError(dict.fromkeys(messages), dict.fromkeys(hints))

    def deliver(self, delivery: str, new: Fields, old: Fields) -> str:
        """See the Deliverer."""
        one = self._known(delivery, new)
        if one.to == "file":
            return self._on_host(delivery, one).deliver(new, old)
        return self._in_cluster(delivery, one).deliver(self._cluster(), new, old)

    def confirm(self, delivery: str, new: Fields) -> str:
        """See the Deliverer."""
        one = self._known(delivery, new)
        if one.to == "file":
            return self._on_host(delivery, one).confirm(new)
        return self._in_cluster(delivery, one).confirm(self._cluster(), new)

    def _known(self, name: str, new: Fields) -> Delivery:
        delivery = self._by_name[name]
        check_fields(self._entry.name, f"{self._mount}/{self._entry.path}", of_entry(delivery, new), new)
        return delivery

    def _on_host(self, name: str, delivery: Delivery) -> OnHost:
        return OnHost(self._entry.name, delivery, self._patience, self._telling(name), old_is_good=self._old_is_good())

    def _in_cluster(self, name: str, delivery: Delivery) -> InCluster:
        tell = self._telling(name)
        bringer = (
            Direct(delivery, self._mount, self._entry.path)
            if delivery.to == "direct"
            else Operated(delivery, self._mount, self._entry.path, self._patience, tell)
        )
        return InCluster(delivery, bringer, self._patience, tell, old_is_good=self._old_is_good())

    def _telling(self, name: str) -> Callable[[str], None]:
        return lambda words: self._progress(f"{name}: {words}")


def name_of(delivery: Delivery) -> str:
    """A delivery's name for people: ``secret NAMESPACE/NAME``, ``file PATH``."""
    return f"file {delivery.path}" if delivery.to == "file" else f"secret {delivery.namespace}/{delivery.secret}"
