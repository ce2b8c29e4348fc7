"""The main scene in small, for clusters in memory: one git-crypt key in four ConfigMaps, an SSH key in a Secret.

Two copies are base64 text in ``data`` (as Terraform's ``filebase64`` makes them), two are bytes in ``binaryData``. A
Deployment mounts one and runs ``git-crypt unlock``, a suspended CronJob has one by a subPath, a CI script asks the API
server for one, and one is an orphan that nobody uses. A pod logs in by SSH with the key in the Secret.
"""

import base64
from typing import Any

Manifest = dict[str, Any]

IMAGE = "harden.test/tools:1"
NAME = "git-crypt-key"
SCRIPT = (
    "#!/bin/sh\n"
    'curl -sk -H "Authorization: Bearer $TOKEN" '
    '"$API/api/v1/namespaces/woodpecker/configmaps/git-crypt-key" | jq -r .data.key | base64 -d > key\n'
)


def scene(git_crypt_key: bytes, ssh_key: bytes, *, ssh_command: str = "sleep 1000000") -> list[Manifest]:
    """Every object of the scene, namespaces first."""
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        for name in ("woodpecker", "openclaw", "agent", "hermes", "bastion")
    ]
    return [
        *namespaces,
        config_map("woodpecker", text=git_crypt_key),
        config_map("openclaw", text=git_crypt_key),
        config_map("agent", binary=git_crypt_key),
        config_map("hermes", binary=git_crypt_key),
        deployment("agent"),
        cron_job("hermes"),
        ssh_secret(ssh_key),
        bastion(ssh_command),
    ]


def config_map(namespace: str, *, text: bytes = b"", binary: bytes = b"") -> Manifest:
    """A copy of the key, as base64 text or as bytes."""
    data = {"data": {"key": base64.b64encode(text).decode()}} if text else {}
    raw = {"binaryData": {"key": base64.b64encode(binary).decode()}} if binary else {}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": namespace}, **data, **raw}


def deployment(namespace: str) -> Manifest:
    """Mounts the key and unlocks a repository with it, again and again, as a runner does."""
    command = "while :; do cat /secrets/git-crypt/key > /dev/null; sleep 5; done"
    pod = {
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "runner",
                "image": IMAGE,
                "imagePullPolicy": "Never",
                "command": ["sh", "-c", command],
                "volumeMounts": [{"name": "key", "mountPath": "/secrets/git-crypt", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "key", "configMap": {"name": NAME, "defaultMode": 256}}],
    }
    labels = {"app": "runner"}
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    metadata = {"name": "runner", "namespace": namespace}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def cron_job(namespace: str) -> Manifest:
    """Suspended, and has the key as one file by a subPath."""
    pod = {
        "restartPolicy": "Never",
        "containers": [
            {
                "name": "backup",
                "image": IMAGE,
                "imagePullPolicy": "Never",
                "command": ["sha256sum", "/key"],
                "volumeMounts": [{"name": "key", "mountPath": "/key", "subPath": "key"}],
            }
        ],
        "volumes": [{"name": "key", "configMap": {"name": NAME}}],
    }
    spec = {"schedule": "0 3 * * *", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    metadata = {"name": "backup", "namespace": namespace}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": spec}


def ssh_secret(key: bytes) -> Manifest:
    """An SSH private key in a plain Secret, beside what is no secret."""
    data = {"id_ed25519": base64.b64encode(key).decode(), "config": base64.b64encode(b"Host *\n").decode()}
    metadata = {"name": "ssh-key", "namespace": "bastion"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def bastion(command: str) -> Manifest:
    """Logs in somewhere with the key."""
    pod = {
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "ssh",
                "image": IMAGE,
                "imagePullPolicy": "Never",
                "command": ["sh", "-c", command],
                "volumeMounts": [{"name": "ssh", "mountPath": "/root/.ssh"}],
            }
        ],
        "volumes": [{"name": "ssh", "secret": {"secretName": "ssh-key", "defaultMode": 256}}],
    }
    labels = {"app": "bastion"}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}
    metadata = {"name": "bastion", "namespace": "bastion"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
