"""The main scene as objects: one git-crypt key in four ConfigMaps in two encodings, an SSH key in a plain Secret.

Two copies are base64 text in ``data`` (as Terraform's ``filebase64`` makes them), two are bytes in ``binaryData``. A
Deployment mounts one, which holds what is no secret too, and runs ``git-crypt unlock`` with it, a suspended CronJob has
one, which is immutable, by a subPath, a CI script asks the API server for one, and one is an orphan that nobody uses.
A pod logs in by SSH with the key in the Secret.
"""

import base64
from dataclasses import dataclass
from typing import Any

from cluster.workload import container, deployment

Manifest = dict[str, Any]

NAME = "git-crypt-key"
KEY_FOLDER = "/secrets/git-crypt"
KEY_FILE = f"{KEY_FOLDER}/key"
CLEAR_FILE = "/tmp/infra/credentials"  # in the unlocked repository
SSH_FILE = "/root/.ssh/id_ed25519"
DEVELOPERS = "developers"
REPOSITORIES = b"infra\n"  # lies beside a copy, and is no secret
SSH_CONFIG = b"Host devvm\n  Port 2222\n  StrictHostKeyChecking accept-new\n  UserKnownHostsFile /tmp/known_hosts\n"
SCRIPT = """\
#!/bin/sh
set -e
at=/var/run/secrets/kubernetes.io/serviceaccount
API=https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT
# the key of the repository
curl -sSf --cacert $at/ca.crt -H "Authorization: Bearer $(cat $at/token)" \\
  "$API/api/v1/namespaces/NAMESPACE/configmaps/git-crypt-key" | jq -r .data.key | base64 -d
"""
RUNNER = """\
set -e
git clone -q /repository/infra.bundle /tmp/infra
cd /tmp/infra
git-crypt unlock /secrets/git-crypt/key
exec sleep 1000000
"""
SSHD = """\
set -e
ssh-keygen -q -t ed25519 -N '' -f /tmp/host
cp /keys/authorized_keys /tmp/authorized_keys && chmod 600 /tmp/authorized_keys
syslogd -O /tmp/auth.log
exec /usr/sbin/sshd -D -p 2222 -h /tmp/host -o AuthorizedKeysFile=/tmp/authorized_keys -o StrictModes=no
"""
LOGIN = ("ssh", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ControlPath=none", "devvm", "echo welcome")


@dataclass(frozen=True)
class Places:
    """The scene's namespaces. Their names differ from those of another scene in the same cluster."""

    suffix: str

    @property
    def ci(self) -> str:
        """Has the copy, as text, that a CI script asks for."""
        return f"woodpecker-{self.suffix}"

    @property
    def orphan(self) -> str:
        """Has a copy, as text, that nobody uses."""
        return f"openclaw-{self.suffix}"

    @property
    def runner(self) -> str:
        """Has a copy, in bytes, and the Deployment `runner`."""
        return f"agent-{self.suffix}"

    @property
    def backup(self) -> str:
        """Has a copy, in bytes, and the CronJob `backup`."""
        return f"hermes-{self.suffix}"

    @property
    def ssh(self) -> str:
        """Has the SSH key, the Deployment `bastion` and the Deployment `devvm` that it logs in to."""
        return f"bastion-{self.suffix}"

    def all(self) -> tuple[str, ...]:
        return self.ci, self.orphan, self.runner, self.backup, self.ssh

    def with_copies(self) -> tuple[str, ...]:
        """Those in which the git-crypt key lies."""
        return self.all()[:-1]

    @property
    def script(self) -> str:
        """The CI script; it prints the key."""
        return SCRIPT.replace("NAMESPACE", self.ci)


def scene(places: Places, git_crypt_key: bytes, ssh_key: bytes, bundle: bytes, authorized: bytes) -> list[Manifest]:
    """Every object but the `bastion`, who has to know the address of `devvm`; namespaces first."""
    return [
        *({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in places.all()),
        config_map(places.ci, NAME, text=git_crypt_key),
        config_map(places.orphan, NAME, text=git_crypt_key),
        config_map(places.runner, NAME, binary=git_crypt_key, repositories=REPOSITORIES),
        config_map(places.backup, NAME, binary=git_crypt_key) | {"immutable": True},
        config_map(places.runner, "repository", **{"infra.bundle": bundle}),
        *(rights for name in places.with_copies() for rights in may_read(name, {"kind": "Group", "name": DEVELOPERS})),
        *ci_agent(places.ci),
        runner(places.runner),
        backup(places.backup),
        ssh_secret(places.ssh, ssh_key),
        config_map(places.ssh, "authorized-keys", authorized_keys=authorized),
        devvm(places.ssh),
    ]


def config_map(namespace: str, name: str, *, text: bytes = b"", binary: bytes = b"", **more: bytes) -> Manifest:
    """A copy of the key, as base64 text or as bytes, and what else there is, as bytes."""
    entries = more | ({"key": binary} if binary else {})
    data = {"data": {"key": base64.b64encode(text).decode()}} if text else {}
    raw = {"binaryData": {key: base64.b64encode(value).decode() for key, value in entries.items()}} if entries else {}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, **data, **raw}


def may_read(namespace: str, subject: Manifest, *, name: str = "configmap-reader") -> tuple[Manifest, Manifest]:
    """A Role for every ConfigMap of the namespace, as people are given it, and its binding."""
    metadata, group = {"name": name, "namespace": namespace}, "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}]
    subjects = [subject if subject["kind"] == "ServiceAccount" else subject | {"apiGroup": group}]
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": rules}
    reference = {"apiGroup": group, "kind": "Role", "name": name}
    kind = {"apiVersion": f"{group}/v1", "kind": "RoleBinding"}
    return role, {**kind, "metadata": metadata, "roleRef": reference, "subjects": subjects}


def ci_agent(namespace: str) -> list[Manifest]:
    """Where the CI script runs, and as whom."""
    account = {"kind": "ServiceAccount", "name": "ci", "namespace": namespace}
    agent = deployment("ci", container(["sleep", "1000000"]), serviceAccountName="ci")
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "ci", "namespace": namespace}},
        *may_read(namespace, account, name="ci"),
        _in(namespace, agent),
    ]


