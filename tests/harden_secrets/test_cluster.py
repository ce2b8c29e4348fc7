"""The cluster that the other tests rely on: that it is a real one, and says no where a real one does."""

import base64
import socket
import subprocess
from pathlib import Path

import pytest
from cluster.api import ApiError, until
from cluster.programs import MissingProgramError, built, definitions
from cluster.server import Server
from cluster.workload import Cluster, container, deployment

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {word: not for everybody}\n"


def test_rbac_denies_who_has_no_role(api_server: Server) -> None:
    """A Secret that the administrator reads is refused to a user, a group and a ServiceAccount without roles."""
    namespace = api_server.admin.new_namespace()
    api_server.admin.apply(SECRET, namespace=namespace)
    assert api_server.admin.secret("key", namespace) == {"word": b"not for everybody"}
    for api in (api_server.as_user("eve", ["developers"]), api_server.as_account("default", namespace)):
        with pytest.raises(ApiError) as refusal:
            api.secret("key", namespace)
        assert refusal.value.status == 403


def test_a_cluster_of_ones_own_gives_users_too(cluster: Cluster, tmp_path: Path) -> None:
    """With nothing but an administrator's kubeconfig there are users in groups, whom RBAC treats as such."""
    own = Server(cluster.server.kubeconfig, tmp_path)
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    eve = own.as_user("eve", ["developers"])
    answer = eve.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
    who = answer["status"]["userInfo"]
    assert (who["username"], who["groups"]) == ("eve", ["developers", "system:authenticated"])
    assert not own.as_user("eve").may("get", "secrets", "default")


def test_what_is_not_built_is_named_with_what_builds_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A test that cannot start its cluster fails with the command to run."""
    monkeypatch.setenv("HARDEN_TEST_CLUSTER_BIN", str(tmp_path))
    with pytest.raises(MissingProgramError, match=r"kubelet: scripts/build-cluster\.sh builds it"):
        built("kubelet")
    with pytest.raises(MissingProgramError, match=r"external-secrets: scripts/build-cluster\.sh builds it"):
        definitions("external-secrets")


def test_rbac_allows_who_has_a_role(api_server: Server) -> None:
    """What a Role gives to a group, its members may, and no more."""
    namespace = api_server.admin.new_namespace()
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    api_server.admin.apply(
        SECRET,
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\ndata: {word: for the group}\n",
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "developers"},
            "roleRef": role,
            "subjects": [{"kind": "Group", "name": "developers", "apiGroup": role["apiGroup"]}],
        },
        namespace=namespace,
    )
    member = api_server.as_user("eve", ["developers"])
    until("the binding counts", lambda: member.may("get", "configmaps", namespace))
    assert member.get("v1", "ConfigMap", "plain", namespace)["data"] == {"word": "for the group"}
    with pytest.raises(ApiError, match="403"):
        member.secret("key", namespace)


def test_each_request_is_in_the_audit_log(api_server: Server) -> None:
    """The audit log tells who asked for what, and not the value."""
    namespace = api_server.admin.new_namespace()
    api_server.admin.apply(SECRET, namespace=namespace)
    with pytest.raises(ApiError, match="403"):
        api_server.as_user("mallory").secret("key", namespace)
    lines = [line for line in api_server.audit_log.read_text().splitlines() if '"mallory"' in line]
    assert any(f"/api/v1/namespaces/{namespace}/secrets/key" in line and '"code":403' in line for line in lines)
    assert "not for everybody" not in api_server.audit_log.read_text()


def git_crypt_key(folder: Path) -> bytes:
    """A key file as git-crypt itself makes it."""
    for command in (["git", "init", "-q"], ["git-crypt", "init"], ["git-crypt", "export-key", "../key"]):
        (folder / "origin").mkdir(exist_ok=True)
        subprocess.run(command, cwd=folder / "origin", check=True, timeout=30, capture_output=True)
    return (folder / "key").read_bytes()


def test_a_pod_unlocks_with_the_mounted_key(cluster: Cluster, tmp_path: Path) -> None:
    """A key under ``binaryData`` reaches the pod byte for byte, and `git-crypt unlock` takes it from there."""
    key = git_crypt_key(tmp_path)
    assert len(key) == 148
    held = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "git-crypt-key"},
        "binaryData": {"key": base64.b64encode(key).decode()},
    }
    script = (
        "set -e; cd /work; git init -q .; git commit -q --allow-empty -m first; git-crypt unlock /key/key; sleep 3600"
    )
    reader = container(["sh", "-ec", script], volumeMounts=[{"name": "key", "mountPath": "/key"}])
    volume = {"name": "key", "configMap": {"name": "git-crypt-key"}}
    with cluster.namespace() as namespace:
        cluster.admin.apply(held, deployment("reader", reader, volumes=[volume]), namespace=namespace)
        pod = cluster.wait_for_rollout(namespace, "reader")
        assert cluster.read(namespace, pod, "/key/key") == key
        read_back = ["sh", "-c", "cd /work && git-crypt export-key /dev/stdout"]
        assert cluster.run(namespace, pod, *read_back).stdout == key


def test_commands_in_pods_take_and_give_any_bytes(cluster: Cluster) -> None:
    """All bytes pass in both directions, the streams stay apart, and the exit status is told."""
    everything = bytes(range(256)) * 1000
    with cluster.namespace() as namespace:
        cluster.admin.apply(deployment("echo", container(["sleep", "3600"])), namespace=namespace)
        pod = cluster.wait_for_rollout(namespace, "echo")
        echoed = cluster.run(namespace, pod, "cat", stdin=everything)
        assert (echoed.status, echoed.stdout, echoed.stderr) == (0, everything, b"")
        failed = cluster.run(namespace, pod, "sh", "-c", "printf out; printf err >&2; exit 7")
        assert (failed.status, failed.stdout, failed.stderr) == (7, b"out", b"err")


def test_a_pod_asks_the_api_server_with_its_own_token(cluster: Cluster) -> None:
    """A script in a pod reaches the API server at the usual address, is who it is, and is refused what it may not."""
    script = """\
