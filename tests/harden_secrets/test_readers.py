"""Who can read a secret, by which way, and on what evidence."""

import random
import textwrap
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from harden_secrets.cluster.port import ObjectName
from harden_secrets.rbac.aggregation import contributors
from harden_secrets.rbac.estate import Estate
from harden_secrets.rbac.grant import role, role_binding
from harden_secrets.rbac.readers import Readers
from harden_secrets.rbac.search import find_readers
from harden_secrets.rbac.subjects import Subject

RBAC = "rbac.authorization.k8s.io"
KEY = ObjectName("v1", "Secret", "media", "key")
MAP = ObjectName("v1", "ConfigMap", "media", "key")
ALICE, BOB = Subject("User", "alice"), Subject("User", "bob")
APP, OTHER = Subject.account("media", "app"), Subject.account("media", "other")
ADMINS = ("clusterrolebinding admins", "clusterrole admin")


def rule(verbs: str, resources: str, names: str = "", group: str = "") -> dict[str, Any]:
    """A rule, its lists written with spaces between."""
    out = {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split()}
    return {**out, "resourceNames": names.split()} if names else out


def entry(subject: Subject) -> dict[str, str]:
    return {"kind": subject.kind, "name": subject.name, "namespace": subject.namespace}


def given(subject: Subject, *rules: dict[str, Any], namespace: str = "media", name: str = "r") -> list[dict[str, Any]]:
    """A role with those rules, bound to a subject: in a namespace, or everywhere if that is empty."""
    kind = "Role" if namespace else "ClusterRole"
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    made = {"apiVersion": f"{RBAC}/v1", "kind": kind, "metadata": metadata, "rules": list(rules)}
    return [made, bound(subject, kind, name, namespace, name)]


def bound(subject: Subject, kind: str, role_name: str, namespace: str = "media", name: str = "b") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role_name},
        "subjects": [entry(subject)],
    }


def objects(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(textwrap.dedent(text)))


def ways(readers: Readers, subject: Subject) -> list[tuple[str, str, str]]:
    """How, verb and resource of each way of a subject."""
    return [
        (way.how, way.verb, way.resource)
        for reader in readers.readers
        if reader.subject == subject
        for way in reader.ways
    ]


def evidence(readers: Readers, subject: Subject) -> tuple[str, ...]:
    """What the first way of a subject goes through."""
    return next(reader.ways[0].through for reader in readers.readers if reader.subject == subject)


def hows(manifests: list[dict[str, Any]], subject: Subject = ALICE, target: ObjectName = KEY) -> set[str]:
    return {how for how, _, _ in ways(find_readers(Estate(manifests), target), subject)}


POD = objects("""
    apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: media}
    spec:
      nodeName: n1
      serviceAccountName: app
      containers: [{name: c, envFrom: [{secretRef: {name: key}}]}]
    ---
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, namespace: media}
    ---
    apiVersion: v1
    kind: Pod
    metadata: {name: idle, namespace: media}
    spec: {serviceAccountName: default, containers: [{name: c}]}
""")


def test_nobody_but_the_superusers_can_read_where_nothing_is_bound() -> None:
    """`system:masters` is always there: its members are asked for no rights."""
    readers = find_readers(Estate([]), KEY)
    assert [str(one) for one in readers.subjects()] == ["group system:masters"]
    assert ways(readers, Subject("Group", "system:masters")) == [("superuser", "*", "secrets")]


@pytest.mark.parametrize("verb", ["get", "list", "watch"])
def test_a_verb_that_reads_is_a_way(verb: str) -> None:
    """A list or watch limited to the name counts: with a field selector on metadata.name it passes."""
    readers = find_readers(Estate(given(ALICE, rule(verb, "secrets", "key"))), KEY)
    assert ways(readers, ALICE) == [("read", verb, "secrets")]
    assert evidence(readers, ALICE) == ("rolebinding media/r", "role media/r")


