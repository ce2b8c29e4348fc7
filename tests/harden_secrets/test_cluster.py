"""The cluster that the other tests rely on: that it is a real one, and says no where a real one does."""

import pytest
from cluster.api import ApiError, until
from cluster.server import Server

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
