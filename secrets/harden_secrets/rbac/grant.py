"""The least right to one Secret: a Role limited to its name, and the binding of it.

Only for who asks the API server for the Secret. A pod that has it in a volume or a variable needs no right at all: its
kubelet reads it.
"""

from collections.abc import Iterable

from harden_secrets.cluster.marks import OWNED
from harden_secrets.cluster.port import Manifest
from harden_secrets.rbac.authority import GROUP
from harden_secrets.rbac.subjects import Subject

VERSION = f"{GROUP}/v1"


def role(secret: str, namespace: str) -> Manifest:
    """A Role that lets one Secret be read, and neither listed nor watched."""
    rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [secret], "verbs": ["get"]}
    return {"apiVersion": VERSION, "kind": "Role", "metadata": _metadata(secret, namespace), "rules": [rule]}


def role_binding(secret: str, namespace: str, subjects: Iterable[Subject]) -> Manifest:
    """The RoleBinding that gives :func:`role` to subjects, each once, in a stable order."""
    return {
        "apiVersion": VERSION,
        "kind": "RoleBinding",
        "metadata": _metadata(secret, namespace),
        "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": role_name(secret)},
        "subjects": [_entry(subject) for subject in sorted(set(subjects))],
    }


def role_name(secret: str) -> str:
    """How the Role and its binding are called."""
    return f"read-{secret}"


def _metadata(secret: str, namespace: str) -> dict[str, object]:
    return {"name": role_name(secret), "namespace": namespace, "labels": dict(OWNED)}


def _entry(subject: Subject) -> dict[str, str]:
    if subject.kind == "ServiceAccount":
        return {"kind": subject.kind, "name": subject.name, "namespace": subject.namespace}
    return {"apiGroup": GROUP, "kind": subject.kind, "name": subject.name}
