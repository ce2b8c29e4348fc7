"""Proof that whoever uses a Secret has its new value: the bytes, asked of each container that can say."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from harden.errors import HardenError
from harden_secrets.cluster.marks import restart_mark
from harden_secrets.cluster.pods import has_ended, is_living, is_out_of_reach, runs, troubles
from harden_secrets.cluster.port import Cluster, Manifest, ObjectName
from harden_secrets.cluster.sight import PodWentError, is_there, look
from harden_secrets.confidential import Confidential
from harden_secrets.delivery.comparing import differing
from harden_secrets.rotate.delivery.freshness import is_fresh
from harden_secrets.rotate.delivery.patience import Patience
from harden_secrets.rotate.delivery.remedies import remedy
from harden_secrets.rotate.delivery.views import View, views

_SHOWN = 8  # places in an error
BYTES, STRUCTURE, NOTHING = "bytes", "structure", "nothing"


@dataclass
class _Look:
    """What one look at all pods has found."""

    secret: list[str] = field(default_factory=list)  # keys that are not as Vault has them
    proofs: list[tuple[str, str]] = field(default_factory=list)  # the pod and how
    late: list[tuple[Manifest, View]] = field(default_factory=list)
    went: bool = False

    @property
    def is_good(self) -> bool:
        return not (self.secret or self.late or self.went)


class Inspection:
    """Looks at everybody who uses one Secret, until all have what is ``wanted`` under its keys. Changes nothing."""

    def __init__(
        self,
        cluster: Cluster,
        name: ObjectName,
        wanted: Mapping[str, Confidential],
        patience: Patience,
        tell: Callable[[str], None],
    ) -> None:
        self._cluster, self._name, self._wanted, self._patience, self._tell = cluster, name, wanted, patience, tell
        self._mark = restart_mark(name.name)
        self._began = patience.waiting.now()
        self._proved: dict[tuple[str, View], str] = {}
        self._views: dict[str, tuple[View, ...]] = {}  # by the pod's uid: what a pod sees is fixed when it is made

    def confirmed(self) -> str:
        """What was seen, in words. Raises HardenError where somebody does not have it when the time is up."""
        last = _Look()
        told = 0

        def good() -> bool:
            nonlocal last, told
            last = self._look()
            if not last.is_good and (waits := len({pod["metadata"]["name"] for pod, _ in last.late})) != told:
                told = waits
                self._tell(f"waiting for {waits} of its pods to see the new value")
            return last.is_good

        if not self._patience.waiting.until(self._patience.sight, good):
            raise self._failure(last)
        return _words(last.proofs)

    def _look(self) -> _Look:
        secret = self._cluster.get(self._name)
        found = _Look(differing(secret, self._wanted))
        if secret is None or found.secret:
            return found
        for pod in self._cluster.list("v1", "Pod", self._name.namespace):
            if is_living(pod):
                self._look_at(pod, secret, found)
        return found

    def _look_at(self, pod: Manifest, secret: Manifest, found: _Look) -> None:
        for view in self._views_of(pod):
            try:
                how = self._how(pod, view, secret)
            except PodWentError:
                found.went = True
                return
            if how:
                found.proofs.append((pod["metadata"]["name"], how))
            else:
                found.late.append((pod, view))

    def _views_of(self, pod: Manifest) -> tuple[View, ...]:
        uid = pod["metadata"]["uid"]
        if uid not in self._views:
            self._views[uid] = views(pod, self._name, self._wanted)
        return self._views[uid]

    def _how(self, pod: Manifest, view: View, secret: Manifest) -> str:
        """How it is known that a container has the new value; empty while it does not, or nobody knows."""
        known = (pod["metadata"]["uid"], view)
        if known not in self._proved:
            how = self._asked(pod, view, secret)
            if how != BYTES:
                return how
            self._proved[known] = how  # what once has the new value does not go back to the old one
        return self._proved[known]

    def _asked(self, pod: Manifest, view: View, secret: Manifest) -> str:
        fresh = STRUCTURE if is_fresh(pod, secret, self._mark) else ""
        if view.initial or not view.at:
            return fresh
        sight = look(self._cluster, pod, view.container, view.at)
        if sight.known:
            if sight.content == self._wanted[view.key]:
                return BYTES
            if sight.content is None and view.may_lack:
                return NOTHING
            if not is_there(self._cluster, pod):
                raise PodWentError
            return ""
        return self._unasked(pod, view, fresh)

    def _unasked(self, pod: Manifest, view: View, fresh: str) -> str:
        """How it is known of a container that cannot be asked."""
        if has_ended(pod, view.container):
            return NOTHING
        if not runs(pod, view.container):
            # What no node has begun yet begins with what the Secret has then; what does not stay up proves nothing.
            return "" if pod["spec"].get("nodeName") else STRUCTURE
        return fresh or ("" if is_out_of_reach(pod) else self._refreshed(view))

    def _refreshed(self, view: View) -> str:
        """A mounted volume of which nobody can say what is in it: the kubelet has had the time to refresh it."""
        is_over = self._patience.waiting.now() - self._began >= self._patience.kubelet
        return STRUCTURE if is_over and not view.frozen else ""

    def _failure(self, last: _Look) -> HardenError:
        if last.secret:
            keys = ", ".join(last.secret)
            return HardenError(
                f"{self._name}: not as Vault has it: {keys}",
                "see who changed it; then run this again: the old key stays valid until all have the new one",
            )
        if not last.late:
            return HardenError(
                f"{self._name}: its pods come and go; none stayed long enough to be asked",
                "see why they restart, then run this again: the old key stays valid until all have the new one",
            )
        pods = {pod["metadata"]["uid"]: pod for pod, _ in last.late[:_SHOWN]}
        remedies = [remedy(self._cluster, pod) for pod in pods.values()]
        return HardenError(self._late(last), dict.fromkeys([*remedies, "until then the old key stays valid"]))

    def _late(self, last: _Look) -> Iterator[str]:
        for pod, view in last.late[:_SHOWN]:
            where = f"at {view.at}" if view.at else f"of the key {view.key}"
            said = "; ".join(troubles(pod))
            because = f" ({said})" if said else ""
            name = ObjectName.of(pod)
            yield f"{name}: container {view.container} does not have the new value {where}{because}"
        if len(last.late) > _SHOWN:
            yield f"{self._name}: and so at {len(last.late) - _SHOWN} other places"


def _words(proofs: list[tuple[str, str]]) -> str:
    counted = [(pod, how) for pod, how in proofs if how != NOTHING]
    if not counted:
        return "no pod uses it"
    pods, bare = len({pod for pod, _ in counted}), sum(how == STRUCTURE for _, how in counted)
    places = f"{len(counted)} place{'s' * (len(counted) != 1)} in {pods} pod{'s' * (pods != 1)}"
    if not bare:
        return f"the new bytes were read at {places}"
    return (
        f"{places}: the new bytes were read at {len(counted) - bare}; at {bare} nobody can look (not running, or no "
        "program to read with, or exec is denied), and it is known from the Secret and when the pods began"
    )