@pytest.mark.parametrize(
    "almost",
    [
        rule("get", "secrets", "other"),
        rule("get", "configmaps"),
        rule("get", "secrets", group="apps"),
        rule("delete", "secrets"),
        rule("get", "secrets/status"),
        {"verbs": ["get"], "apiGroups": [], "resources": ["secrets"]},
        {"verbs": "get", "apiGroups": None, "resources": 7},
    ],
)
def test_what_is_almost_a_right_is_none(almost: dict[str, Any]) -> None:
    """Another name, kind, group or verb gives nothing."""
    assert hows(given(ALICE, almost)) == set()


def test_a_right_in_another_namespace_is_none_here() -> None:
    assert hows(given(ALICE, rule("get", "secrets"), namespace="elsewhere")) == set()


def test_wildcards_count() -> None:
    assert "read" in hows(given(ALICE, rule("*", "*", group="*"), namespace=""))


def test_the_role_that_a_rule_was_gathered_from_is_named() -> None:
    """A ClusterRole that aggregates gives what those with the label give, before the controller has written it too."""
    manifests = objects(f"""
        apiVersion: {RBAC}/v1
        kind: ClusterRole
        metadata: {{name: admin}}
        aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{admin: "true"}}}}]}}
        rules: []
        ---
        apiVersion: {RBAC}/v1
        kind: ClusterRole
        metadata: {{name: more, labels: {{admin: "true"}}}}
        rules: [{{verbs: [get], apiGroups: [""], resources: [secrets]}}]
    """)
    readers = find_readers(Estate([*manifests, bound(ALICE, "ClusterRole", "admin", "", "admins")]), KEY)
    assert evidence(readers, ALICE) == (*ADMINS, "clusterrole more")


@pytest.mark.parametrize(
    ("selector", "chosen"),
    [
        ({}, {"none", "one", "two"}),
        ({"matchLabels": {"part": "one"}}, {"one"}),
        ({"matchExpressions": [{"key": "part", "operator": "In", "values": ["one", "three"]}]}, {"one"}),
        ({"matchExpressions": [{"key": "part", "operator": "NotIn", "values": ["one"]}]}, {"none", "two"}),
        ({"matchExpressions": [{"key": "part", "operator": "Exists"}]}, {"one", "two"}),
        ({"matchExpressions": [{"key": "part", "operator": "DoesNotExist"}]}, {"none"}),
        ({"matchExpressions": [{"key": "part", "operator": "Unheard"}]}, set()),
        ({"matchLabels": {"part": "one"}, "matchExpressions": [{"key": "part", "operator": "DoesNotExist"}]}, set()),
    ],
)
def test_roles_are_gathered_by_every_kind_of_selector(selector: dict[str, Any], chosen: set[str]) -> None:
    roles = {
        "all": {"aggregationRule": {"clusterRoleSelectors": [selector]}},
        "none": {"metadata": {}},
        "one": {"metadata": {"labels": {"part": "one"}}},
        "two": {"metadata": {"labels": {"part": "two"}}},
    }
    assert set(contributors(roles)["all"]) == chosen


def test_whoever_makes_pods_in_the_namespace_can_read() -> None:
    """Directly, or by anything that makes them; and by changing what is there."""
    for resource, group in (
        ("pods", ""),
        ("replicationcontrollers", ""),
        ("deployments", "apps"),
        ("daemonsets", "apps"),
        ("statefulsets", "apps"),
        ("replicasets", "apps"),
        ("jobs", "batch"),
        ("cronjobs", "batch"),
    ):
        assert hows(given(ALICE, rule("create", resource, group=group))) == {"pod"}, resource
        assert hows(given(ALICE, rule("create", resource, group=group), namespace="elsewhere")) == set()
    for verb in ("update", "patch"):
        changed = given(ALICE, rule(verb, "deployments", "web", group="apps"))
        assert hows([*POD, *changed]) == {"pod"}
        assert hows(changed) == set()  # there is nothing to change


def test_a_pod_that_sees_it_can_be_entered() -> None:
    """By a command, a terminal, another image; by a container for debugging even where the pod does not see it."""
    for subresource, how in (("exec", "exec"), ("attach", "exec"), ("ephemeralcontainers", "debug")):
        verb = "update" if how == "debug" else "create"
        assert hows([*POD, *given(ALICE, rule(verb, f"pods/{subresource}", "web"))]) == {how}
    assert hows([*POD, *given(ALICE, rule("create", "pods/exec", "idle"))]) == set()
    assert hows([*POD, *given(ALICE, rule("patch", "pods/ephemeralcontainers", "idle"))]) == {"debug"}
    assert hows([*POD, *given(ALICE, rule("patch", "pods", "web"))]) == {"pod"}
    assert hows([*POD, *given(ALICE, rule("get", "nodes/proxy"), namespace="")]) == {"kubelet"}