at=/var/run/secrets/kubernetes.io/serviceaccount
curl -sS --cacert $at/ca.crt -H "Authorization: Bearer $(cat $at/token)" -o /dev/null -w '%{http_code}' \\
    https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/$(cat $at/namespace)/configmaps/any
"""
    with cluster.namespace() as namespace:
        cluster.admin.apply(deployment("asker", container(["sleep", "3600"])), namespace=namespace)
        pod = cluster.wait_for_rollout(namespace, "asker")
        assert cluster.run(namespace, pod, "sh", "-c", script).stdout == b"403"


SERVER = """\
set -e
ssh-keygen -q -t ed25519 -N '' -f /tmp/host
cp /keys/authorized /tmp/authorized && chmod 600 /tmp/authorized
exec /usr/sbin/sshd -D -e -p 2222 -h /tmp/host -o AuthorizedKeysFile=/tmp/authorized -o StrictModes=no
"""


def test_a_pod_logs_in_to_a_real_sshd_in_another(cluster: Cluster, tmp_path: Path) -> None:
    """A mounted key of mode 0400 opens a session over the pods' network; the tests reach the same server."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True, timeout=30)
    held = {"private": (tmp_path / "key").read_text(), "authorized": (tmp_path / "key.pub").read_text()}
    keys = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": held}
    listens = {"tcpSocket": {"port": 2222}, "periodSeconds": 1}
    mounts = [{"name": "keys", "mountPath": "/keys"}]
    volumes = [{"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o400}}]
    with cluster.namespace() as namespace:
        sshd = container(["sh", "-c", SERVER], volumeMounts=mounts, readinessProbe=listens)
        server = deployment("server", sshd, volumes=volumes)
        client = deployment("client", container(["sleep", "3600"], volumeMounts=mounts), volumes=volumes)
        cluster.admin.apply(keys, server, client, namespace=namespace)
        pods = [cluster.wait_for_rollout(namespace, name) for name in ("server", "client")]
        address = cluster.admin.get("v1", "Pod", pods[0], namespace)["status"]["podIP"]
        options = ["-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes", "-p", "2222", "-i", "/keys/private"]
        login = ["ssh", *options, f"root@{address}", "cat /keys/authorized"]
        assert cluster.run(namespace, pods[1], *login).stdout.decode() == held["authorized"]
        with socket.create_connection(("127.0.0.1", cluster.reach(address, 2222)), timeout=10) as connection:
            assert connection.recv(8) == b"SSH-2.0-"


def test_a_mounted_secret_shows_its_new_value_soon(cluster: Cluster) -> None:
    """Kubelet here looks every two seconds, so that a test of refreshing need not wait for a minute."""
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: word}\nstringData: {word: WORD}\n"
    reader = container(["sleep", "3600"], volumeMounts=[{"name": "word", "mountPath": "/word"}])
    volume = {"name": "word", "secret": {"secretName": "word"}}
    with cluster.namespace() as namespace:
        first = secret.replace("WORD", "first")
        cluster.admin.apply(first, deployment("reader", reader, volumes=[volume]), namespace=namespace)
        pod = cluster.wait_for_rollout(namespace, "reader")
        assert cluster.read(namespace, pod, "/word/word") == b"first"
        cluster.admin.apply(secret.replace("WORD", "second"), namespace=namespace)
        until("the new value", lambda: cluster.read(namespace, pod, "/word/word") == b"second", 20)
