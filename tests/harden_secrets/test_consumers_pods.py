"""Who uses a ConfigMap or Secret by way of a pod, and under which path, mode and encoding it sees what."""

from typing import Any

import pytest
import yaml

from harden_secrets.cluster.consumers import Consumer, Way, consumers
from harden_secrets.cluster.port import Manifest, ObjectName

KEY = ObjectName("v1", "ConfigMap", "openclaw", "git-crypt-key")
SECRET = ObjectName("v1", "Secret", "openclaw", "ssh")


def pod(spec: str, **metadata: Any) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "openclaw", **metadata},
        "spec": yaml.safe_load(spec),
    }


def stored(field: str = "data") -> Manifest:
    metadata = {"name": KEY.name, "namespace": KEY.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, field: {"key": "AEdJVA=="}}


def only(found: tuple[Consumer, ...]) -> Consumer:
    assert len(found) == 1, [str(one) for one in found]
    return found[0]


def resolve(document: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def test_a_variable() -> None:
    """The name of the variable, the entry, optional; it never refreshes (fact 19)."""
    manifest = pod(
        "containers: [{name: main, env: [{name: A, value: x}, {name: KEY, valueFrom:"
        " {configMapKeyRef: {name: git-crypt-key, key: key, optional: true}}}]}]"
    )
    found = only(consumers([manifest], KEY))
    assert (found.way, found.container, found.path, found.key) == (Way.ENV, "main", "KEY", "key")
    assert found.optional
    assert not found.refreshes
    assert found.expects == "text"
    assert resolve(manifest, found.pointer) == {"name": "git-crypt-key", "key": "key", "optional": True}


def test_all_entries_as_variables() -> None:
    """envFrom with a prefix: for one entry, the name of its variable."""
    manifest = pod("containers: [{name: main, envFrom: [{prefix: SSH_, secretRef: {name: ssh}}]}]")
    found = only(consumers([manifest], SECRET, "id"))
    assert (found.way, found.path, found.key, found.expects) == (Way.ENV_FROM, "SSH_id", "id", "raw")
    assert not found.refreshes


def test_a_whole_volume() -> None:
    """A folder; for one entry, the file in it, with the volume's mode."""
    manifest = pod(
        "{containers: [{name: main, volumeMounts: [{name: v, mountPath: /secrets/git-crypt}]}],"
        " volumes: [{name: v, configMap: {name: git-crypt-key, defaultMode: 256}}]}"
    )
    whole = only(consumers([manifest], KEY))
    assert (whole.key, whole.path, whole.mode) == ("", "/secrets/git-crypt", 0o400)
    one = only(consumers([manifest], KEY, "key"))
    assert (one.way, one.path, one.refreshes) == (Way.VOLUME, "/secrets/git-crypt/key", True)
    assert resolve(manifest, one.pointer)["name"] == "git-crypt-key"
    assert resolve(manifest, one.mount)["mountPath"] == "/secrets/git-crypt"


def test_items_have_paths_and_modes_of_their_own() -> None:
    """Only the entries that are named are seen, each under its path."""
    manifest = pod(
        "{containers: [{name: main, volumeMounts: [{name: v, mountPath: /etc/ssh}]}], volumes: [{name: v, secret:"
        " {secretName: ssh, items: [{key: id, path: keys/id_ed25519, mode: 384}, {key: pub, path: id.pub}]}}]}"
    )
    found = only(consumers([manifest], SECRET, "id"))
    assert (found.path, found.mode, found.expects) == ("/etc/ssh/keys/id_ed25519", 0o600, "raw")
    assert only(consumers([manifest], SECRET, "pub")).mode == 0o644
    assert consumers([manifest], SECRET, "other") == ()


def test_projected_sources() -> None:
    """A projected volume's Secret is called `name`, and its mode is the volume's."""
    manifest = pod(
        "{containers: [{name: main, volumeMounts: [{name: v, mountPath: /p}]}], volumes: [{name: v, projected:"
        " {defaultMode: 288, sources: [{serviceAccountToken: {path: t}}, {secret: {name: ssh, optional: true}}]}}]}"
    )
    found = only(consumers([manifest], SECRET, "id"))
    assert (found.way, found.path, found.mode, found.optional) == (Way.PROJECTED, "/p/id", 0o440, True)
    assert found.pointer == "/spec/volumes/0/projected/sources/1/secret"


@pytest.mark.parametrize(
    ("items", "sub_path", "key", "path"),
    [
        ("", "key", "key", "/root/.key"),
        (", items: [{key: key, path: a/b}]", "a/b", "key", "/root/.key"),
        (", items: [{key: key, path: a/b}]", "a", "key", "/root/.key/b"),
        (", items: [{key: key, path: a/b}]", "./a//b", "key", "/root/.key"),
    ],
)
def test_a_sub_path_is_one_file_and_never_refreshes(items: str, sub_path: str, key: str, path: str) -> None:
    """What part of the volume is mounted decides which entry is seen, and where (fact 19)."""
    mount = f"{{name: v, mountPath: /root/.key, subPath: '{sub_path}'}}"
    volume = f"{{name: v, configMap: {{name: git-crypt-key{items}}}}}"
    manifest = pod(f"{{containers: [{{name: main, volumeMounts: [{mount}]}}], volumes: [{volume}]}}")
    found = only(consumers([manifest], KEY))
    assert (found.way, found.key, found.path, found.refreshes) == (Way.SUB_PATH, key, path, False)


def test_a_sub_path_of_another_entry_is_no_consumer_of_this_one() -> None:
    """The part that is mounted is not the entry that is asked for."""
    manifest = pod(
        "{containers: [{name: main, volumeMounts: [{name: v, mountPath: /x, subPath: other}]}],"
        " volumes: [{name: v, configMap: {name: git-crypt-key}}]}"
    )
    assert consumers([manifest], KEY, "key") == ()


def test_a_volume_that_nothing_mounts_still_counts() -> None:
    """The pod does not start without it."""
    manifest = pod("{containers: [{name: main}], volumes: [{name: v, configMap: {name: git-crypt-key}}]}")
    found = only(consumers([manifest], KEY))
    assert (found.container, found.path, found.way) == ("", "", Way.VOLUME)


def test_containers_of_every_sort() -> None:
    """Init containers and ephemeral ones use it as the others do; one volume in three containers is three uses."""
    manifest = pod("volumes: [{name: v, configMap: {name: git-crypt-key}}]")
    for sort, name in (("initContainers", "init"), ("containers", "main"), ("ephemeralContainers", "debug")):
        manifest["spec"][sort] = [{"name": name, "volumeMounts": [{"name": "v", "mountPath": "/k"}]}]
    assert [one.container for one in consumers([manifest], KEY)] == ["init", "main", "debug"]


def test_an_image_pull_secret() -> None:
    """It belongs to the pod, not to a container."""
    manifest = pod("{containers: [{name: main}], imagePullSecrets: [{name: ssh}]}")
    found = only(consumers([manifest], SECRET))
    assert (found.way, found.container, found.pointer) == (Way.IMAGE_PULL, "", "/spec/imagePullSecrets/0")


@pytest.mark.parametrize(
    "volume",
    [
        "csi: {driver: d, nodePublishSecretRef: {name: ssh}}",
        "cephfs: {monitors: [], secretRef: {name: ssh}}",
        "azureFile: {secretName: ssh, shareName: s}",
        "iscsi: {secretRef: {name: ssh}}",
    ],
)
def test_credentials_of_a_volume_driver(volume: str) -> None:
    """They name a Secret in a field of the driver's own."""
    manifest = pod(f"{{containers: [{{name: main}}], volumes: [{{name: v, {volume}}}]}}")
    assert only(consumers([manifest], SECRET)).way is Way.DRIVER


@pytest.mark.parametrize(("field", "expects"), [("data", "text"), ("binaryData", "raw")])
def test_what_a_mount_shows_depends_on_where_the_entry_stands(field: str, expects: str) -> None:
    """`data` is text as it stands there, `binaryData` are bytes (facts 17 and 18)."""
    manifest = pod(
        "{containers: [{name: main, volumeMounts: [{name: v, mountPath: /k}]}],"
        " volumes: [{name: v, configMap: {name: git-crypt-key}}]}"
    )
    assert only(consumers([manifest, stored(field)], KEY, "key")).expects == expects


def test_another_namespace_or_kind_of_the_same_name_is_another() -> None:
    """A pod sees only what is in its own namespace, and a Secret is no ConfigMap."""
    manifest = pod("containers: [{name: main, envFrom: [{configMapRef: {name: git-crypt-key}}]}]")
    assert consumers([manifest], ObjectName("v1", "ConfigMap", "other", "git-crypt-key")) == ()
    assert consumers([manifest], ObjectName("v1", "Secret", "openclaw", "git-crypt-key")) == ()
    assert len(consumers([manifest], KEY)) == 1


TEMPLATE = {"spec": {"containers": [{"name": "main", "envFrom": [{"configMapRef": {"name": "git-crypt-key"}}]}]}}


def workload(version: str, kind: str, **fields: Any) -> Manifest:
    metadata = {"name": "w", "namespace": "openclaw", "uid": f"uid-{kind}"}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


CRON_SPEC = {"schedule": "@daily", "jobTemplate": {"spec": {"template": TEMPLATE}}}


@pytest.mark.parametrize(
    ("manifest", "runs", "pointer"),
    [
        (workload("apps/v1", "Deployment", spec={"template": TEMPLATE}), True, "/spec/template/spec"),
        (workload("apps/v1", "Deployment", spec={"replicas": 0, "template": TEMPLATE}), False, "/spec/template/spec"),
        (workload("apps/v1", "StatefulSet", spec={"template": TEMPLATE}), True, "/spec/template/spec"),
        (workload("apps/v1", "DaemonSet", spec={"template": TEMPLATE}), True, "/spec/template/spec"),
        (workload("apps/v1", "ReplicaSet", spec={"replicas": 0, "template": TEMPLATE}), False, "/spec/template/spec"),
        (workload("v1", "ReplicationController", spec={"template": TEMPLATE}), True, "/spec/template/spec"),
        (workload("batch/v1", "Job", spec={"template": TEMPLATE}), True, "/spec/template/spec"),
        (
            workload(
                "batch/v1",
                "Job",
                spec={"template": TEMPLATE},
                status={"conditions": [{"type": "Complete", "status": "True"}]},
            ),
            False,
            "/spec/template/spec",
        ),
        (workload("batch/v1", "CronJob", spec=CRON_SPEC), True, "/spec/jobTemplate/spec/template/spec"),
        (
            workload("batch/v1", "CronJob", spec={**CRON_SPEC, "suspend": True}),
            False,
            "/spec/jobTemplate/spec/template/spec",
        ),
        (
            workload("apps/v1", "ControllerRevision", data={"spec": {"template": TEMPLATE}}, revision=1),
            False,
            "/data/spec/template/spec",
        ),
        (workload("v1", "PodTemplate", template=TEMPLATE), False, "/template/spec"),
        (workload("argoproj.io/v1alpha1", "Rollout", spec={"template": TEMPLATE}), True, "/spec/template/spec"),
        (workload("serving.knative.dev/v1", "Service", spec={"template": TEMPLATE}), True, "/spec/template/spec"),
    ],
)  # fmt: skip
def test_every_kind_that_makes_pods(manifest: Manifest, runs: bool, pointer: str) -> None:
    """What does not run now is still a consumer: it may run again, or be rolled back to."""
    found = only(consumers([manifest], KEY))
    assert found.object == ObjectName.of(manifest)
    assert found.running is runs
    assert found.pointer == f"{pointer}/containers/0/envFrom/0/configMapRef"


def test_owners_lead_to_what_has_to_be_changed() -> None:
    """Pod, ReplicaSet, Deployment: the last owner is the one to patch."""
    deployment = workload("apps/v1", "Deployment", spec={"template": TEMPLATE})
    replica_set = workload("apps/v1", "ReplicaSet", spec={"template": TEMPLATE})
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w", "uid": "uid-Deployment", "controller": True}
    replica_set["metadata"]["ownerReferences"] = [owner]
    owned = pod("containers: [{name: main, envFrom: [{configMapRef: {name: git-crypt-key}}]}]")
    reference = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "w",
        "uid": "uid-ReplicaSet",
        "controller": True,
    }
    owned["metadata"]["ownerReferences"] = [reference]
    found = consumers([owned, deployment, replica_set], KEY)
    assert [one.owners for one in found] == [
        (ObjectName.of(replica_set), ObjectName.of(deployment)),
        (),
        (ObjectName.of(deployment),),
    ]
    assert {one.replaced for one in found} == {ObjectName.of(deployment)}