@pytest.mark.parametrize(
    "spec",
    [
        "{volumes: [{name: v, secret: {secretName: key}}]}",
        "{volumes: [{name: v, projected: {sources: [{secret: {name: key}}]}}]}",
        "{initContainers: [{name: c, env: [{name: V, valueFrom: {secretKeyRef: {name: key, key: a}}}]}]}",
        "{ephemeralContainers: [{name: c, envFrom: [{secretRef: {name: key}}]}]}",
    ],
)
def test_a_pod_sees_it_in_every_way_that_pods_have(spec: str) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "media"}}
    manifests = [{**pod, "spec": yaml.safe_load(spec)}, *given(ALICE, rule("create", "pods/exec"))]
    assert hows(manifests) == {"exec"}
    assert hows(manifests, target=MAP) == set()


def test_the_kubelet_of_its_pod_reads_it() -> None:
    """By the node authoriser, of which RBAC knows nothing."""
    node = Subject("User", "system:node:n1")
    readers = find_readers(Estate(POD), KEY)
    assert evidence(readers, node) == ("node authoriser", "pod media/web")
    assert next(one for one in readers.readers if one.subject == node).is_standard


READER = given(APP, rule("get", "secrets", "key"), name="reader")


def test_whoever_can_act_as_a_reader_is_one() -> None:
    """By impersonation, a token that it asks for or finds, or a pod that has one."""
    secret = objects("""
        apiVersion: v1
        kind: Secret
        metadata: {name: app-token, namespace: media, annotations: {kubernetes.io/service-account.name: app}}
        type: kubernetes.io/service-account-token
    """)
    for one, how in (
        (rule("impersonate", "serviceaccounts", "app"), "impersonate"),
        (rule("create", "serviceaccounts/token", "app"), "token"),
        (rule("get", "secrets", "app-token"), "token-secret"),
        (rule("create list", "secrets"), "read"),
    ):
        manifests = [*READER, *secret, *given(ALICE, one)]
        assert how in hows(manifests), one
        assert APP in find_readers(Estate(manifests), KEY)
    assert hows([*READER, *given(ALICE, rule("impersonate", "serviceaccounts", "other"))]) == set()
    through = evidence(
        find_readers(Estate([*READER, *given(ALICE, rule("impersonate", "serviceaccounts"))]), KEY), ALICE
    )
    assert through == (
        "rolebinding media/r",
        "role media/r",
        "as serviceaccount media/app",
        "rolebinding media/reader",
        "role media/reader",
    )


def test_a_token_secret_can_be_made_for_a_reader_of_a_config_map() -> None:
    """Whoever creates Secrets and reads them gets a token of any ServiceAccount of the namespace."""
    reader = given(APP, rule("get", "configmaps", "key"), name="reader")
    assert hows([*reader, *given(ALICE, rule("create get", "secrets"))], target=MAP) == {"token-secret"}
    assert hows([*reader, *given(ALICE, rule("create", "secrets"))], target=MAP) == set()


def test_a_reader_in_another_namespace_leads_there() -> None:
    """Whoever makes pods where a reader's ServiceAccount lives runs them as that one."""
    far = Subject.account("ops", "robot")
    manifests = [
        *given(far, rule("get", "secrets"), name="reader"),
        *given(ALICE, rule("create", "pods"), namespace="ops"),
    ]
    readers = find_readers(Estate(manifests), KEY)
    assert ways(readers, ALICE) == [("pod", "create", "pods")]
    assert "as serviceaccount ops/robot" in evidence(readers, ALICE)


