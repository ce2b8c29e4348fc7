"""Carrying out plans in a cluster in memory, to the end and back."""

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from harden.errors import HardenError
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.inventory.loader import read_inventory
from harden_secrets.plan.file import as_text
from tests.harden_secrets.fake_cluster import Call
from tests.harden_secrets.mixed import keys, main_scene, mixed
from tests.harden_secrets.simple_scene import NAME, SCRIPT
from tests.harden_secrets.stage import LAST_APPLIED, Stage

SCENES = [main_scene, mixed]


def done(stage: Stage, folder: Path) -> None:
    stage.run(stage.plan(), folder).forward()


@pytest.mark.parametrize("objects", SCENES)
def test_everybody_sees_the_same_bytes_at_every_moment(objects: Callable[[], list[Manifest]], tmp_path: Path) -> None:
    """Forward and back again, workloads and their running pods."""
    stage = Stage(objects())
    plan = stage.plan()
    stage.run(plan, tmp_path).forward()
    stage.run(plan, tmp_path).back()
    assert stage.wrong == []


@pytest.mark.parametrize("objects", SCENES)
def test_no_copy_is_left(objects: Callable[[], list[Manifest]], tmp_path: Path) -> None:
    """Nor in what kubectl remembers; the only Secrets with keys are those that Vault backs."""
    stage = Stage(objects())
    done(stage, tmp_path)
    left = [
        one for one in stage.bare() if one["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") is None
    ]
    text = json.dumps(left)
    for key in keys():
        assert base64.b64encode(key).decode() not in text
        assert json.dumps(key.decode("latin-1"))[1:-1] not in text


@pytest.mark.parametrize("objects", SCENES)
def test_going_back_restores_every_object(objects: Callable[[], list[Manifest]], tmp_path: Path) -> None:
    """Labels, annotations, data, `immutable`: all but what the server decides; in Vault nothing can be read."""
    stage = Stage(objects())
    before, plan = stage.bare(), stage.plan()
    stage.run(plan, tmp_path).forward()
    assert stage.bare() != before
    stage.run(plan, tmp_path).back()
    assert stage.bare() == before
    assert all(stage.vault.read(secret.vault_path) is None for secret in plan.secrets)
    assert not (tmp_path / "secrets.yaml").exists()


@pytest.mark.parametrize("objects", SCENES)
def test_a_second_time_there_is_nothing_to_do(objects: Callable[[], list[Manifest]], tmp_path: Path) -> None:
    """Not a single write; and a new plan finds nothing either."""
    stage = Stage(objects())
    plan = stage.plan()
    stage.run(plan, tmp_path).forward()
    writes, vault = len(stage.cluster.writes), len(stage.vault.calls)
    stage.run(plan, tmp_path).forward()
    assert (len(stage.cluster.writes), len(stage.vault.calls)) == (writes, vault)


def test_what_was_moved_is_in_the_inventory(tmp_path: Path) -> None:
    """With its path and deliveries; a key that harden cannot rotate is kept as it is."""
    stage = Stage(main_scene())
    done(stage, tmp_path)
    path = tmp_path / "secrets.yaml"
    entry = read_inventory(path.read_bytes(), str(path)).secrets[NAME]
    assert (entry.kind, entry.path) == ("git-crypt", f"shared/{NAME}")
    assert {(one.namespace, one.secret) for one in entry.deliver} == {("agent", NAME), ("hermes", NAME)}


def test_the_rest_of_an_object_stays(tmp_path: Path) -> None:
    """One key goes, its neighbour stays, in kubectl's memory as well."""
    stage = Stage(mixed())
    done(stage, tmp_path)
    settings = stage.cluster.peek(ObjectName("v1", "ConfigMap", "apps", "settings"))
    assert settings is not None
    assert settings["data"] == {"level": "info"}
    assert json.loads(settings["metadata"]["annotations"][LAST_APPLIED])["data"] == {"level": "info"}


def test_an_immutable_object_moves_as_a_whole(tmp_path: Path) -> None:
    """Taking one entry out of it would need another object of its name, and for a moment there would be none."""
    stage = Stage(mixed())
    done(stage, tmp_path)
    assert stage.cluster.peek(ObjectName("v1", "ConfigMap", "apps", "fixed")) is None
    delivered = stage.cluster.peek(ObjectName("v1", "Secret", "apps", "fixed"))
    assert delivered is not None
    assert set(delivered["data"]) == {"key", "note"}


def test_a_literal_value_is_neither_in_the_plan_nor_in_what_kubectl_remembers(tmp_path: Path) -> None:
    """The plan tests the variable by its name; who applies it tests the value."""
    stage = Stage(mixed())
    secret = keys()[4].decode().splitlines()[1]
    assert secret not in as_text(stage.plan())
    done(stage, tmp_path)
    worker = stage.cluster.peek(ObjectName("apps/v1", "Deployment", "apps", "worker"))
    assert worker is not None
    assert secret not in json.dumps(worker)
    remembered = json.loads(worker["metadata"]["annotations"][LAST_APPLIED])
    assert remembered["spec"]["template"]["spec"]["containers"][0]["env"][0] == {"name": "A", "value": "a"}