def test_an_owner_that_was_not_seen_is_named_all_the_same() -> None:
    """By what the reference says; a circle of owners ends."""
    owned = pod("containers: [{name: main, envFrom: [{configMapRef: {name: git-crypt-key}}]}]", uid="a")
    reference = {"apiVersion": "x.example/v1", "kind": "Thing", "name": "t", "uid": "gone", "controller": True}
    owned["metadata"]["ownerReferences"] = [reference]
    assert only(consumers([owned], KEY)).owners == (ObjectName("x.example/v1", "Thing", "openclaw", "t"),)
    owned["metadata"]["ownerReferences"] = [{**reference, "uid": "a"}]
    assert len(only(consumers([owned], KEY)).owners) == 10


@pytest.mark.parametrize(
    "spec",
    [
        None,
        [],
        "text",
        {"containers": None},
        {
            "containers": [None, 1, "x", {"name": "a", "env": 3, "volumeMounts": {"a": 1}}],
            "volumes": [None, {"name": 1}],
        },
        {"containers": [{"name": "a", "envFrom": [{"secretRef": {"name": 7}}]}], "volumes": {"x": []}},
        {"containers": [{"name": "a"}], "volumes": [{"name": "v", "configMap": {"items": 3, "name": "x"}}]},
    ],
)
def test_what_has_no_sense_is_passed_over(spec: Any) -> None:
    """A custom resource may hold anything under these names."""
    manifest = {"apiVersion": "x.example/v1", "kind": "Odd", "metadata": {"name": "o"}, "spec": spec}
    assert consumers([manifest], KEY) == ()
