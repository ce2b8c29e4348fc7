"""A lock over a cluster: a Lease (coordination.k8s.io/v1) that one process holds and renews, and all others see.

Taking and renewing compare the resourceVersion, so that of two who try at once one succeeds. A holder that is gone is
followed when its lease has run out; because clocks differ, it counts as gone only if it also does not renew while it is
watched for a while. A holder on this machine whose process has ended is followed at once.
"""

import contextlib
import datetime
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from harden.errors import HardenError
from harden_secrets.cluster.holder import Holder, process_ended
from harden_secrets.cluster.marks import OWNED
from harden_secrets.cluster.port import (
    AlreadyExistsError,
    ClusterError,
    ConflictError,
    Manifest,
    MissingError,
    ObjectName,
)

API = "coordination.k8s.io/v1"
SECONDS = 60  # how long a lease lasts without being renewed
_RENEWALS = 4  # in that time
_MARGIN = 1.5  # of the time between two renewals: how long a holder is watched that seems to be gone


class LockedError(HardenError):
    """Somebody else holds the lock."""


class LockLostError(HardenError):
    """The lock was ours and is not any more: nothing more may be changed."""


class Leases(Protocol):
    """Where leases lie: what of :class:`~harden_secrets.cluster.port.Cluster` a lock needs."""

    def get(self, name: ObjectName) -> Manifest | None:
        """See the port."""
        ...

    def create(self, manifest: Manifest) -> Manifest:
        """See the port."""
        ...

    def replace(self, manifest: Manifest) -> Manifest:
        """See the port."""
        ...

    def delete(self, name: ObjectName, *, uid: str, resource_version: str = "") -> None:
        """See the port."""
        ...


@dataclass(frozen=True)
class Surroundings:
    """What a lock needs to know of the world around it."""

    now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC)
    elapsed: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    gone: Callable[[Holder], bool] = process_ended
    seconds: float = SECONDS


class Held:
    """A lock that is held. Call :meth:`confirm` before each change."""

    def __init__(self, cluster: Leases, lease: Manifest, around: Surroundings) -> None:
        self._cluster, self._lease, self._around = cluster, lease, around
        self._renewed = around.elapsed()
        self._lost: HardenError | None = None
        self._guard = threading.Lock()

    def confirm(self) -> None:
        """Returns while the lock is held. Raises LockLostError: somebody took it, or it was not renewed in time."""
        if self._lost is not None:
            raise LockLostError(
                [f"the lock {self._name} is lost", *self._lost.messages], "look who has it, then resume"
            )
        if self._around.elapsed() - self._renewed >= self._around.seconds:
            raise LockLostError(f"the lock {self._name} ran out: it could not be renewed in time", "resume the run")

    def renew(self) -> None:
        """Renew it now; what goes wrong is told by :meth:`confirm`, if it goes wrong for too long."""
        with self._guard:
            begun = self._around.elapsed()
            spec = {**self._lease["spec"], "renewTime": _text(self._around.now())}
            try:
                self._lease = self._cluster.replace({**self._lease, "spec": spec})
            except ConflictError as error:
                self._look_again(error)
            except ClusterError:
                return  # the next renewal may succeed; confirm() knows how long that is true
            else:
                self._renewed = begun

    def _look_again(self, error: ConflictError) -> None:
        """Somebody wrote to the Lease: it may have been we ourselves, if the answer to an earlier renewal was lost."""
        with contextlib.suppress(ClusterError):
            found = self._cluster.get(self._name)
            ours = self._lease["spec"]["holderIdentity"]
            if found is not None and (found.get("spec") or {}).get("holderIdentity") == ours:
                self._lease = found  # renewed the next time
                return
            self._lost = error

    def release(self) -> None:
        """Let others have it at once. Where that fails they have to wait until it runs out."""
        with self._guard, contextlib.suppress(ClusterError):
            metadata = self._lease["metadata"]
            self._cluster.delete(self._name, uid=metadata["uid"], resource_version=metadata["resourceVersion"])

    @property
    def _name(self) -> ObjectName:
        return ObjectName.of(self._lease)


