"""A Secret after a switch: written, its consumers restarted once where they have to be, put back, and proved."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from harden.errors import HardenError
from harden_secrets.cluster.port import (
    ClusterDeniedError,
    ClusterError,
    ClusterUnavailableError,
    ConflictError,
    Executed,
    ObjectName,
)
from harden_secrets.confidential import Confidential
from harden_secrets.delivery.direct import secret as made_secret
from harden_secrets.delivery.ofentry import of_entry
from harden_secrets.inventory.model import Delivery, KeySource
from tests.harden_secrets.delivery_world import MOUNT, PATH, World, bare_pod, env_of, mounted, volume
from tests.harden_secrets.fake_cluster import Killed
from tests.harden_secrets.stage import entries, workload

OLD = {"key": Confidential(b"alpha-4711"), "name": Confidential(b"william")}
NEW = {"key": Confidential(b"bravo-4712\n\0"), "name": Confidential(b"william")}
DIRECT = Delivery("direct", "apps", "key", keys={"k": KeySource("key"), "n": KeySource("name")})
NAME = "secret apps/key"
ENV = workload("Deployment", "env", env_of("key", "k"))
PART = workload("StatefulSet", "part", mounted("/k", subPath="k"), volume("key"))
VOLUME = workload("Deployment", "volume", mounted(), volume("key"))


def delivered(fields: dict[str, Confidential], **more: Any) -> dict[str, Any]:
    """The Secret as harden made it."""
    return made_secret(of_entry(DIRECT, fields), MOUNT, PATH, fields) | more


@pytest.fixture
def world() -> Iterator[World]:
    made = World(delivered(OLD), ENV, PART, VOLUME)
    made.made.clear()
    yield made
    assert not [text for text in made.told if "alpha" in text or "bravo" in text]


def changed(manifest: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return manifest | {"spec": manifest["spec"] | spec}


def data(world: World) -> dict[str, bytes]:
    return {key: base64.b64decode(text) for key, text in world.peek("Secret", "key")["data"].items()}


def specs(world: World) -> list[Any]:
    return [world.peek(kind, name)["spec"] for kind, name in (("Deployment", "env"), ("StatefulSet", "part"))]


def failure(world: World, act: Any) -> HardenError:
    """The error, in which no value stands."""
    with pytest.raises(HardenError) as error:
        act()
    said = "\n".join([*error.value.messages, *error.value.hints])
    for fields in (OLD, NEW):
        for one in fields.values():
            assert one.reveal().decode() not in said
            assert base64.b64encode(one.reveal()).decode() not in said
    return error.value


def test_only_who_cannot_see_a_change_is_restarted(world: World) -> None:
    """Variables and subPath mounts; all see the new bytes in the end, and a second call restarts nobody again."""
    deliverer = world.deliverer(DIRECT)
    assert list(deliverer.deliveries) == [NAME]
    deliverer.check()
    said = deliverer.deliver(NAME, NEW, OLD)
    assert said == "the Secret is updated; restarted deployment apps/env, statefulset apps/part"
    assert data(world) == {"k": b"bravo-4712\n\0", "n": b"william"}
    assert world.made == {"env": 1, "part": 1}
    assert deliverer.confirm(NAME, NEW) == "the new bytes were read at 4 places in 3 pods"
    deliverer.deliver(NAME, NEW, OLD)
    assert world.made == {"env": 1, "part": 1}
    newest = NEW | {"key": Confidential(b"charlie-4713")}
    deliverer.deliver(NAME, newest, NEW)  # within the same second
    assert world.made == {"env": 2, "part": 2}
    deliverer.confirm(NAME, newest)


def test_check_changes_nothing(world: World) -> None:
    """It tries the restarts as a dry run."""
    before = world.cluster.versions()
    world.deliverer(DIRECT).check()
    assert world.cluster.versions() == before
    assert [call.name.name for call in world.cluster.calls if call.dry_run] == ["env", "part"]


def test_a_restart_that_is_not_allowed_is_known_before(world: World) -> None:
    """Before a key is made."""

    def deny(call: Any) -> None:
        if call.method == "patch" and call.name.name == "part":
            raise ClusterDeniedError("statefulset apps/part is denied", "this needs the right to patch")

    world.cluster.before.append(deny)
    assert "is denied" in str(failure(world, world.deliverer(DIRECT).check))


def test_all_are_restarted_where_the_inventory_says_so() -> None:
    """A program that reads its file once."""
    world = World(delivered(OLD), VOLUME)
    way = Delivery("direct", "apps", "key", keys=DIRECT.keys, restart=True)
    assert "restarted deployment apps/volume" in world.deliverer(way).deliver(NAME, NEW, OLD)


def test_who_sees_only_what_stays_is_left_alone() -> None:
    """A name beside the key."""
    world = World(delivered(OLD), workload("Deployment", "env", env_of("key", "n")))
    deliverer = world.deliverer(DIRECT)
    assert deliverer.deliver(NAME, NEW, OLD).endswith("nobody had to be restarted")
    assert deliverer.confirm(NAME, NEW) == "the new bytes were read at 1 place in 1 pod"


def test_what_an_init_container_copied_is_copied_anew() -> None:
    """It is restarted, unless the containers after it mount the Secret themselves; a sidecar is one of those."""
    copier = workload("Deployment", "copier", {}, volume("key"))
    copier["spec"]["template"]["spec"]["initContainers"] = [{"name": "copy", **mounted()}]
    both = workload("Deployment", "both", mounted(), volume("key"))
    both["spec"]["template"]["spec"]["initContainers"] = [{"name": "copy", **mounted()}]
    sidecar = workload("Deployment", "sidecar", {}, volume("key"))
    sidecar["spec"]["template"]["spec"]["initContainers"] = [{"name": "side", "restartPolicy": "Always", **mounted()}]
    world = World(delivered(OLD), copier, both, sidecar)
    said = world.deliverer(DIRECT).deliver(NAME, NEW, OLD)
    assert said.endswith("restarted deployment apps/copier")


def test_what_has_no_pods_is_left_alone() -> None:
    """It begins with the new value."""
    world = World(delivered(OLD), changed(ENV, replicas=0))
    assert world.deliverer(DIRECT).deliver(NAME, NEW, OLD).endswith("nobody had to be restarted")


@pytest.mark.parametrize(
    ("there", "says"),
    [
        (entries("Secret", "key", {"k": b"theirs"}), "is there already and harden did not make it"),
        (delivered(OLD, immutable=True), "is immutable"),
        (made_secret(of_entry(DIRECT, OLD), MOUNT, "apps/other", OLD), "holds secret/apps/other, not secret/apps/key"),
        (delivered(OLD, type="example.com/key"), "is of type example.com/key, not Opaque"),
    ],
)
def test_what_cannot_be_written_over_is_refused_before(there: dict[str, Any], says: str) -> None:
    """Nothing is changed."""
    world = World(there)
    assert says in str(failure(world, world.deliverer(DIRECT).check))
    assert world.peek("Secret", "key")["data"] == there["data"]


def test_what_somebody_else_made_is_not_written_over() -> None:
    """Nor is it by a delivery, where it has come meanwhile."""
    there = entries("Secret", "key", {"k": b"theirs"})
    world = World(there)
    said = failure(world, lambda: world.deliverer(DIRECT).deliver(NAME, NEW, OLD))
    assert "harden did not make it" in str(said)
    assert world.peek("Secret", "key")["data"] == there["data"]


def test_somebody_else_is_faster(world: World) -> None:
    """The Secret and the workloads are read again."""
    for number in (1, 3, 4):
        world.cluster.fail_before(number, ConflictError("has changed"))
    world.deliverer(DIRECT).deliver(NAME, NEW, OLD)
    assert world.made == {"env": 1, "part": 1}


def test_others_annotations_stay(world: World) -> None:
    """Those that are there, and those that come in between."""
    one = workload("Deployment", "env", env_of("key", "k"))
    one["spec"]["template"]["metadata"]["annotations"] = {"team/x~y": "a"}
    world.add(one)
    world.deliverer(DIRECT).deliver(NAME, NEW, OLD)
    annotations = world.peek("Deployment", "env")["spec"]["template"]["metadata"]["annotations"]
    assert set(annotations) == {"team/x~y", "harden.internal/restarted.key"}


@pytest.mark.parametrize("where", ["env", "part"])
def test_what_does_not_come_up_is_put_back(world: World, where: str) -> None:
    """The Secret, and every template to the letter: the pods that ran with the old value still do, or do again."""
    before = specs(world)
    place = {"env": "main:env:KEY", "part": "main:/k"}[where]
    world.refuses = lambda seen: seen.get(place) == NEW["key"].reveal()
    deliverer = world.deliverer(DIRECT)
    error = failure(world, lambda: deliverer.deliver(NAME, NEW, OLD))
    kind = {"env": "deployment", "part": "statefulset"}[where]
    assert error.messages[0].startswith(f"{kind} apps/{where}: its pods did not come up with the new value: ")
    assert {"env": "has timed out progressing", "part": "not complete after 600 seconds"}[where] in error.messages[0]
    assert "CrashLoopBackOff: back-off 10s" in error.messages[0]
    assert error.hints[0] == "the Secret has the old value again; its pods run as before"
    assert data(world)["k"] == b"alpha-4711"
    assert specs(world) == before
    if where == "env":
        assert "part" not in world.made  # the first one was enough to know
    assert deliverer.confirm(NAME, OLD)
    world.refuses = lambda _seen: False
    deliverer.deliver(NAME, NEW, OLD)
    deliverer.confirm(NAME, NEW)


def test_what_works_no_more_is_not_put_back(world: World) -> None:
    """A password that has only one place was exchanged there: the new one stays, and a person has to look."""
    world.refuses = lambda seen: seen.get("main:env:KEY") == NEW["key"].reveal()
    deliverer = world.deliverer(DIRECT, old_is_good=False)
    error = failure(world, lambda: deliverer.deliver(NAME, NEW, OLD))
    assert error.hints[0] == "the old value works no more, so nothing was put back"
    assert data(world)["k"] == NEW["key"].reveal()


def test_pods_that_nobody_replaces_are_named_when_putting_back(world: World) -> None:
    """A StatefulSet waits for its broken pods: they are deleted, or named where that is denied."""
    world.refuses = lambda seen: seen.get("main:/k") == NEW["key"].reveal()

    def deny(call: Any) -> None:
        if call.method == "delete":
            raise ClusterDeniedError("denied")

    world.cluster.before.append(deny)
    error = failure(world, lambda: world.deliverer(DIRECT).deliver(NAME, NEW, OLD))
    assert error.hints[0].startswith("the Secret has the old value again; delete pod apps/part-")
    assert specs(world)[1] == PART["spec"]


def test_what_cannot_be_put_back_is_said(world: World) -> None:
    """Beside what did not come up."""
    world.refuses = lambda seen: seen.get("main:env:KEY") == NEW["key"].reveal()
    world.cluster.fail_before(3, ClusterUnavailableError("the API server failed"))
    error = failure(world, lambda: world.deliverer(DIRECT).deliver(NAME, NEW, OLD))
    assert "deployment apps/env: its pods did not come up" in error.messages[0]
    assert error.hints[0] == "it could not be put back: the API server failed"


def test_one_that_an_earlier_run_has_restarted_is_put_back_too(world: World) -> None:
    """What its template was is not known any more: it is restarted once more, with the old value."""
    deliverer = world.deliverer(DIRECT)
    world.cluster.fail_after(2, Killed())
    with pytest.raises(Killed):
        deliverer.deliver(NAME, NEW, OLD)
    world.cluster.dead = False
    world.refuses = lambda seen: seen.get("main:/k") == NEW["key"].reveal()
    failure(world, lambda: deliverer.deliver(NAME, NEW, OLD))
    assert deliverer.confirm(NAME, OLD)


def test_what_ends_soon_after_it_was_ready_is_put_back(world: World) -> None:
    """Without a readiness probe a pod is ready as soon as it runs."""
    deliverer = world.deliverer(DIRECT, steady=10, rollout=60)

    def fall() -> None:
        one = world.peek("Deployment", "env")
        world.cluster.put(one | {"status": one["status"] | {"availableReplicas": 0}})

    world.at(5, fall)
    error = failure(world, lambda: deliverer.deliver(NAME, NEW, OLD))
    assert "deployment apps/env: its pods did not come up with the new value: not complete" in error.messages[0]
    assert world.seconds == 60 + 10  # and as long as what was put back has to stay up
    assert data(world)["k"] == OLD["key"].reveal()


def test_what_does_not_stay_up_is_no_proof(world: World) -> None:
    """A container that ends again and again, on a node; what has ended for good sees nothing any more."""
    deliverer = world.deliverer(DIRECT, sight=5)
    deliverer.deliver(NAME, NEW, OLD)
    waiting = {"name": "main", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    ended = {"name": "main", "state": {"terminated": {"exitCode": 1}}}
    one = bare_pod("loop", env_of("key", "k"))
    one["spec"]["nodeName"] = "node"
    world.add(one | {"status": {"phase": "Running", "containerStatuses": [waiting]}})
    error = failure(world, lambda: deliverer.confirm(NAME, NEW))
    assert "pod apps/loop: container main does not have the new value" in error.messages[0]
    assert "container main: CrashLoopBackOff" in error.messages[0]
    one["spec"]["restartPolicy"] = "Never"
    world.add(one | {"status": {"phase": "Running", "containerStatuses": [ended]}})
    assert deliverer.confirm(NAME, NEW) == "the new bytes were read at 4 places in 3 pods"


def test_killed_after_any_write(world: World) -> None:
    """The next run finishes, and no pod is replaced twice."""
    for number in range(1, 5):
        here = World(delivered(OLD), ENV, PART, VOLUME)
        here.made.clear()
        here.cluster.fail_after(number, Killed())
        deliverer = here.deliverer(DIRECT)
        try:
            deliverer.deliver(NAME, NEW, OLD)
        except Killed:
            here.cluster.dead = False
            deliverer.deliver(NAME, NEW, OLD)
        assert here.made == {"env": 1, "part": 1}
        assert deliverer.confirm(NAME, NEW)


def test_a_server_that_is_away_is_said(world: World) -> None:
    """Nothing is put back blindly; the next run goes on."""
    deliverer = world.deliverer(DIRECT)
    world.cluster.fail_before(2, ClusterUnavailableError("the API server failed"))
    assert "the API server failed" in str(failure(world, lambda: deliverer.deliver(NAME, NEW, OLD)))
    deliverer.deliver(NAME, NEW, OLD)
    world.cluster.fail_before(1, ClusterUnavailableError("the API server failed"), ("list",))
    failure(world, lambda: deliverer.confirm(NAME, NEW))
    assert deliverer.confirm(NAME, NEW)


OWNED = {"apiVersion": "batch/v1", "kind": "Job", "name": "night", "uid": "u", "controller": True}
ROLLOUT = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "roll", "uid": "u", "controller": True}


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (bare_pod("alone", env_of("key", "k")), "pod apps/alone belongs to nobody who would make it again"),
        (
            bare_pod("night-x", env_of("key", "k"), ownerReferences=[OWNED]),
            "pod apps/night-x is of job apps/night: nothing restarts it; let it end, or delete that",
        ),
        (bare_pod("roll-x", env_of("key", "k"), ownerReferences=[ROLLOUT]), "argo rollouts -n apps restart roll"),
        (
            changed(workload("StatefulSet", "set", env_of("key", "k")), updateStrategy={"type": "OnDelete"}),
            "statefulset apps/set leaves replacing its pods to you: kubectl -n apps delete pod set-1",
        ),
        (
            changed(workload("Deployment", "still", env_of("key", "k")), paused=True),
            "deployment apps/still is paused: kubectl -n apps rollout resume deployment still",
        ),
    ],
)  # fmt: skip
def test_who_is_replaced_by_nobody_is_named(one: dict[str, Any], says: str) -> None:
    """With what a person does; the old key stays valid meanwhile. The next run sees that it was done."""
    world = World(delivered(OLD), one)
    deliverer = world.deliverer(DIRECT, sight=30)
    deliverer.deliver(NAME, NEW, OLD)
    error = failure(world, lambda: deliverer.confirm(NAME, NEW))
    assert "container main does not have the new value at env:KEY" in error.messages[0]
    assert says in error.hints[0]
    assert any("waiting for 1 of its pods" in text for text in world.told)
    (pod,) = [one for one in world.cluster.snapshot() if one["kind"] == "Pod"]
    world.cluster.drop(ObjectName.of(pod))
    assert deliverer.confirm(NAME, NEW) == "no pod uses it"


def test_of_many_some_are_named() -> None:
    """And the others counted."""
    world = World(delivered(OLD), *(bare_pod(f"alone-{number}", env_of("key", "k")) for number in range(11)))
    deliverer = world.deliverer(DIRECT, sight=2)
    deliverer.deliver(NAME, NEW, OLD)
    error = failure(world, lambda: deliverer.confirm(NAME, NEW))
    assert len(error.messages) == 9
    assert error.messages[-1] == "secret apps/key: and so at 3 other places"


def test_a_job_that_ends_in_time_is_waited_for() -> None:
    """It finishes by itself."""
    world = World(delivered(OLD), bare_pod("night-x", env_of("key", "k"), ownerReferences=[OWNED]))
    deliverer = world.deliverer(DIRECT, sight=30)
    deliverer.deliver(NAME, NEW, OLD)
    pod = world.peek("Pod", "night-x")
    world.at(20, lambda: world.cluster.put(pod | {"status": {"phase": "Succeeded"}}))
    assert deliverer.confirm(NAME, NEW) == "no pod uses it"
    assert world.seconds == 20


def test_a_volume_is_refreshed_late(world: World) -> None:
    """That is waited for."""
    world.slow = True
    deliverer = world.deliverer(DIRECT)
    deliverer.deliver(NAME, NEW, OLD)
    world.at(70, world.refresh)
    assert deliverer.confirm(NAME, NEW)
    assert world.seconds == 70


def test_a_volume_that_is_never_refreshed_is_said(world: World) -> None:
    """With where."""
    world.slow = True
    deliverer = world.deliverer(DIRECT)
    deliverer.deliver(NAME, NEW, OLD)
    error = failure(world, lambda: deliverer.confirm(NAME, NEW))
    assert "does not have the new value at /key/k" in error.messages[0]
    assert error.hints[0].startswith("restart it: kubectl -n apps rollout restart deployment volume")


@pytest.mark.parametrize("how", ["denied", "no program"])
def test_where_nobody_can_look_it_is_known_otherwise_and_said(world: World, how: str) -> None:
    """Restarted pods by the mark of their template, a volume by the time that kubelets take."""

    def run(*_: object) -> Executed:
        if how == "denied":
            raise ClusterDeniedError("pods/exec is denied")
        return Executed(127, b"", b"not found")

    world.cluster.run = run
    deliverer = world.deliverer(DIRECT)
    deliverer.deliver(NAME, NEW, OLD)
    said = deliverer.confirm(NAME, NEW)
    assert said.startswith("4 places in 3 pods: the new bytes were read at 0; at 4 nobody can look")
    assert world.seconds == 120


def test_a_volume_on_a_node_that_does_not_answer_is_not_taken_for_fresh() -> None:
    """Nobody refreshes it there, however long one waits; what the pod says of itself is from before."""
    alone = bare_pod("alone", mounted())
    alone["spec"] |= {"nodeName": "far", "volumes": volume("key")}
    lost = {"type": "Ready", "status": "False"}  # set by the node's controller, which gives no reason
    alone["status"]["conditions"] = [lost]
    world = World(delivered(OLD), alone)

    def unreachable(*_: object) -> Executed:
        raise ClusterError("Internal error occurred: dial tcp: connection refused")

    world.cluster.run = unreachable
    deliverer = world.deliverer(DIRECT)
    deliverer.deliver(NAME, NEW, OLD)
    said = str(failure(world, lambda: deliverer.confirm(NAME, NEW)))
    assert "does not have the new value at /key/k (its node far does not answer)" in said
    busy = lost | {"reason": "ContainersNotReady"}  # by its kubelet, which is there
    now = world.peek("Pod", "alone")
    world.cluster.put(now | {"status": now["status"] | {"conditions": [busy]}})
    assert "at 2 nobody can look" in deliverer.confirm(NAME, NEW)


def test_a_variable_of_which_nobody_knows_is_not_taken_for_new() -> None:
    """A pod that was there before, and cannot be asked."""
    world = World(delivered(OLD), bare_pod("alone", env_of("key", "k")))
    world.cluster.run = lambda *_: Executed(127, b"", b"not found")
    deliverer = world.deliverer(DIRECT)
    deliverer.deliver(NAME, NEW, OLD)
    assert "pod apps/alone" in str(failure(world, lambda: deliverer.confirm(NAME, NEW)))


def test_pods_come_and_go(world: World) -> None:
    """Their successors are asked."""
    deliverer = world.deliverer(DIRECT)
    deliverer.deliver(NAME, NEW, OLD)
    went = iter([True, True])
    real = world.cluster.run

    def run(pod: Any, container: str, command: Any) -> Executed:
        if next(went, False):
            world.cluster.put(pod | {"metadata": pod["metadata"] | {"uid": "another"}})
            return Executed(1, b"", b"")
        return real(pod, container, command)

    world.cluster.run = run
    assert deliverer.confirm(NAME, NEW) == "the new bytes were read at 4 places in 3 pods"
    assert world.seconds > 0


def test_a_secret_that_somebody_changed_is_said(world: World) -> None:
    """Whatever the pods see."""
    deliverer = world.deliverer(DIRECT)
    deliverer.deliver(NAME, NEW, OLD)
    world.cluster.put(delivered(OLD))
    assert "not as Vault has it: k" in str(failure(world, lambda: deliverer.confirm(NAME, NEW)))


def test_all_entries_as_variables() -> None:
    """One that a container sets itself is not from the Secret; one that can be no variable may be missing."""
    way = Delivery(
        "direct", "apps", "key", keys={"A": KeySource("key"), "B": KeySource("key"), "c.d": KeySource("key")}
    )
    container = {"envFrom": [{"secretRef": {"name": "key"}}], "env": [{"name": "B", "value": "other"}]}
    world = World(made_secret(of_entry(way, OLD), MOUNT, PATH, OLD), workload("Deployment", "env", container))
    real = world.cluster.run
    lacking = Executed(1, b"", b"")
    world.cluster.run = lambda pod, name, command: lacking if command[-1] == "c.d" else real(pod, name, command)
    deliverer = world.deliverer(way)
    assert deliverer.deliver(NAME, NEW, OLD).endswith("restarted deployment apps/env")
    assert deliverer.confirm(NAME, NEW) == "the new bytes were read at 1 place in 1 pod"


def test_a_field_that_vault_does_not_have_is_said(world: World) -> None:
    """Before anything is written."""
    way = Delivery("direct", "apps", "key", keys={"k": KeySource("gone")})
    assert 'has no field "gone"' in str(failure(world, lambda: world.deliverer(way).deliver(NAME, NEW, OLD)))
    assert not world.cluster.writes


def test_a_long_name_has_a_mark_of_its_own() -> None:
    """Names of annotations are shorter than those of Secrets can be."""
    name = "a" * 250
    way = Delivery("direct", "apps", name, keys=DIRECT.keys)
    world = World(workload("Deployment", "env", env_of(name, "k")))
    world.cluster.put(made_secret(of_entry(way, OLD), MOUNT, PATH, OLD))
    world.deliverer(way).deliver(f"secret apps/{name}", NEW, OLD)
    (mark,) = world.peek("Deployment", "env")["spec"]["template"]["metadata"]["annotations"]
    assert len(mark.partition("/")[2]) == 63
