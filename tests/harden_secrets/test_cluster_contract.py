"""What the port promises of a cluster, of a real API server and of the one in memory alike."""

import base64
from typing import Any

import pytest
from cluster.api import until

from harden_secrets.cluster.port import (
    AccessQuestion,
    AlreadyExistsError,
    ConflictError,
    Manifest,
    MissingError,
    ObjectName,
    RefusedError,
)
from tests.harden_secrets.cluster_pair import Pair, api

__all__ = ["api"]


def config_map(api: Pair, name: str = "plain", **fields: Any) -> Manifest:
    metadata = {"name": name, "namespace": api.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "old"}} | fields


def secret(api: Pair, name: str = "sealed", **fields: Any) -> Manifest:
    data = {"key": base64.b64encode(b"\0\xff binary").decode()}
    metadata = {"name": name, "namespace": api.namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data} | fields


def test_create_gives_what_the_server_stored(api: Pair) -> None:
    """A created object comes back with uid and resourceVersion, and get and list give the same."""
    made = api.cluster.create(config_map(api))
    assert made["metadata"]["uid"]
    assert made["metadata"]["resourceVersion"]
    assert api.cluster.get(ObjectName.of(made)) == made
    assert [ObjectName.of(one) for one in api.cluster.list("v1", "ConfigMap", api.namespace)] == [ObjectName.of(made)]


def test_a_second_create_says_that_it_exists(api: Pair) -> None:
    """AlreadyExistsError, which is a ConflictError; the first one stays as it is."""
    made = api.cluster.create(config_map(api))
    with pytest.raises(AlreadyExistsError, match=f"{api.namespace}/plain"):
        api.cluster.create(config_map(api, data={"key": "other"}))
    assert api.cluster.get(ObjectName.of(made)) == made


def test_dry_runs_change_nothing(api: Pair) -> None:
    """Each write gives the object as it would be, and the server holds what it held."""
    name = ObjectName.of(config_map(api))
    assert api.cluster.create(config_map(api), dry_run=True)["data"] == {"key": "old"}
    assert api.cluster.get(name) is None
    made = api.cluster.create(config_map(api))
    patch = [{"op": "replace", "path": "/data/key", "value": "new"}]
    assert api.cluster.patch(name, patch, dry_run=True)["data"] == {"key": "new"}
    assert api.cluster.replace({**made, "data": {}}, dry_run=True).get("data", {}) == {}
    assert api.cluster.get(name) == made


def test_replace_needs_the_version_that_is_there(api: Pair) -> None:
    """With an older version it is a conflict, without any it is refused, with the current one it is done."""
    made = api.cluster.create(config_map(api))
    newer = api.cluster.replace({**made, "data": {"key": "new"}})
    assert newer["metadata"]["resourceVersion"] != made["metadata"]["resourceVersion"]
    with pytest.raises(ConflictError):
        api.cluster.replace({**made, "data": {"key": "late"}})
    with pytest.raises(RefusedError):
        api.cluster.replace(config_map(api))
    assert api.cluster.get(ObjectName.of(made)) == newer


def test_a_patch_whose_test_fails_is_a_conflict(api: Pair) -> None:
    """Of the version, of a value, of what is not there: ConflictError, and nothing of the patch is done."""
    made = api.cluster.create(config_map(api))
    name = ObjectName.of(made)
    for path, value in (("/metadata/resourceVersion", "1"), ("/data/key", "other"), ("/data/absent", "x")):
        with pytest.raises(ConflictError):
            api.cluster.patch(
                name, [{"op": "test", "path": path, "value": value}, {"op": "remove", "path": "/data/key"}]
            )
    assert api.cluster.get(name) == made


def test_a_patch_whose_tests_hold_is_done(api: Pair) -> None:
    """All its operations in one step."""
    made = api.cluster.create(config_map(api))
    version = made["metadata"]["resourceVersion"]
    patched = api.cluster.patch(
        ObjectName.of(made),
        [
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "test", "path": "/data/key", "value": "old"},
            {"op": "remove", "path": "/data/key"},
            {"op": "add", "path": "/data/other", "value": "new"},
            {"op": "add", "path": "/metadata/annotations", "value": {"example.com/a": "1"}},
            {"op": "remove", "path": "/metadata/annotations/example.com~1a"},
            {"op": "add", "path": "/metadata/annotations/example.com~1b", "value": "2"},
        ],
    )
    assert patched["data"] == {"other": "new"}
    assert patched["metadata"]["annotations"] == {"example.com/b": "2"}