@contextlib.contextmanager
def lock(
    cluster: Leases, namespace: str, name: str, holder: Holder, around: Surroundings | None = None
) -> Iterator[Held]:
    """Hold the lock ``name`` while the block runs, renewing it in the background.

    Raises LockedError, which says who has it, and ClusterError.
    """
    around = around or Surroundings()
    held = Held(cluster, _taken(cluster, ObjectName(API, "Lease", namespace, name), holder, around), around)
    ended = threading.Event()
    renewing = threading.Thread(target=_renewing, args=(held, ended, around.seconds / _RENEWALS), daemon=True)
    renewing.start()
    try:
        yield held
    finally:
        ended.set()
        renewing.join()
        held.release()


def runs_out(lease: Manifest) -> datetime.datetime:
    """When a Lease has run out unless it is renewed; long ago where it does not say, or not in a way that is known."""
    renewed = _time((lease.get("spec") or {}).get("renewTime"))
    return renewed + datetime.timedelta(seconds=_number(lease, "leaseDurationSeconds"))


def _renewing(held: Held, ended: threading.Event, pause: float) -> None:
    while not ended.wait(pause):
        held.renew()


def _taken(cluster: Leases, name: ObjectName, holder: Holder, around: Surroundings) -> Manifest:
    """The Lease, ours."""
    try:
        return cluster.create(_lease(name, holder, around))
    except AlreadyExistsError:
        found = cluster.get(name)
    if found is None:  # released in between
        return _raced(cluster, name, lambda: cluster.create(_lease(name, holder, around)))
    _refuse_if_held(cluster, found, around)
    # Only the one that was looked at: whoever took it meanwhile keeps it.
    spec = {**_lease(name, holder, around)["spec"], "leaseTransitions": _number(found, "leaseTransitions") + 1}
    return _raced(cluster, name, lambda: cluster.replace({**found, "spec": spec}))


def _raced(cluster: Leases, name: ObjectName, take: Callable[[], Manifest]) -> Manifest:
    try:
        return take()
    except (ConflictError, MissingError):
        winner = cluster.get(name)
    if winner is not None:
        identity = (winner.get("spec") or {}).get("holderIdentity") or ""
        raise _locked(winner, identity, Holder.parse(identity), None)
    raise LockedError(f"{name} was taken by somebody else this very moment", "try again: it is free again")


def _refuse_if_held(cluster: Leases, lease: Manifest, around: Surroundings) -> None:
    spec = lease.get("spec") or {}
    identity = spec.get("holderIdentity") or ""
    holder = Holder.parse(identity)
    if not identity or (holder is not None and around.gone(holder)):
        return
    until = runs_out(lease)
    if around.now() < until:
        raise _locked(lease, identity, holder, until)
    # By our clock it has run out. A holder that lives renews it before this pause is over, whatever its clock says.
    around.sleep(_number(lease, "leaseDurationSeconds") / _RENEWALS * _MARGIN)
    again = cluster.get(ObjectName.of(lease))
    if again is not None and again["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"]:
        raise _locked(again, identity, holder, None)


def _locked(lease: Manifest, identity: str, holder: Holder | None, until: datetime.datetime | None) -> LockedError:
    who = identity if holder is None else f"run {holder.run}, process {holder.pid} on {holder.host}"
    since = (lease.get("spec") or {}).get("acquireTime") or "an unknown time"
    left = f"; if that process is no more, the lock runs out at {_text(until)}" if until is not None else ""
    return LockedError(f"{ObjectName.of(lease)} is held by {who} since {since}", f"wait until it is done{left}")


def _lease(name: ObjectName, holder: Holder, around: Surroundings) -> Manifest:
    now = _text(around.now())
    return {
        "apiVersion": API,
        "kind": "Lease",
        "metadata": {"name": name.name, "namespace": name.namespace, "labels": dict(OWNED)},
        "spec": {
            "holderIdentity": str(holder),
            "leaseDurationSeconds": max(1, round(around.seconds)),
            "acquireTime": now,
            "renewTime": now,
            "leaseTransitions": 0,
        },
    }


def _text(moment: datetime.datetime) -> str:
    """A MicroTime: RFC 3339 with six digits."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(text: object) -> datetime.datetime:
    try:
        found = datetime.datetime.fromisoformat(text) if isinstance(text, str) else _LONG_AGO
    except ValueError:
        return _LONG_AGO
    return found if found.tzinfo is not None else _LONG_AGO  # RFC 3339 has an offset always


_LONG_AGO = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def _number(lease: Manifest, field: str) -> int:
    value = (lease.get("spec") or {}).get(field)
    return value if isinstance(value, int) else 0
