"""The ways that the search for readers counts are ways: a real API server lets them pass, and refuses the others."""

from typing import Any

import pytest
from cluster.api import Api, ApiError, until
from cluster.server import Server

from harden_secrets.cluster.port import ObjectName
from harden_secrets.rbac.authority import GROUP
from harden_secrets.rbac.estate import Estate
from harden_secrets.rbac.search import find_readers
from harden_secrets.rbac.subjects import Subject

Object = dict[str, Any]
EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
POD = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: c, image: registry.test/none}]}
"""
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {word: not for everybody}\n"


def let(server: Server, namespace: str, *rules: Object) -> tuple[Api, Subject]:
    """A user of that namespace alone with a Role `own` of these rules; waits until the Role counts."""
    user = f"user-of-{namespace}"
    marker = {"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["marker"]}
    metadata = {"name": "own"}
    role = {"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": metadata, "rules": [*rules, marker]}
    binding = {**role, "kind": "RoleBinding", "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "own"}}
    del binding["rules"]
    binding["subjects"] = [{"apiGroup": GROUP, "kind": "User", "name": user}]
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "marker"}}
    server.admin.apply(config_map, SECRET, role, binding, namespace=namespace)
    api = server.as_user(user)
    until("the role counts", lambda: api.send("GET", f"/api/v1/namespaces/{namespace}/configmaps/marker")[0] == 200)
    return api, Subject("User", user)


def hows(server: Server, namespace: str, subject: Subject) -> set[str]:
    """How the search says that a subject can read the Secret of :func:`let`."""
    kinds = [(f"{GROUP}/v1", kind) for kind in ("Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")]
    objects = [
        {**one, "apiVersion": version, "kind": kind}
        for version, kind in [*kinds, ("v1", "Pod")]
        for one in server.admin.list(version, kind)
    ]
    readers = find_readers(Estate(objects), ObjectName("v1", "Secret", namespace, "key")).readers
    return {way.how for reader in readers if reader.subject == subject for way in reader.ways}


def may_read(api: Api, namespace: str) -> bool:
    return api.send("GET", f"/api/v1/namespaces/{namespace}/secrets/key")[0] == 200


def role_rule(verbs: list[str], resources: list[str], names: list[str] | None = None) -> Object:
    rule = {"verbs": verbs, "apiGroups": [GROUP], "resources": resources}
    return rule if names is None else {**rule, "resourceNames": names}


def test_a_container_for_debugging_may_take_any_secret(api_server: Server) -> None:
    """The right to add one to a pod that sees nothing is enough: the server takes its variables from the Secret."""
    namespace = api_server.admin.new_namespace("ways")
    api_server.admin.apply(POD, namespace=namespace)
    rule = {"verbs": ["patch"], "apiGroups": [""], "resources": ["pods/ephemeralcontainers"]}
    api, subject = let(api_server, namespace, rule)
    assert hows(api_server, namespace, subject) == {"debug"}
    container = {"name": "d", "image": "registry.test/none", "envFrom": [{"secretRef": {"name": "key"}}]}
    path = f"/api/v1/namespaces/{namespace}/pods/web/ephemeralcontainers"
    patch = {"spec": {"ephemeralContainers": [container]}}
    answer = api.request("PATCH", path, patch, "application/strategic-merge-patch+json")
    assert answer["spec"]["ephemeralContainers"][0]["envFrom"] == [{"secretRef": {"name": "key"}}]


def test_whoever_escalates_its_own_role_reads(api_server: Server) -> None:
    """The verb escalate lets a user write into its Role what it has not; without it the server refuses."""
    namespace = api_server.admin.new_namespace("ways")
    api, subject = let(api_server, namespace, role_rule(["escalate", "patch", "get"], ["roles"]))
    assert hows(api_server, namespace, subject) == {"escalate"}
    assert not may_read(api, namespace)
    api.patch(f"{GROUP}/v1", "Role", "own", {"rules": [EVERYTHING]}, namespace)
    until("the new rules count", lambda: may_read(api, namespace))


def test_whoever_only_changes_its_own_role_does_not(api_server: Server) -> None:
    namespace = api_server.admin.new_namespace("ways")
    api, subject = let(api_server, namespace, role_rule(["patch", "update", "create"], ["roles", "rolebindings"]))
    assert hows(api_server, namespace, subject) == set()
    with pytest.raises(ApiError, match="403"):
        api.patch(f"{GROUP}/v1", "Role", "own", {"rules": [EVERYTHING]}, namespace)


@pytest.mark.parametrize("change", ["create", "patch"])
def test_whoever_binds_a_role_reads(api_server: Server, change: str) -> None:
    """By a new binding of a role for which it has the verb bind, or as a further subject of one that is there."""
    namespace = api_server.admin.new_namespace("ways")
    reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "admin"}
    theirs = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "theirs"},
        "roleRef": reference,
        "subjects": [{"apiGroup": GROUP, "kind": "User", "name": "somebody"}],
    }
    api_server.admin.apply(theirs, namespace=namespace)
    rules = [role_rule(["bind"], ["clusterroles"], ["admin"]), role_rule([change], ["rolebindings"])]
    api, subject = let(api_server, namespace, *rules)
    assert hows(api_server, namespace, subject) == {"bind"}
    me = {"apiGroup": GROUP, "kind": "User", "name": subject.name}
    if change == "create":
        api.create({**theirs, "metadata": {"name": "mine"}, "subjects": [me]}, namespace)
    else:
        api.patch(f"{GROUP}/v1", "RoleBinding", "theirs", {"subjects": [me]}, namespace)
    until("the binding counts", lambda: may_read(api, namespace))
