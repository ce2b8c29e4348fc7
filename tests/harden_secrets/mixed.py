"""Keys in every kind of object that a plan can move them from, used in every way: for runs that are cut off."""

from collections.abc import Sequence
from functools import cache

from harden_secrets.cluster.port import Manifest
from tests.harden_secrets.keys import ssh, symmetric
from tests.harden_secrets.simple_scene import scene
from tests.harden_secrets.stage import applied_by_kubectl, entries, workload


@cache
def keys() -> tuple[bytes, bytes, bytes, bytes, bytes]:
    """Made once in a test run: a git-crypt key and four SSH keys."""
    return symmetric.git_crypt(), ssh.openssh(), ssh.openssh(), ssh.openssh(), ssh.openssh()


def main_scene() -> list[Manifest]:
    """One key in four ConfigMaps, one in a Secret."""
    return scene(keys()[0], keys()[1])


def mixed() -> list[Manifest]:
    """A key beside what is no key, in an immutable ConfigMap, in a Secret, and in a literal variable."""
    return [*_beside_others(keys()[1]), *_immutable(keys()[2]), *_in_a_secret(keys()[3]), _literal(keys()[4])]


def _beside_others(key: bytes) -> Sequence[Manifest]:
    mounts = [{"name": "all", "mountPath": "/etc/web"}]
    env = [{"name": "LEVEL", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "level"}}}]
    container = {"volumeMounts": mounts, "env": env}
    return (
        applied_by_kubectl(entries("ConfigMap", "settings", {"deploy.pem": key, "level": b"info"})),
        workload("Deployment", "web", container, [{"name": "all", "configMap": {"name": "settings"}}]),
    )


def _immutable(key: bytes) -> Sequence[Manifest]:
    items = [{"key": "key", "path": "id"}, {"key": "note", "path": "readme"}]
    volume = {"name": "both", "projected": {"sources": [{"configMap": {"name": "fixed", "items": items}}]}}
    env = [{"name": "KEY", "valueFrom": {"configMapKeyRef": {"name": "fixed", "key": "key"}}}]
    container = {"volumeMounts": [{"name": "both", "mountPath": "/ssh"}], "env": env}
    return (
        entries("ConfigMap", "fixed", {"key": key, "note": b"for the database\n"}, immutable=True),
        workload("StatefulSet", "db", container, [volume]),
    )


def _in_a_secret(key: bytes) -> Sequence[Manifest]:
    container = {
        "envFrom": [{"prefix": "A_", "secretRef": {"name": "plain"}}],
        "volumeMounts": [{"name": "one", "mountPath": "/key", "subPath": "id"}],
    }
    return (
        entries("Secret", "plain", {"id": key, "user": b"deploy"}, type="Opaque"),
        workload("DaemonSet", "agent", container, [{"name": "one", "secret": {"secretName": "plain"}}]),
    )


def _literal(key: bytes) -> Manifest:
    env = [{"name": "A", "value": "a"}, {"name": "SSH_KEY", "value": key.decode()}]
    return applied_by_kubectl(workload("Deployment", "worker", {"env": env}))
