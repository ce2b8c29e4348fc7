"""What only a real cluster can show: commands in containers, admission, the authorisers' own answer."""

import base64
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cluster.api import until
from cluster.server import Server
from cluster.workload import Cluster, container

from harden_secrets.cluster.opening import open_cluster
from harden_secrets.cluster.port import (
    AccessQuestion,
    ClusterDeniedError,
    ClusterError,
    ClusterUnavailableError,
    MissingError,
    ObjectName,
    RefusedError,
)
from tests.harden_secrets.cluster_pair import real_cluster

EVERY_BYTE = bytes(range(256)) * 600  # more than one frame, and no text in any encoding


@pytest.fixture(scope="module")
def pod(cluster: Cluster) -> Iterator[ObjectName]:
    """A running pod that has every byte in a file."""
    with cluster.namespace() as namespace:
        metadata = {"name": "bytes", "namespace": namespace}
        content = {"all": base64.b64encode(EVERY_BYTE).decode()}
        cluster.admin.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "binaryData": content})
        main = container(["sleep", "3600"], volumeMounts=[{"name": "v", "mountPath": "/v"}])
        volumes = [{"name": "v", "configMap": {"name": "bytes"}}]
        spec = {"containers": [main], "volumes": volumes, "terminationGracePeriodSeconds": 0}
        cluster.admin.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        cluster.wait_for_pod(namespace, "bytes", seconds=120)
        yield ObjectName("v1", "Pod", namespace, "bytes")


def test_output_is_exact_to_the_byte(cluster: Cluster, pod: ObjectName) -> None:
    """Bytes that are no text come as they are, and the two streams apart."""
    api = real_cluster(cluster.server)
    done = api.execute(pod, "main", ["sh", "-c", "cat /v/all; printf '\\377\\376' >&2"])
    assert (done.status, done.stdout, done.stderr) == (0, EVERY_BYTE, b"\xff\xfe")


def test_words_reach_the_command_as_they_are(cluster: Cluster, pod: ObjectName) -> None:
    """There is no shell in between."""
    words = ["a b", "$HOME", "'\"", "x&command=y", "ä\n"]
    done = real_cluster(cluster.server).execute(pod, "main", ["printf", "%s|", *words])
    assert done.stdout == "".join(f"{word}|" for word in words).encode()


def test_the_exit_status(cluster: Cluster, pod: ObjectName) -> None:
    """It is the command's own."""
    assert real_cluster(cluster.server).execute(pod, "main", ["sh", "-c", "exit 42"]).status == 42


def test_a_command_that_is_not_there(cluster: Cluster, pod: ObjectName) -> None:
    """An error in the words of who tried to start it, and no status of a command that never ran."""
    with pytest.raises(ClusterError, match="/no/such/program"):
        real_cluster(cluster.server).execute(pod, "main", ["/no/such/program"])


def test_a_command_that_does_not_end(cluster: Cluster, pod: ObjectName) -> None:
    """The limit of time holds."""
    begun = time.monotonic()
    with pytest.raises(ClusterUnavailableError, match="did not end within 1 seconds"):
        real_cluster(cluster.server).execute(pod, "main", ["sleep", "60"], seconds=1)
    assert time.monotonic() - begun < 15


def test_no_such_container_or_pod(cluster: Cluster, pod: ObjectName) -> None:
    """Each in the server's words."""
    api = real_cluster(cluster.server)
    with pytest.raises(RefusedError, match="other"):
        api.execute(pod, "other", ["true"])
    with pytest.raises(MissingError, match="absent"):
        api.execute(ObjectName("v1", "Pod", pod.namespace, "absent"), "main", ["true"])


def test_who_may_not_execute(cluster: Cluster, pod: ObjectName) -> None:
    """403, with the right that is missing."""
    api = open_cluster(cluster.server.kubeconfig_for("eve"), None, {}, pytest.fail)
    with pytest.raises(ClusterDeniedError) as caught:
        api.execute(pod, "main", ["true"])
    assert caught.value.hints == (f"this needs the right to create on pods/exec in namespace {pod.namespace}",)


