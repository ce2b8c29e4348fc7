"""Where a plan could go wrong by a byte or by a reader: each of these is decided, and said."""

import base64
from typing import Any

import pytest

from harden_secrets.inventory.terms import object_fault
from harden_secrets.objectpatch import applied, untrue
from harden_secrets.plan import naming
from harden_secrets.plan.cluster import build
from harden_secrets.plan.file import as_text
from harden_secrets.plan.values import ConsumerChange, Plan, PlannedSecret
from harden_secrets.plan.world import Request
from tests.harden_secrets.keys import ssh, symmetric
from tests.harden_secrets.stage import entries, workload
from tests.harden_secrets.test_plan_cluster import world

RBAC = "rbac.authorization.k8s.io"


@pytest.fixture(scope="module")
def key() -> bytes:
    return ssh.openssh()


@pytest.fixture(scope="module")
def raw() -> bytes:
    return symmetric.git_crypt()


def planned(*objects: dict[str, Any], script: str = "", **request: Any) -> Plan:
    return build(world(list(objects), script), Request(**request), "p", "now")


def only(plan: Plan) -> PlannedSecret:
    (secret,) = plan.secrets
    return secret


def change(plan: Plan) -> ConsumerChange:
    (made,) = only(plan).consumers
    return made


def binary(raw: bytes, **data: str) -> dict[str, Any]:
    """A ConfigMap with a key in ``binaryData``."""
    return entries("ConfigMap", "c", {}) | {"data": data, "binaryData": {"key": base64.b64encode(raw).decode()}}


def test_a_secret_gives_who_asks_for_it_what_it_gave(raw: bytes) -> None:
    """An entry that is base64 text stays text: its reader undoes the API's base64 and then the text's own."""
    secret = entries("Secret", "s", {"key": base64.b64encode(raw)})
    plan = planned(secret, script="kubectl -n apps get secret s -o jsonpath='{.data.key}' | base64 -d | base64 -d\n")
    (delivery,) = only(plan).deliveries
    assert [(one.key, one.form) for one in delivery.keys] == [("key", "base64")]


@pytest.mark.parametrize(
    ("field", "words"),
    [("data", "undo base64 once more"), ("binaryData", "read .data instead of .binaryData")],
)
def test_a_script_that_would_see_another_answer_is_not_rewritten(
    field: str, words: str, key: bytes, raw: bytes
) -> None:
    """Not even where harden may rewrite scripts: more than a name has to change."""
    held = entries("ConfigMap", "c", {"key": key}) if field == "data" else binary(raw)
    script = f"kubectl -n apps get cm c -o jsonpath='{{.{field}.key}}'\n"
    secret = only(planned(held, script=script, rewrite_scripts=True))
    assert secret.files == ()
    assert words in secret.source_patches[0].words
    assert secret.copies[0].removal == "leave"


def test_a_script_in_an_object_neither(key: bytes) -> None:
    """Its object stays as it is, and so does the copy."""
    script = "kubectl -n apps get cm c -o jsonpath='{.data.key}' > id"
    user = workload("Deployment", "w", {"command": ["sh", "-c", script]})
    made = change(planned(entries("ConfigMap", "c", {"key": key}), user))
    assert not made.applies
    assert "undo base64 once more" in made.words


def test_a_script_with_a_key_in_it_is_not_shown(key: bytes, raw: bytes) -> None:
    """Its change would have the whole text in the plan."""
    text = f"cat > id <<END\n{key.decode()}END\nkubectl -n apps get cm c -o jsonpath='{{.data.key}}' | base64 -d\n"
    scripts = entries("ConfigMap", "scripts", {"run.sh": text.encode()})
    held = entries("ConfigMap", "c", {"key": base64.b64encode(raw)})
    where = world([held, scripts])
    where = type(where)(
        where.context, where.objects, where.held, where.index, where.fingerprints,
        secret_texts=frozenset((one.object, one.pointer) for one in where.held),
    )  # fmt: skip
    plan = build(where, Request(), "p", "now")
    git_crypt = next(one for one in plan.secrets if one.material == "git-crypt-key")
    assert [one.applies for one in git_crypt.consumers] == [False]
    assert git_crypt.copies[0].removal == "leave"
    assert key.decode().splitlines()[2] not in as_text(plan)


def test_two_keys_in_one_entry_move_once(key: bytes) -> None:
    """As one field with the entry's exact bytes."""
    both = key + ssh.openssh()
    secret = only(
        planned(entries("ConfigMap", "c", {"keys": both}), workload("Deployment", "w", mounting("c"), mounted("c")))
    )
    assert len({copy.fingerprint for copy in secret.copies}) == 2
    assert len(secret.fields) == 1
    assert [one.key for one in secret.deliveries[0].keys] == ["keys"]


def mounting(name: str) -> dict[str, Any]:
    return {"volumeMounts": [{"name": name, "mountPath": f"/{name}"}]}


def mounted(name: str) -> list[dict[str, Any]]:
    return [{"name": name, "configMap": {"name": name}}]