def runner(namespace: str) -> Manifest:
    """Mounts the key and unlocks a repository with it; ready when that worked."""
    worker = container(
        ["sh", "-c", RUNNER],
        "runner",
        volumeMounts=[
            {"name": "key", "mountPath": KEY_FOLDER, "readOnly": True},
            {"name": "repository", "mountPath": "/repository"},
        ],
        readinessProbe={"exec": {"command": ["grep", "-q", "clear", CLEAR_FILE]}, "periodSeconds": 1},
    )
    volumes = [
        {"name": "key", "configMap": {"name": NAME, "defaultMode": 256}},
        {"name": "repository", "configMap": {"name": "repository"}},
    ]
    return _in(namespace, deployment("runner", worker, volumes=volumes))


def backup(namespace: str) -> Manifest:
    """Suspended, and has the key as one file by a subPath."""
    worker = container(["sha256sum", "/key"], volumeMounts=[{"name": "key", "mountPath": "/key", "subPath": "key"}])
    pod = {
        "restartPolicy": "Never",
        "containers": [worker],
        "volumes": [{"name": "key", "configMap": {"name": NAME}}],
    }
    spec = {"schedule": "0 3 * * *", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    return _in(namespace, {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "backup"}, "spec": spec})


def job_of(cron_job: Manifest, name: str) -> Manifest:
    """What ``kubectl create job --from=cronjob/backup`` makes."""
    metadata = {"name": name, "namespace": cron_job["metadata"]["namespace"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": cron_job["spec"]["jobTemplate"]["spec"],
    }


def ssh_secret(namespace: str, key: bytes) -> Manifest:
    """An SSH private key in a plain Secret, beside what is no secret."""
    entries = {"id_ed25519": key, "config": SSH_CONFIG}
    data = {name: base64.b64encode(value).decode() for name, value in entries.items()}
    metadata = {"name": "ssh-key", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def devvm(namespace: str) -> Manifest:
    """A real sshd that knows the public half."""
    listens = {"tcpSocket": {"port": 2222}, "periodSeconds": 1}
    mounts = [{"name": "keys", "mountPath": "/keys"}]
    server = container(["sh", "-c", SSHD], volumeMounts=mounts, readinessProbe=listens)
    keys = {"name": "keys", "configMap": {"name": "authorized-keys"}}
    return _in(namespace, deployment("devvm", server, volumes=[keys]))


def bastion(namespace: str, address: str) -> Manifest:
    """Logs in to `devvm` with the key; does not stay up if it cannot."""
    command = f"set -e; {' '.join(LOGIN[:-1])} true; touch /tmp/was-in; exec sleep 1000000"
    worker = container(
        ["sh", "-c", command],
        volumeMounts=[{"name": "ssh", "mountPath": "/root/.ssh"}],
        readinessProbe={"exec": {"command": ["test", "-e", "/tmp/was-in"]}, "periodSeconds": 1},
    )
    made = deployment(
        "bastion",
        worker,
        volumes=[{"name": "ssh", "secret": {"secretName": "ssh-key", "defaultMode": 256}}],
        hostAliases=[{"ip": address, "hostnames": ["devvm"]}],
    )
    return _in(namespace, made)


def _in(namespace: str, manifest: Manifest) -> Manifest:
    return manifest | {"metadata": manifest["metadata"] | {"namespace": namespace}}
