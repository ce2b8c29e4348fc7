"""`harden secrets readers`, as a person or a script meets it."""

import io
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from cluster.server import Server

from harden.errors import HardenError, UsageError
from harden.output import Output
from harden_secrets.cluster.port import ClusterDeniedError
from harden_secrets.commands.reading import print_readers
from tests.harden_secrets.fake_cluster import Call, FakeCluster
from tests.harden_secrets.test_readers import ALICE, APP, Subject, given, objects, rule

OBJECTS = objects("""
    apiVersion: v1
    kind: Secret
    metadata: {name: key, namespace: media}
    type: Opaque
    data: {word: bm90IGZvciBldmVyeWJvZHk=}
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: plain, namespace: media}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: app-token, namespace: media, annotations: {kubernetes.io/service-account.name: app}}
    type: kubernetes.io/service-account-token
    data: {token: bm90IGZvciBldmVyeWJvZHk=}
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, namespace: media}
    spec:
      template:
        spec:
          containers:
            - {name: c, env: [{name: WORD, valueFrom: {secretKeyRef: {name: key, key: word}}}]}
    ---
    apiVersion: batch/v1
    kind: Job
    metadata: {name: once, namespace: media}
    spec:
      template:
        spec:
          containers: [{name: c, volumeMounts: [{name: v, mountPath: /keys}]}]
          volumes: [{name: v, secret: {secretName: key}}]
    status: {conditions: [{type: Complete, status: "True"}]}
""")


class Said:
    """What a command said and how it ended."""

    def __init__(self, cluster: FakeCluster, name: str, *, as_json: bool = False, verbosity: int = 0) -> None:
        stdout, stderr = io.StringIO(), io.StringIO()
        output = Output(as_json=as_json, verbosity=verbosity, stdout=stdout, stderr=stderr)
        self.status = print_readers(cluster, "media", name, output)
        self.stdout, self.stderr = stdout.getvalue(), stderr.getvalue()


@pytest.fixture
def cluster() -> FakeCluster:
    """A cluster with a Secret, a ConfigMap, the token of a reader, and somebody who may look at that."""
    cluster = FakeCluster()
    cluster.put(*OBJECTS)
    cluster.put(*given(APP, rule("get list", "secrets", "key"), name="reader"))
    cluster.put(*given(ALICE, rule("watch", "secrets", "app-token"), name="helpdesk"))
    standard = given(Subject("User", "system:scheduler"), rule("get", "secrets"), namespace="", name="system:scheduler")
    standard[1]["metadata"]["labels"] = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    cluster.put(*standard)
    return cluster


def test_people_get_a_table(cluster: FakeCluster) -> None:
    """Who, how, and the chain of evidence; the parts of Kubernetes in one line beside it."""
    said = Said(cluster, "key")
    assert said.status == 0
    reader = "rolebinding media/reader → role media/reader"
    helpdesk = "rolebinding media/helpdesk → role media/helpdesk → secret media/app-token"
    assert [re.split("  +", line) for line in said.stdout.splitlines()] == [
        ["WHO", "HOW", "THROUGH"],
        ["serviceaccount media/app", "may read it: get, list", reader],
        ["user alice", "may read a token of one who can", f"{helpdesk} → as serviceaccount media/app → {reader}"],
        [""],
        ["USED BY", "HOW", "KEY"],
        ["deployment media/web", "env WORD", "word"],
        ["job media/once", "volume /keys", "all, not running"],
    ]
    assert said.stderr.startswith("harden: 2 more are parts of Kubernetes")


def test_the_whole_is_in_the_verbose_table(cluster: FakeCluster) -> None:
    said = Said(cluster, "key", verbosity=1)
    assert "group system:masters" in said.stdout
    assert "may read it: get secrets" in said.stdout
    assert said.stderr == ""


def test_programs_get_one_document(cluster: FakeCluster) -> None:
    """As documented, with nobody left out and no value in it."""
    said = Said(cluster, "secret/key", as_json=True)
    answer: dict[str, Any] = json.loads(said.stdout)
    assert answer["object"] == {"kind": "Secret", "namespace": "media", "name": "key"}
    assert [one["name"] for one in answer["subjects"]] == ["system:masters", "app", "alice", "system:scheduler"]
    alice = answer["subjects"][2]
    assert (alice["kind"], alice["namespace"]) == ("User", None)
    (way,) = alice["ways"]
    assert (way["how"], way["verb"], way["resource"]) == ("token-secret", "watch", "secrets")
    assert way["through"][0] == "rolebinding media/helpdesk"
    assert [one["object"]["name"] for one in answer["consumers"]] == ["web", "once"]
    web = {"kind": "Deployment", "namespace": "media", "name": "web"}
    assert answer["consumers"][0] == {
        "object": web, "way": "env", "container": "c", "key": "word", "path": "WORD", "running": True, "certain": True,
    }  # fmt: skip
    assert "bm90" not in said.stdout
    assert said.stderr == ""


