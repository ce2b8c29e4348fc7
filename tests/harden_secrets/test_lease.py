"""The lock over a cluster: one at a time, and nobody for ever."""

import datetime
import os
import subprocess
import threading
from dataclasses import dataclass, field, replace

import pytest

from harden_secrets.cluster.holder import Holder, process_ended, this_process
from harden_secrets.cluster.lease import Held, LockedError, LockLostError, Surroundings, lock
from harden_secrets.cluster.port import ClusterUnavailableError, ObjectName
from tests.harden_secrets.cluster_pair import Pair, api
from tests.harden_secrets.fake_cluster import FakeCluster

__all__ = ["api"]

OURS = Holder("devvm", "a" * 12, 4711, "run-1")
THEIRS = Holder("other", "b" * 12, 42, "run-2")
NAME = ObjectName("coordination.k8s.io/v1", "Lease", "default", "harden")


@dataclass
class Clock:
    """Time that goes on when it is slept. ``while_asleep`` is done meanwhile."""

    at: float = 1_800_000_000.0
    while_asleep: list[object] = field(default_factory=list)

    def now(self) -> datetime.datetime:
        return datetime.datetime.fromtimestamp(self.at, datetime.UTC)

    def sleep(self, seconds: float) -> None:
        self.at += seconds
        for act in self.while_asleep:
            assert callable(act)
            act()

    def around(self, **changes: object) -> Surroundings:
        plain = Surroundings(self.now, lambda: self.at, self.sleep, lambda _holder: False, 60)
        return replace(plain, **changes)  # type: ignore[arg-type]


def test_the_second_hears_who_has_it(api: Pair) -> None:
    """On a real server too: the second is told the run, the process and the host; after the first it gets the lock."""
    around = Surroundings(gone=lambda _holder: False)
    with lock(api.cluster, api.namespace, "harden", OURS, around) as held:
        held.confirm()
        with (
            pytest.raises(LockedError, match="run run-1, process 4711 on devvm"),
            lock(api.cluster, api.namespace, "harden", THEIRS, around),
        ):
            pytest.fail("two hold it")
    with lock(api.cluster, api.namespace, "harden", THEIRS, around) as held:
        held.confirm()
    assert api.cluster.get(replace(NAME, namespace=api.namespace)) is None


def test_renewals_keep_it(api: Pair) -> None:
    """It is renewed in the background, longer than it lasts by itself."""
    around = Surroundings(gone=lambda _holder: False, seconds=1)
    with lock(api.cluster, api.namespace, "harden", OURS, around) as held:
        threading.Event().wait(1.6)
        held.confirm()
        held.renew()
        held.confirm()


def test_an_expired_lock_is_taken_over() -> None:
    """Its holder did not renew it, neither before nor while it was watched; the old holder is told."""
    cluster, clock = FakeCluster(), Clock()
    with lock(cluster, "default", "harden", OURS, clock.around()) as old:
        clock.at += 61
        with lock(cluster, "default", "harden", THEIRS, clock.around()) as new:
            lease = cluster.peek(NAME)
            assert lease is not None
            assert lease["spec"]["holderIdentity"] == str(THEIRS)
            assert lease["spec"]["leaseTransitions"] == 1
            new.confirm()
            old.renew()
            with pytest.raises(LockLostError):
                old.confirm()
        assert cluster.peek(NAME) is None


def test_a_holder_with_another_clock_is_not_robbed() -> None:
    """By our clock it ran out long ago, but it renews while it is watched."""
    cluster, clock = FakeCluster(), Clock()
    with lock(cluster, "default", "harden", OURS, clock.around()) as held:
        ahead = Clock(clock.at + 3600, [lambda: clock.sleep(1), held.renew])
        with pytest.raises(LockedError, match="run-1"), lock(cluster, "default", "harden", THEIRS, ahead.around()):
            pytest.fail("robbed")
        held.confirm()


def test_a_holder_of_this_machine_that_ended_is_followed_at_once() -> None:
    """Nobody has to wait a minute after a crash."""
    cluster, clock = FakeCluster(), Clock()
    with lock(cluster, "default", "harden", OURS, clock.around()):
        begun = clock.at
        with lock(cluster, "default", "harden", THEIRS, clock.around(gone=lambda holder: holder == OURS)) as held:
            held.confirm()
            assert clock.at == begun


def test_the_race_for_an_expired_lock_has_one_winner() -> None:
    """A third that takes it while the second looks keeps it, and the second hears who that is."""
    cluster, clock = FakeCluster(), Clock()
    cluster.put(expired())
    quick = Clock(clock.at)
    managers = [lock(cluster, "default", "harden", OURS, quick.around())]
    taken: list[Held] = []

    def third(call: object) -> None:
        if getattr(call, "method", "") == "replace" and not taken:
            cluster.before.clear()
            taken.append(managers[0].__enter__())

    cluster.before.append(third)
    managers.append(lock(cluster, "default", "harden", THEIRS, clock.around()))
    with pytest.raises(LockedError, match="run run-1, process 4711 on devvm"):
        managers[1].__enter__()
    taken[0].confirm()
    managers[0].__exit__(None, None, None)


def expired() -> dict[str, object]:
    spec = {"holderIdentity": "someone-else", "renewTime": "2020-01-01T00:00:00.000000Z", "leaseDurationSeconds": 15}
    return {
        "apiVersion": NAME.api_version,
        "kind": "Lease",
        "metadata": {"name": "harden", "namespace": "default"},
        "spec": spec,
    }


@pytest.mark.parametrize("spec", [{}, {"holderIdentity": ""}, {"holderIdentity": "x", "renewTime": "nonsense"}, None])
def test_a_lease_without_sense_is_taken(spec: object) -> None:
    """Whatever stands in it, nobody renews it."""
    cluster, clock = FakeCluster(), Clock()
    cluster.put({**expired(), "spec": spec})
    with lock(cluster, "default", "harden", OURS, clock.around()) as held:
        held.confirm()


def test_a_lost_answer_loses_no_lock() -> None:
    """The renewal was done, its answer did not come: the next one finds its own mark."""
    cluster, clock = FakeCluster(), Clock()
    with lock(cluster, "default", "harden", OURS, clock.around()) as held:
        clock.at += 1
        cluster.fail_after(1, ClusterUnavailableError("cut"))
        held.renew()
        held.renew()
        held.confirm()
        clock.at += 50
        held.renew()
        clock.at += 50
        held.confirm()


def test_without_the_server_it_runs_out() -> None:
    """As long as the lease lasts work may go on, then no longer."""
    cluster, clock = FakeCluster(), Clock()
    with lock(cluster, "default", "harden", OURS, clock.around()) as held:
        clock.at += 59
        cluster.fail_before(1, ClusterUnavailableError("down"))
        held.renew()
        held.confirm()
        clock.at += 1
        with pytest.raises(LockLostError, match="ran out"):
            held.confirm()


def test_holders_are_told_apart() -> None:
    """An identity says what it said, and a process that ended is known, on this machine only."""
    ours = this_process("run-9")
    assert Holder.parse(str(ours)) == ours
    assert ours.pid == os.getpid()
    assert not process_ended(ours)
    assert Holder.parse("devvm_0b2c") is None
    child = subprocess.Popen(["true"])
    child.wait()
    assert process_ended(replace(ours, pid=child.pid))
    assert not process_ended(replace(ours, pid=child.pid, machine="elsewhere"))