def test_a_patch_that_does_not_apply_is_a_conflict(api: Pair) -> None:
    """To remove what is not there: the object is not the one that the patch was made for."""
    name = ObjectName.of(api.cluster.create(config_map(api)))
    with pytest.raises(ConflictError):
        api.cluster.patch(name, [{"op": "remove", "path": "/data/absent"}])


def test_a_patch_may_replace_what_is_not_there(api: Pair) -> None:
    """Contrary to RFC 6902 the server then adds it: what must be there needs a test before."""
    name = ObjectName.of(api.cluster.create(config_map(api)))
    patched = api.cluster.patch(name, [{"op": "replace", "path": "/data/absent", "value": "new"}])
    assert patched["data"] == {"key": "old", "absent": "new"}


def test_an_update_that_changes_nothing_keeps_the_version(api: Pair) -> None:
    """Twice the same patch: the second changes nothing, the version included."""
    name = ObjectName.of(api.cluster.create(config_map(api)))
    patch = [{"op": "replace", "path": "/data/key", "value": "new"}]
    assert api.cluster.patch(name, patch) == api.cluster.patch(name, patch)


def test_delete_takes_only_the_very_object(api: Pair) -> None:
    """Another uid or version is a conflict; gone already is fine."""
    made = api.cluster.create(config_map(api))
    name, uid = ObjectName.of(made), made["metadata"]["uid"]
    with pytest.raises(ConflictError):
        api.cluster.delete(name, uid="00000000-0000-4000-8000-000000000000")
    api.cluster.patch(name, [{"op": "replace", "path": "/data/key", "value": "new"}])
    with pytest.raises(ConflictError):
        api.cluster.delete(name, uid=uid, resource_version=made["metadata"]["resourceVersion"])
    api.cluster.delete(name, uid=uid)
    assert api.cluster.get(name) is None
    api.cluster.delete(name, uid=uid)


def test_what_is_not_there(api: Pair) -> None:
    """get gives None, patch and replace raise MissingError, and so does any call for a kind that is unknown."""
    name = ObjectName("v1", "ConfigMap", api.namespace, "absent")
    unknown = ObjectName("unheard.example/v1", "Thing", api.namespace, "x")
    assert api.cluster.get(name) is None
    with pytest.raises(MissingError):
        api.cluster.patch(name, [{"op": "add", "path": "/data", "value": {}}])
    with pytest.raises(MissingError):
        api.cluster.replace(
            config_map(api, metadata={"name": "absent", "namespace": api.namespace, "resourceVersion": "1"})
        )
    with pytest.raises(MissingError, match="Thing"):
        api.cluster.get(unknown)
    with pytest.raises(MissingError, match="Thing"):
        list(api.cluster.list("unheard.example/v1", "Thing"))
    with pytest.raises(MissingError, match="no-such-namespace"):
        api.cluster.create(config_map(api, metadata={"name": "x", "namespace": "no-such-namespace"}))


def test_a_secret_keeps_its_type(api: Pair) -> None:
    """RefusedError for another type (fact 18)."""
    name = ObjectName.of(api.cluster.create(secret(api)))
    with pytest.raises(RefusedError, match="type"):
        api.cluster.patch(name, [{"op": "replace", "path": "/type", "value": "example.com/other"}])


def test_a_typed_secret_needs_its_keys(api: Pair) -> None:
    """kubernetes.io/ssh-auth without ssh-privatekey is refused."""
    with pytest.raises(RefusedError, match="ssh-privatekey"):
        api.cluster.create(secret(api, type="kubernetes.io/ssh-auth"))


def test_string_data_comes_back_as_data(api: Pair) -> None:
    """stringData is written only: the server keeps data."""
    made = api.cluster.create(secret(api, stringData={"word": "plain"}))
    assert "stringData" not in made
    assert base64.b64decode(made["data"]["word"]) == b"plain"
    assert base64.b64decode(made["data"]["key"]) == b"\0\xff binary"