def test_a_script_that_is_rewritten_may_read_the_secret(tmp_path: Path) -> None:
    """By a Role for this one Secret, bound to the ServiceAccount; it goes when the run goes back."""
    stage = Stage(main_scene())
    plan = stage.plan(SCRIPT, readers=(("woodpecker", "ci"),))
    stage.run(plan, tmp_path).forward()
    role = stage.cluster.peek(ObjectName("rbac.authorization.k8s.io/v1", "Role", "woodpecker", f"read-{NAME}"))
    binding = stage.cluster.peek(
        ObjectName("rbac.authorization.k8s.io/v1", "RoleBinding", "woodpecker", f"read-{NAME}")
    )
    assert role is not None
    assert binding is not None
    assert role["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": [NAME], "verbs": ["get"]}]
    assert [one["name"] for one in binding["subjects"]] == ["ci"]
    stage.run(plan, tmp_path).back()
    assert stage.cluster.peek(ObjectName.of(role)) is None
    assert stage.cluster.peek(ObjectName.of(binding)) is None


def config_map(stage: Stage, namespace: str) -> Manifest:
    found = stage.cluster.peek(ObjectName("v1", "ConfigMap", namespace, NAME))
    assert found is not None
    return found


def refused(stage: Stage, folder: Path, words: str) -> None:
    with pytest.raises(HardenError, match=words):
        done(stage, folder)


def before_call(stage: Stage, method: str, act: Callable[[], object]) -> None:
    """Something happens right before the first call of that method."""
    waiting = [act]

    def wait(call: Call) -> None:
        if call.method == method and waiting:
            waiting.pop()()

    stage.cluster.before.append(wait)


def test_a_copy_with_a_user_that_nobody_knew_of_is_not_removed(tmp_path: Path) -> None:
    """A pod came up with it since the plan was made."""
    stage = Stage(main_scene())
    volume = {"name": "key", "configMap": {"name": NAME}}
    spec = {"containers": [{"name": "c", "image": "x"}], "volumes": [volume]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "new", "namespace": "openclaw"}, "spec": spec}
    plan = stage.plan()
    stage._seen["Pod openclaw/new"] = {}
    stage.cluster.put(pod)
    with pytest.raises(HardenError, match="configmap openclaw/git-crypt-key is still used by pod openclaw/new"):
        stage.run(plan, tmp_path).forward()
    assert config_map(stage, "openclaw")["data"]
    stage.cluster.drop(ObjectName.of(pod))
    stage.run(plan, tmp_path).forward()
    assert stage.cluster.peek(ObjectName("v1", "ConfigMap", "openclaw", NAME)) is None


def test_a_value_that_changed_in_between_is_not_removed(tmp_path: Path) -> None:
    """Somebody put another key there while the run went on: Vault does not have that one."""
    stage = Stage(main_scene())

    def change() -> None:
        other = config_map(stage, "openclaw")
        stage.cluster.put(other | {"data": {"key": base64.b64encode(keys()[4]).decode()}})

    before_call(stage, "patch", change)
    refused(stage, tmp_path, "/data/key is not what the plan saw: it was not removed")
    assert config_map(stage, "openclaw")["data"]


def test_an_entry_that_was_added_in_between_is_not_lost(tmp_path: Path) -> None:
    """The plan would delete the object because nothing else was in it."""
    stage = Stage(main_scene())

    def add() -> None:
        other = config_map(stage, "openclaw")
        stage.cluster.put(other | {"data": other["data"] | {"more": "text"}})

    before_call(stage, "patch", add)
    refused(stage, tmp_path, "/data/more is not what the plan saw")


def test_a_secret_of_somebody_else_is_not_written_over(tmp_path: Path) -> None:
    """It came to be since the plan was made; going back leaves it alone."""
    stage = Stage(main_scene())
    plan = stage.plan()
    theirs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": NAME, "namespace": "agent"}, "data": {}}
    stage.cluster.put(theirs)
    with pytest.raises(HardenError, match="secret agent/git-crypt-key is there already and harden did not make it"):
        stage.run(plan, tmp_path).forward()
    stage.run(plan, tmp_path).back()
    assert stage.cluster.peek(ObjectName.of(theirs)) is not None


def test_what_somebody_else_has_in_vault_is_left_there(tmp_path: Path) -> None:
    """Neither written over on the way forward nor deleted on the way back."""
    stage = Stage(main_scene())
    plan = stage.plan()
    path = plan.secrets[0].vault_path
    stage.vault.put_foreign(path, {"key": "theirs"})
    with pytest.raises(HardenError, match="something else is stored there already"):
        stage.run(plan, tmp_path).forward()
    stage.run(plan, tmp_path).back()
    stored = stage.vault.read(path)
    assert stored is not None
    assert stored.fields["key"].reveal() == b"theirs"