def test_variables_of_a_whole_object_do_not_gain_bytes(raw: bytes) -> None:
    """What is in ``binaryData`` was no variable, and a Secret's entry would be one."""
    user = workload("Deployment", "w", {"envFrom": [{"configMapRef": {"name": "c"}}], **mounting("c")}, mounted("c"))
    made = change(planned(binary(raw, level="info"), user))
    assert made.applies
    assert not any("envFrom" in one["path"] for one in made.patch)
    assert [sees.at for sees in made.sees] == ["/c/key"]


def test_variables_of_an_object_that_goes_lose_their_reference(raw: bytes) -> None:
    """It made none, and would keep the container from starting."""
    user = workload("Deployment", "w", {"envFrom": [{"configMapRef": {"name": "c"}}], **mounting("c")}, mounted("c"))
    held = binary(raw)
    del held["data"]
    plan = planned(held, user)
    assert only(plan).copies[0].removal == "delete-object"
    assert any(one["op"] == "replace" and one["value"] == [] for one in change(plan).patch)


def test_text_and_bytes_of_one_entry_are_not_both_made_variables(raw: bytes) -> None:
    """A script gets the bytes under the old name, so all of the Secret would be more than was there."""
    held = entries("ConfigMap", "c", {"KEY": base64.b64encode(raw)})
    user = workload("Deployment", "w", {"envFrom": [{"configMapRef": {"name": "c"}}]})
    made = change(planned(held, user, script="kubectl -n apps get cm c -o jsonpath='{.data.KEY}' | base64 -d\n"))
    assert not made.applies
    assert "envFrom" in made.words


def test_what_makes_pods_in_a_way_of_its_own_is_left_to_a_person(raw: bytes) -> None:
    """A custom resource without a template; its pods use the key, so the copy stays."""
    maker = {
        "apiVersion": "example.com/v1",
        "kind": "Runner",
        "metadata": {"name": "r", "namespace": "apps", "uid": "u"},
    }
    owner = {"apiVersion": "example.com/v1", "kind": "Runner", "name": "r", "uid": "u", "controller": True}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "r-0", "namespace": "apps", "ownerReferences": [owner]},
        "spec": {"containers": [{"name": "main", "image": "x", **mounting("c")}], "volumes": mounted("c")},
    }
    plan = planned(binary(raw), maker, pod)
    assert not change(plan).applies
    assert "does not know how it makes its pods" in change(plan).words
    assert only(plan).copies[0].removal == "leave"


def test_a_workload_with_two_keys_is_changed_for_each_in_turn(key: bytes, raw: bytes) -> None:
    """The second patch goes on from where the first one ends."""
    mounts = [*mounting("c")["volumeMounts"], *mounting("d")["volumeMounts"]]
    now = workload("Deployment", "w", {"volumeMounts": mounts}, [*mounted("c"), *mounted("d")])
    plan = planned(binary(raw), entries("ConfigMap", "d", {"id": key}), now)
    patches = [secret.consumers[0].patch for secret in plan.secrets]
    assert len(patches) == 2
    for patch in patches:
        assert untrue(now, patch) == ""
        now = applied(now, patch)
    assert [list(volume)[1:] for volume in now["spec"]["template"]["spec"]["volumes"]] == [["secret"], ["secret"]]


def test_who_gets_into_a_pod_reads_it_before_and_after(raw: bytes) -> None:
    """The pod sees the Secret then; whoever could only read ConfigMaps has lost it."""
    user = workload("Deployment", "w", mounting("c"), mounted("c"))
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "w", "uid": "u", "controller": True}
    user["metadata"]["uid"] = "u"
    template = user["spec"]["template"]["spec"]
    metadata = {"name": "w-0", "namespace": "apps", "ownerReferences": [owner]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template}
    rights = [
        *role("operators", {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}),
        *role("viewers", {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}),
    ]
    secret = only(planned(binary(raw), user, pod, *rights))
    assert secret.readers_before == ("group operators", "group viewers")
    assert secret.readers_after == ("group operators",)


def role(name: str, rule: dict[str, Any]) -> list[dict[str, Any]]:
    metadata = {"name": name, "namespace": "apps"}
    reference = {"apiGroup": RBAC, "kind": "Role", "name": name}
    return [
        {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]},
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": reference,
            "subjects": [{"kind": "Group", "name": name}],
        },
    ]


def test_who_reads_a_copy_that_stays_still_reads_it(raw: bytes) -> None:
    """The plan does not claim what it does not bring about."""
    viewers = role("viewers", {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]})
    secret = only(planned(binary(raw), *viewers, script="kubectl -n apps get cm c -o json\n"))
    assert secret.copies[0].removal == "leave"
    assert secret.readers_after == ("group viewers",)


@pytest.mark.parametrize("name", ["n" * 253, "n" * 241 + "." + "n" * 11])
def test_a_name_without_room_for_more_is_cut(name: str) -> None:
    """A Secret's own name is taken, and it may be as long as names get."""
    made = naming.delivered(name, {name})
    again = naming.delivered(name, {name, made})
    assert object_fault(made) is object_fault(again) is None
    assert len({name, made, again}) == 3