def test_an_admission_policy_that_refuses(api_server: Server) -> None:
    """Its own words are told, those of the value that it quotes are not."""
    api = real_cluster(api_server)
    namespace = api_server.admin.new_namespace()
    value = "correct horse battery staple"
    api_server.admin.apply(*refusing(namespace))

    def refused() -> Any:
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": namespace}}
        try:
            api.create({**manifest, "data": {"key": value}}, dry_run=True)
        except RefusedError as error:
            return error
        return None

    message = str(until("the policy is in force", refused))
    assert "no keys in here" in message
    assert "correct horse" not in message


def refusing(namespace: str) -> list[dict[str, Any]]:
    version, name = "admissionregistration.k8s.io/v1", f"refuse.{namespace}"
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    only = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    validation = {"expression": "false", "messageExpression": "'no keys in here: ' + object.data['key']"}
    return [
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": [validation]},
        },
        {
            "apiVersion": version,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": only}},
        },
    ]


def test_a_webhook_that_is_not_there(api_server: Server) -> None:
    """Its failure is the server's: 500, told with the webhook's name."""
    namespace = api_server.admin.new_namespace()
    hook = {
        "name": f"{namespace}.example.com",
        "clientConfig": {"url": "https://127.0.0.1:1/none"},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    version, kind = "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration"
    api_server.admin.apply({"apiVersion": version, "kind": kind, "metadata": {"name": namespace}, "webhooks": [hook]})
    api = real_cluster(api_server)

    def failed() -> Any:
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x", "namespace": namespace}}
        try:
            api.create(manifest)
        except ClusterUnavailableError as error:
            return error
        return None

    assert f"{namespace}.example.com" in str(until("the webhook is asked", failed))


def test_a_part_of_the_api_that_is_dead(api_server: Server) -> None:
    """An APIService without a server does not keep the other kinds from being found."""
    group = "dead.harden.example"
    spec = {
        "group": group,
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"namespace": "default", "name": "no-such-service"},
        "insecureSkipTLSVerify": True,
    }
    name = f"v1.{group}"
    api_server.admin.apply(
        {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name}, "spec": spec}
    )
    try:
        warnings: list[str] = []
        api = open_cluster(api_server.kubeconfig, None, {}, warnings.append)

        def seen() -> bool:
            warnings.clear()
            assert any(one.kind == "Secret" for one in api.resources())
            return bool(warnings)

        until("the dead part is in discovery", seen)
        assert f"{group}/v1" in warnings[0]
    finally:
        api_server.admin.delete("apiregistration.k8s.io/v1", "APIService", name, None)


def test_allowed_is_what_the_authorisers_say(api_server: Server) -> None:
    """Yes for the group of administrators, no for somebody without a role; who may not ask is told so."""
    api = real_cluster(api_server)
    namespace = api_server.admin.new_namespace()
    assert api.allowed(AccessQuestion("boss", ("system:masters",), "get", "", "secrets", namespace, "x"))
    assert not api.allowed(AccessQuestion("eve", (), "get", "", "secrets", namespace, "x"))
    with pytest.raises(ClusterDeniedError, match="subjectaccessreviews"):
        open_cluster(api_server.kubeconfig_for("eve"), None, {}, pytest.fail).allowed(
            AccessQuestion("eve", (), "get", "", "secrets")
        )


def test_many_objects_come_in_pages(api_server: Server) -> None:
    """More than a page of them, each once."""
    namespace = api_server.admin.new_namespace()
    names = [f"c{number:03}" for number in range(270)]
    for name in names:
        metadata = {"name": name, "namespace": namespace}
        api_server.admin.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    found = real_cluster(api_server).list("v1", "ConfigMap", namespace)
    assert [one["metadata"]["name"] for one in found] == names