def test_a_version_that_came_after_ours_is_left_in_vault(tmp_path: Path) -> None:
    """A run that is undone takes back its own version only."""
    stage = Stage(main_scene())
    plan = stage.plan()
    path = plan.secrets[0].vault_path
    stage.run(plan, tmp_path).forward()
    stage.vault.put_foreign(path, {"key": "newer"})
    stage.run(plan, tmp_path).back()
    assert stage.vault.read(path) is not None
    assert stage.vault.read(path, 1) is None


def test_a_rollout_that_fails_is_put_back(tmp_path: Path) -> None:
    """The workload is as it was, its copy still there, and the run says what happened; it can be resumed."""
    stage = Stage(main_scene())
    before = stage.bare()
    plan = stage.plan()
    react = stage.cluster.react
    stage.cluster.react = lambda cluster, name, manifest: _stuck(react, cluster, name, manifest)
    with pytest.raises(HardenError, match=r"did not come up with the new Secret, so it was put back: no nodes"):
        stage.run(plan, tmp_path).forward()
    runner = stage.cluster.peek(ObjectName("apps/v1", "Deployment", "agent", "runner"))
    assert runner is not None
    assert runner["spec"] == next(one["spec"] for one in before if one["metadata"]["name"] == "runner")
    stage.cluster.react = react
    stage.run(plan, tmp_path).forward()
    assert stage.wrong == []


def _stuck(react, cluster, name, manifest) -> None:  # type: ignore[no-untyped-def]
    """A controller that cannot run a template with the new Secret."""
    volumes = manifest["spec"]["template"]["spec"]["volumes"] if manifest and name.kind == "Deployment" else [{}]
    if "secret" not in volumes[0] or name.namespace != "agent":
        react(cluster, name, manifest)
        return
    condition = {"type": "Progressing", "status": "False", "message": "no nodes"}
    generation = manifest["metadata"]["generation"]
    cluster.put(manifest | {"status": {"observedGeneration": generation, "conditions": [condition]}})


def test_pods_that_are_replaced_by_hand_keep_the_copy(tmp_path: Path) -> None:
    """A StatefulSet that replaces nothing: the run stops before its copy is removed, and goes on afterwards."""
    objects = mixed()
    for one in objects:
        if one["kind"] == "StatefulSet":
            one["spec"]["updateStrategy"] = {"type": "OnDelete"}
    stage = Stage(objects)
    plan = stage.plan()
    react = stage.cluster.react
    stage.cluster.react = lambda cluster, name, manifest: (
        None if name.kind == "StatefulSet" else react(cluster, name, manifest)
    )
    name = ObjectName("apps/v1", "StatefulSet", "apps", "db")
    stage.cluster.after.append(lambda call: _observed(stage, name) if call.method == "patch" else None)
    with pytest.raises(HardenError, match="configmap apps/fixed is still used by pod apps/db-0"):
        stage.run(plan, tmp_path).forward()
    stage.cluster.drop(ObjectName("v1", "Pod", "apps", "db-0"))
    stage.run(plan, tmp_path).forward()
    assert stage.wrong == []


def _observed(stage: Stage, name: ObjectName) -> None:
    found = stage.cluster.peek(name)
    assert found is not None
    stage.cluster.put(found | {"status": {"observedGeneration": found["metadata"]["generation"]}})


def test_a_pod_that_sees_other_bytes_stops_the_run(tmp_path: Path) -> None:
    """Nothing is removed."""
    stage = Stage(main_scene())
    run = stage.cluster.run
    stage.cluster.run = lambda pod, container, command: run(pod, container, command).__class__(0, b"other", b"")
    refused(stage, tmp_path, r"container runner does not see at /secrets/git-crypt/key what it saw before")
    assert config_map(stage, "agent")


def test_proofs_say_what_they_are(tmp_path: Path) -> None:
    """Bytes where a pod could be asked; structure for the CronJob that does not run."""
    stage = Stage(main_scene())
    results = {}
    stage.run(stage.plan(), tmp_path, lambda step, _event, facts: results.update({step.words: facts})).forward()
    assert results["prove what deployment agent/runner sees"]["proof"] == "bytes in the pod"
    assert results["prove what cronjob hermes/backup sees"]["proof"] == "structure"


def test_the_journal_shows_no_key(tmp_path: Path) -> None:
    """What is needed to go back is sealed."""
    stage = Stage(mixed())
    done(stage, tmp_path)
    journal = (tmp_path / "journal").read_bytes()
    for key in keys():
        assert key[40:80] not in journal
        assert base64.b64encode(key)[:40] not in journal