def test_a_group_can_be_impersonated_only_along_with_a_user() -> None:
    group = given(Subject("Group", "admins"), rule("get", "secrets"), name="reader")
    one, two = rule("impersonate", "groups", "admins"), rule("impersonate", "users", "somebody")
    assert hows([*group, *given(ALICE, one, namespace="")]) == set()
    assert hows([*group, *given(ALICE, one, two, namespace="")]) == {"impersonate"}
    masters = rule("impersonate", "groups", "system:masters")
    assert hows(given(ALICE, masters, two, namespace="")) == {"impersonate"}


def test_whoever_binds_a_role_that_reads_can_read() -> None:
    """The verb bind on the role and a new binding, or one of that role to which a subject is added."""
    admin = given(BOB, rule("get", "secrets"), namespace="", name="admin")[:1]
    bind = rule("bind", "clusterroles", "admin", group=RBAC)
    create = rule("create", "rolebindings", group=RBAC)
    assert hows([*admin, *given(ALICE, bind, create)]) == {"bind"}
    assert hows([*admin, *given(ALICE, bind)]) == set()
    assert hows([*admin, *given(ALICE, create)]) == set()
    assert hows([*admin, *given(ALICE, rule("bind", "clusterroles", "view", group=RBAC), create)]) == set()
    change = rule("patch", "rolebindings", "theirs", group=RBAC)
    assert hows([*admin, *given(ALICE, bind, change)]) == set()
    theirs = bound(BOB, "ClusterRole", "admin", name="theirs")
    assert hows([*admin, theirs, *given(ALICE, bind, change)]) == {"bind"}
    assert hows([*admin, *given(ALICE, bind, rule("create", "clusterrolebindings", group=RBAC), namespace="")]) == {
        "bind"
    }


def test_a_role_that_is_bound_may_lead_on() -> None:
    """A role that only makes pods, or that only binds another, is as good as one that reads."""
    pods = given(BOB, rule("create", "pods"), namespace="", name="runner")[:1]
    bind, create = rule("bind", "clusterroles", "runner", group=RBAC), rule("create", "rolebindings", group=RBAC)
    readers = find_readers(Estate([*pods, *given(ALICE, bind, create)]), KEY)
    assert evidence(readers, ALICE) == ("rolebinding media/r", "role media/r", "binds clusterrole runner")


def test_whoever_escalates_its_own_role_can_read() -> None:
    """Only a role that one has: others may be changed and give nothing."""
    escalate = rule("escalate update", "roles", "r", group=RBAC)
    assert hows(given(ALICE, escalate)) == {"escalate"}
    assert hows(given(ALICE, rule("escalate", "roles", group=RBAC))) == set()
    assert hows(given(ALICE, rule("escalate update", "roles", "theirs", group=RBAC))) == set()


def test_a_certificate_takes_three_rights() -> None:
    """To ask for it, to approve it, and to approve for that signer."""
    certificates = "certificates.k8s.io"
    rules = [
        rule("create", "certificatesigningrequests", group=certificates),
        rule("update", "certificatesigningrequests/approval", group=certificates),
        rule("approve", "signers", "kubernetes.io/kube-apiserver-client", group=certificates),
    ]
    assert hows([*READER, *given(ALICE, *rules, namespace="")]) == {"certificate"}
    for left_out in range(3):
        fewer = rules[:left_out] + rules[left_out + 1 :]
        assert hows([*READER, *given(ALICE, *fewer, namespace="")]) == set()


def test_a_webhook_is_sent_it() -> None:
    hook = rule("create", "mutatingwebhookconfigurations", group="admissionregistration.k8s.io")
    assert hows(given(ALICE, hook, namespace="")) == {"webhook"}


def test_two_who_can_act_as_each_other_are_no_readers_by_that() -> None:
    """A circle leads nowhere; and with a reader in it, its evidence goes round nobody twice."""
    circle = [
        *given(APP, rule("impersonate", "serviceaccounts", "other"), name="one"),
        *given(OTHER, rule("impersonate", "serviceaccounts", "app"), name="two"),
    ]
    assert APP not in find_readers(Estate(circle), KEY)
    readers = find_readers(Estate([*circle, *READER]), KEY)
    assert ways(readers, APP) == [("read", "get", "secrets")]
    assert ways(readers, OTHER) == [("impersonate", "impersonate", "serviceaccounts")]


