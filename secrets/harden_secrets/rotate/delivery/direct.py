"""A Secret that harden writes itself."""

from harden.errors import HardenError
from harden_secrets.cluster.marks import PATH, is_ours
from harden_secrets.cluster.port import Cluster, Manifest, ObjectName
from harden_secrets.delivery import direct
from harden_secrets.delivery.ofentry import of_entry
from harden_secrets.delivery.putting import put_through
from harden_secrets.inventory import model
from harden_secrets.rotate.rotator import Fields


class Direct:
    """Brings the values of a path into a Secret of harden's own; never writes over what somebody else made."""

    def __init__(self, delivery: model.Delivery, mount: str, path: str) -> None:
        self._delivery, self._mount, self._path = delivery, mount, path
        self._name = ObjectName("v1", "Secret", delivery.namespace, delivery.secret)

    def check(self, cluster: Cluster) -> None:
        """See the Bringer."""
        now = cluster.get(self._name)
        if now is None:
            return
        if not is_ours(now):
            raise HardenError(
                f"{self._name} is there already and harden did not make it",
                "remove or rename it, or have it delivered under another name",
            )
        if (held := (now["metadata"].get("annotations") or {}).get(PATH)) != f"{self._mount}/{self._path}":
            raise HardenError(
                f"{self._name} holds {held}, not {self._mount}/{self._path}: the one would take the other's keys out",
                "deliver one of them under another name; if it only has another path now: harden secrets deliver",
            )
        if now.get("immutable"):
            raise HardenError(
                f"{self._name} is immutable: its value can never be another",
                "delete it; harden secrets deliver then makes it anew from Vault",
            )
        if now.get("type") != self._delivery.type:
            raise HardenError(
                f"{self._name} is of type {now.get('type')}, not {self._delivery.type}",
                "no Secret can change its type: delete it; harden secrets deliver then makes it anew from Vault",
            )

    def bring(self, cluster: Cluster, new: Fields) -> str:
        """See the Bringer."""
        return f"the Secret is {put_through(cluster, self._manifest(new))}"

    def take_back(self, cluster: Cluster, old: Fields) -> str:
        """See the Bringer."""
        if missing := [key.field for key in of_entry(self._delivery, old).keys if key.field not in old]:
            return f"the Secret keeps the new value: the old version has no field {', '.join(missing)}"
        put_through(cluster, self._manifest(old))
        return "the Secret has the old value again"

    def restarts(self, cluster: Cluster, workload: Manifest) -> bool:
        """See the Bringer: nobody else does."""
        return False

    def _manifest(self, fields: Fields) -> Manifest:
        return direct.secret(of_entry(self._delivery, fields), self._mount, self._path, fields)