def test_nobody_is_an_answer(cluster: FakeCluster) -> None:
    said = Said(cluster, "cm/plain")
    assert (said.status, said.stdout) == (0, "nobody but Kubernetes itself can read configmap media/plain\n")


def test_a_name_that_two_kinds_have_must_say_which(cluster: FakeCluster) -> None:
    cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "key", "namespace": "media"}})
    with pytest.raises(UsageError, match="a ConfigMap key in media and a Secret") as refusal:
        Said(cluster, "key")
    assert "secret/key" in refusal.value.hints[0]
    assert Said(cluster, "secret/key").status == 0


def test_a_name_that_nothing_has_is_an_error_unless_the_kind_is_said(cluster: FakeCluster) -> None:
    """A Secret that is still to come has readers already."""
    with pytest.raises(HardenError, match="no ConfigMap and no Secret later in media"):
        Said(cluster, "later")
    said = Said(cluster, "secret/later")
    assert said.status == 0
    assert "secret media/later is not there: this is who could read it" in said.stderr


@pytest.mark.parametrize("name", ["pod/web", "/", "secret/", "", "a/b/c"])
def test_what_is_no_name_is_wrong_usage(cluster: FakeCluster, name: str) -> None:
    with pytest.raises(UsageError):
        Said(cluster, name)


def refuse(cluster: FakeCluster, verb: str, kind: str) -> None:
    """The API denies this from now on."""

    def deny(call: Call) -> None:
        if (call.method, call.name.kind) == (verb, kind):
            raise ClusterDeniedError(f"you may not {verb} {kind}")

    cluster.before.append(deny)


def test_kinds_that_may_not_be_listed_are_said(cluster: FakeCluster) -> None:
    """An answer that may lack ways says so, in JSON too."""
    refuse(cluster, "list", "Pod")
    said = Said(cluster, "secret/key", as_json=True)
    assert json.loads(said.stdout)["unseen"] == ["Pod"]
    assert "warning: you may not list Pods" in said.stderr


def test_kinds_of_users_that_may_not_be_listed_are_said(cluster: FakeCluster) -> None:
    refuse(cluster, "list", "Job")
    assert "warning: you may not list Jobs in media" in Said(cluster, "secret/key").stderr


def test_without_roles_there_is_no_answer(cluster: FakeCluster) -> None:
    refuse(cluster, "list", "Role")
    with pytest.raises(ClusterDeniedError):
        Said(cluster, "secret/key")


def test_an_object_that_may_not_be_read_has_readers_all_the_same(cluster: FakeCluster) -> None:
    refuse(cluster, "get", "Secret")
    assert "serviceaccount media/app" in Said(cluster, "secret/key").stdout
    with pytest.raises(ClusterDeniedError):
        Said(cluster, "key")


def test_names_are_data_on_the_terminal(cluster: FakeCluster) -> None:
    """A group may be called anything."""
    cluster.put(*given(Subject("Group", "x\x1b[2Jy"), rule("get", "secrets"), name="evil"))
    said = Said(cluster, "secret/key")
    assert "\x1b" not in said.stdout
    assert "group x" in said.stdout


def test_the_command_asks_a_real_cluster(api_server: Server) -> None:
    """Installed command, real server, its own roles and all."""
    namespace = api_server.admin.new_namespace("readers")
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {word: not for everybody}\n"
    api_server.admin.apply(
        secret, *given(ALICE, rule("get", "secrets", "key"), namespace=namespace), namespace=namespace
    )
    command = [sys.executable, "-c", "from harden.cli import main; main()", "secrets", "readers", "--json"]
    options = ["--kubeconfig", str(api_server.kubeconfig), "--namespace", namespace, "key"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, timeout=60, env=environment, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    names = {one["name"] for one in answer["subjects"]}
    assert {"alice", "system:masters", "generic-garbage-collector", "system:kube-controller-manager"} <= names
    assert "developers" not in names
    assert answer["unseen"] == []