@pytest.mark.parametrize("make", [config_map, secret])
def test_immutable_objects_can_only_be_replaced_by_another(api: Pair, make: Any) -> None:
    """Neither a value nor the mark can be changed; delete and create is the way (fact 18)."""
    made = api.cluster.create(make(api, immutable=True))
    name = ObjectName.of(made)
    for patch in ({"op": "remove", "path": "/data/key"}, {"op": "remove", "path": "/immutable"}):
        with pytest.raises(RefusedError):
            api.cluster.patch(name, [patch])
    api.cluster.delete(name, uid=made["metadata"]["uid"])
    again = api.cluster.create(make(api))
    assert again["metadata"]["uid"] != made["metadata"]["uid"]


def test_too_large_is_refused(api: Pair) -> None:
    """More than 1 MiB in an object: RefusedError that does not quote it."""
    value = "0123456789abcdef" * 70_000
    with pytest.raises(RefusedError) as refused:
        api.cluster.create(config_map(api, data={"key": value}))
    assert value[:16] not in str(refused.value)


def test_binary_data_is_kept_exactly(api: Pair) -> None:
    """148 bytes of every value come back as they were."""
    content = base64.b64encode(bytes(range(108, 256))).decode()
    made = api.cluster.create(config_map(api, binaryData={"raw": content}))
    assert made["binaryData"] == {"raw": content}


def test_placement_is_checked(api: Pair) -> None:
    """A namespaced kind without a namespace is refused before it could land somewhere."""
    with pytest.raises(RefusedError, match="namespace"):
        api.cluster.create(config_map(api, metadata={"name": "x"}))


def test_list_is_limited_to_a_namespace_or_not(api: Pair) -> None:
    """In one namespace only its objects, in all of them those of others too; each names its kind."""
    api.cluster.create(config_map(api, "one"))
    everywhere = list(api.cluster.list("v1", "Namespace"))
    assert {one["kind"] for one in everywhere} == {"Namespace"}
    assert {one["metadata"]["name"] for one in everywhere} >= {"default", api.namespace}
    here = [ObjectName.of(one) for one in api.cluster.list("v1", "ConfigMap", api.namespace)]
    assert here == [ObjectName("v1", "ConfigMap", api.namespace, "one")]
    assert ObjectName("v1", "ConfigMap", api.namespace, "one") in map(
        ObjectName.of, api.cluster.list("v1", "ConfigMap")
    )


def test_custom_kinds_come_with_their_definition(api: Pair) -> None:
    """Not known before it, and known after it, also to a client that asked before."""
    group = f"{api.namespace}.example"
    name = ObjectName(f"{group}/v1", "Widget", api.namespace, "w")
    with pytest.raises(MissingError):
        api.cluster.get(name)
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
    api.cluster.create(definition)
    made = created_when_known(api, {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": metadata_of(name)})
    assert api.cluster.get(name) == made
    assert any(one.kind == "Widget" and one.plural == "widgets" for one in api.cluster.resources())


def metadata_of(name: ObjectName) -> dict[str, str]:
    return {"name": name.name, "namespace": name.namespace}


def created_when_known(api: Pair, manifest: Manifest) -> Manifest:
    """The server serves a new kind a moment after it has its definition."""
    made: list[Manifest] = []

    def attempt() -> bool:
        try:
            made.append(api.cluster.create(manifest))
        except MissingError:
            return False
        return True

    until("the new kind is served", attempt)
    return made[0]


def test_resources_say_what_may_be_listed(api: Pair) -> None:
    """Every kind once, with its plural, place and verbs."""
    found = {(one.api_version, one.kind): one for one in api.cluster.resources()}
    secrets = found["v1", "Secret"]
    assert (secrets.plural, secrets.namespaced) == ("secrets", True)
    assert {"get", "list", "create", "delete"} <= secrets.verbs
    assert not found["v1", "Namespace"].namespaced
    assert "list" not in found["authorization.k8s.io/v1", "SubjectAccessReview"].verbs


def test_allowed_asks_the_authorisers(api: Pair) -> None:
    """The administrator may; the fake says what its test says."""
    question = AccessQuestion("someone", ("system:masters",), "get", "", "secrets", api.namespace, "x")
    assert api.cluster.allowed(question)