def test_a_right_by_a_group_is_in_the_entry_of_the_group() -> None:
    """Who can only by a group has no entry, yet acting as such a one is a way."""
    everybody = Subject("Group", "system:serviceaccounts:media")
    account = objects("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: app, namespace: media}\n")
    manifests = [
        *account,
        *given(everybody, rule("get", "secrets"), name="reader"),
        *given(ALICE, rule("create", "serviceaccounts/token", "app")),
    ]
    readers = find_readers(Estate(manifests), KEY)
    assert APP not in readers
    assert everybody in readers
    assert ways(readers, ALICE) == [("token", "create", "serviceaccounts/token")]


def test_a_user_with_the_name_of_an_account_is_that_account() -> None:
    readers = find_readers(
        Estate(given(Subject("User", "system:serviceaccount:media:app"), rule("get", "secrets"))), KEY
    )
    assert APP in readers


def test_only_what_kubernetes_brings_along_is_standard() -> None:
    """A binding of one's own for a `system:` subject is somebody's decision, and so is one to everybody."""
    own = given(Subject("User", "system:kube-scheduler"), rule("get", "secrets"))
    assert not find_readers(Estate(own), KEY).readers[-1].is_standard
    own[1]["metadata"]["labels"] = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    assert find_readers(Estate(own), KEY).readers[-1].is_standard
    own[1]["subjects"] = [entry(Subject("Group", "system:authenticated"))]
    assert not find_readers(Estate(own), KEY).readers[0].is_standard


def test_the_order_of_the_objects_does_not_matter() -> None:
    """The same answer, ways and evidence included, in whichever order the objects come."""
    manifests = [
        *POD,
        *READER,
        *given(ALICE, rule("*", "*", group="*"), namespace="", name="all"),
        *given(BOB, rule("impersonate", "users serviceaccounts"), namespace="", name="some"),
        *given(OTHER, rule("bind create", "*", group=RBAC), name="binder"),
    ]
    expected = find_readers(Estate(manifests), KEY)
    for seed in range(10):
        random.Random(seed).shuffle(manifests)
        assert find_readers(Estate(manifests), KEY) == expected


def test_a_secret_of_its_own_has_fewer_readers() -> None:
    """Moved out of a ConfigMap that everybody reads, the key is read by whom the new Role names."""
    everybody = Subject("Group", "developers")
    manifests = [
        *given(everybody, rule("get list", "configmaps"), name="view"),
        *given(BOB, rule("*", "*"), name="bob"),
    ]
    secret = ObjectName("v1", "Secret", "media", "infra-key")
    changes = [role("infra-key", "media"), role_binding("infra-key", "media", [APP, APP])]
    estate = Estate(manifests)
    before, after = find_readers(estate, MAP), find_readers(estate.changed(changes), secret)
    assert [str(one) for one in before.subjects()] == ["group developers", "group system:masters", "user bob"]
    assert [str(one) for one in after.subjects()] == ["group system:masters", "serviceaccount media/app", "user bob"]


def test_a_grant_lets_that_one_secret_be_read_and_nothing_else() -> None:
    changes = [role("key", "media"), role_binding("key", "media", [APP, ALICE])]
    readers = find_readers(Estate(changes), KEY)
    assert ways(readers, APP) == ways(readers, ALICE) == [("read", "get", "secrets")]
    assert APP not in find_readers(Estate(changes), ObjectName("v1", "Secret", "media", "key2"))


def junk() -> Iterator[Any]:
    yield from ([], {}, None, "x", {"a": None}, [None, 3, {"kind": 7}], {"subjects": 1})


@pytest.mark.parametrize("field", ["rules", "subjects", "roleRef", "metadata", "spec", "aggregationRule"])
@pytest.mark.parametrize(
    "kind", ["ClusterRole", "RoleBinding", "Role", "Pod", "ServiceAccount", "Secret", "Deployment"]
)
def test_what_no_server_would_take_is_no_right(kind: str, field: str) -> None:
    """A manifest from a file may be anything."""
    for value in junk():
        for version in (f"{RBAC}/v1", "v1", "apps/v1", None):
            readers = find_readers(Estate([{"apiVersion": version, "kind": kind, field: value}]), KEY)
            assert len(readers.readers) == 1
