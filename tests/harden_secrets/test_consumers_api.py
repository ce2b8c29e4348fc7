"""Who asks the API server: pipelines, scripts, programs; which entry, and whether it undoes base64."""

import time

import pytest

from harden_secrets.cluster.consumers import Consumer, Index, Way, consumers
from harden_secrets.cluster.port import Manifest, ObjectName

KEY = ObjectName("v1", "ConfigMap", "openclaw", "git-crypt-key")
ANY = {"ConfigMap": ObjectName("v1", "ConfigMap", "", "x"), "Secret": ObjectName("v1", "Secret", "", "x")}

PIPELINE = """\
steps:
  - name: unlock
    commands:
      - |
        curl -sk -H "Authorization: Bearer $(cat /var/run/secrets/kubernetes.io/serviceaccount/token)" \\
          https://10.0.20.100:6443/api/v1/namespaces/openclaw/configmaps/git-crypt-key \\
          | jq -r .data.key | base64 -d > /tmp/key
      - git-crypt unlock /tmp/key
"""


def in_text(text: str, of: ObjectName) -> tuple[Consumer, ...]:
    index = Index()
    index.add_text("ci.yml", text)
    return index.consumers(of)


def test_the_pipeline_of_the_real_case() -> None:
    """curl, jq, base64 -d: the entry, the line, the very piece of text, and that it wants the raw bytes (fact 17)."""
    (found,) = in_text(PIPELINE, KEY)
    assert (found.way, found.key, found.expects, found.decodes) == (Way.API, "key", "raw", 1)
    assert (found.source, found.line, found.object) == ("ci.yml", 6, None)
    assert found.text == "/namespaces/openclaw/configmaps/git-crypt-key"
    assert PIPELINE[found.start : found.end] == found.text
    assert found.refreshes


CASES = [
    # kind, text, namespace, key, decodes
    ("Secret", "curl $API/api/v1/namespaces/$NS/secrets/x | jq -r '.data.password'", "", "password", 0),
    ("Secret", "NS=a\ncurl $API/api/v1/namespaces/${NS}/secrets/x", "a", "", 0),
    ("Secret", ('curl "$API/api/v1/namespaces/$(cat /var/run/secrets/kubernetes.io/serviceaccount/namespace)/secrets/x"'
      " | jq -r '.data[\"a.b\"]'"), "", "a.b", 0),
    ("ConfigMap", "curl -s $A/namespaces/n/configmaps/x | jq '.binaryData.\"id_rsa\"' -r | base64 --decode", "n",
     "id_rsa", 1),
    ("ConfigMap", "R=$(curl -s $A/namespaces/n/configmaps/x)\ntrue\necho \"$R\" | jq -r .data.key | base64 -d >k", "n",
     "key", 1),
    ("ConfigMap", "curl -o cm.json $A/namespaces/n/configmaps/x\njq -r .data.key cm.json | base64 -d", "n", "key", 1),
    ("ConfigMap", "curl $A/namespaces/n/configmaps/x > /tmp/cm.json\njq -r .data.key /tmp/cm.json", "n", "key", 0),
    ("ConfigMap", "kubectl get cm x -n n -o jsonpath='{.data.key}' | base64 -d", "n", "key", 1),
    ("ConfigMap", "kubectl -n n get configmap/x -o yaml", "n", "", 0),
    ("ConfigMap", "kubectl --namespace=n get configmaps x -o json", "n", "", 0),
    ("ConfigMap", "oc extract cm/x -n n --to=-", "n", "", 0),
    ("Secret", "kubectl get secret x -o jsonpath='{.data.id\\.rsa}'", "", "id.rsa", 0),
    ("Secret", "kubectl get secret x -o go-template='{{ .data.key | base64decode }}'", "", "key", 1),
    ("Secret", "kubectl get secret x -o go-template='{{index .data \"a.key\" | base64decode}}'", "", "a.key", 1),
    ("Secret", "PW=$(kubectl get secret -n n x -o json | jq -r '.data.pw | @base64d')", "n", "pw", 1),
    ("Secret", "k get secrets a x b", "", "", 0),
    ("Secret", "kubectl \\\n  get secret \\\n  x -n n", "n", "", 0),
    ("Secret", "NAME=\"x\"\nkubectl get secret \"$NAME\" -n n", "n", "", 0),
    ("Secret", "kubectl get secret ${NAME:-x}", "", "", 0),
    ("Secret", "s = v1.read_namespaced_secret('x', 'n')\nbase64.b64decode(s.data['key'])", "n", "key", 1),
    ("Secret", 's = v1.read_namespaced_secret(name="x", namespace=ns)', "", "", 0),
    ("ConfigMap", 'ns = "n"\ncm = api.read_namespaced_config_map("x", ns).data["key"]', "n", "key", 0),
    ("Secret", "const s = await k8s.readNamespacedSecret({name: 'x', namespace: 'n'})\natob(s.data['k'])", "n", "k", 1),
    ("Secret", 's, err := c.CoreV1().Secrets("n").Get(ctx, "x", metav1.GetOptions{})\nuse(s.Data["key"])', "n", "key",
     0),
    ("ConfigMap", 'c.CoreV1().ConfigMaps(ns).Get(context.TODO(), "x", o)', "", "", 0),
    ("ConfigMap", 'client.configMaps().inNamespace("n").withName("x").get()', "n", "", 0),
    ("Secret", '{{- $s := lookup "v1" "Secret" .Release.Namespace "x" }}', "", "", 0),
    ("ConfigMap", ('data "kubernetes_config_map" "k" {\n  metadata {\n    name = "x"\n    namespace = "n"\n  }\n}\n'
      'locals { k = base64decode(data.kubernetes_config_map.k.data["key"]) }'), "n", "key", 1),
    ("Secret", ('data "kubernetes_secret_v1" "k" {\n  metadata {\n    name = "x"\n  }\n}\n'
      "locals { k = data.kubernetes_secret_v1.k.data.token }"), "", "token", 0),
    ("Secret", "- kubernetes.core.k8s_info:\n    kind: Secret\n    name: x\n    namespace: n\n", "n", "", 0),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text", "namespace", "key", "decodes"), CASES)
def test_reads_in_many_spellings(kind: str, text: str, namespace: str, key: str, decodes: int) -> None:
    """The namespace and the entry where the text says them, and what it undoes."""
    (found,) = in_text(text, ANY[kind])
    assert (found.uses.namespace, found.key, found.decodes) == (namespace, key, decodes)
    assert found.expects == ("raw" if decodes else "text")
    assert text[found.start : found.end] == found.text


@pytest.mark.parametrize(
    "text",
    [
        "curl -X DELETE $A/api/v1/namespaces/n/secrets/x",
        "kubectl create secret generic x",
        "kubectl delete secret x",
        "kubectl get pods x",
        "kubectl get secrets -n x",
        "kubectl get secrets -l app=x",
        "see docs/secrets/x",
        "kubectl get secret $(other x)",
        "kubectl get secret xy x.z",
    ],
)
def test_what_is_no_read_of_it(text: str) -> None:
    """Writing it, listing others, a path that only looks alike, a name that cannot be known."""
    assert in_text(text, ANY["Secret"]) == ()


def test_a_credential_in_the_command_is_not_in_the_finding() -> None:
    """The piece of text that is shown begins behind the options that may hold one."""
    (found,) = in_text("kubectl --token=abcdefgh --server https://u:p@h get secret x -n n", ANY["Secret"])
    assert found.text == "get secret x"
    assert found.uses.namespace == "n"


def test_two_entries_are_two_reads() -> None:
    """A script that takes two entries of one object is told of with both."""
    text = (
        "kubectl get secret x -o json > s.json\njq -r .data.one s.json | base64 -d\njq -r .data.two s.json | base64 -d"
    )
    assert [one.key for one in in_text(text, ANY["Secret"])] == ["one", "two"]


def pod_with(container: dict[str, object]) -> Manifest:
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "backup", "namespace": "openclaw"},
        "spec": {
            "suspend": True,
            "jobTemplate": {
                "spec": {"template": {"spec": {"serviceAccountName": "ci", "containers": [{"name": "c", **container}]}}}
            },
        },
    }


def test_a_container_that_asks() -> None:
    """Its arguments are a script: the pod's namespace counts where none is said, and its ServiceAccount asks."""
    manifest = pod_with(
        {"command": ["sh", "-c"], "args": ["set -e\nkubectl get cm git-crypt-key -o json | jq .data.key"]}
    )
    (found,) = consumers([manifest], KEY)
    assert (found.way, found.container, found.service_account, found.running) == (Way.API, "c", "ci", False)
    assert (found.pointer, found.line) == ("/spec/jobTemplate/spec/template/spec/containers/0/args/0", 2)
    assert found.uses == KEY


def test_a_command_in_separate_words() -> None:
    """No word says it alone."""
    manifest = pod_with({"command": ["kubectl", "get"], "args": ["cm", "git-crypt-key", "-o", "yaml"]})
    (found,) = consumers([manifest], KEY)
    assert found.pointer == "/spec/jobTemplate/spec/template/spec/containers/0/args"


def test_a_script_in_a_config_map_and_in_a_custom_kind() -> None:
    """Scripts lie in ConfigMaps and in fields of pipelines; the reads of a Secret's values are not looked for."""
    script = "kubectl get cm git-crypt-key -n openclaw -o yaml"
    scripts = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "s", "namespace": "ci"},
        "data": {"a.sh": script},
    }
    task = {"apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": {"name": "t", "namespace": "ci"}}
    task["spec"] = {"steps": [{"name": "s", "script": script}]}
    secret = {**scripts, "kind": "Secret", "stringData": {"a.sh": script}}
    assert [one.pointer for one in consumers([scripts, task, secret], KEY)] == ["/data/a.sh", "/spec/steps/0/script"]


def test_the_last_applied_annotation_repeats_nothing() -> None:
    """The same script in the annotation of kubectl is not a second reader."""
    manifest = pod_with({"args": ["kubectl get cm git-crypt-key"]})
    manifest["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": str(manifest)}
    assert len(consumers([manifest], KEY)) == 1


MEGABYTE = 1 << 20
HOSTILE = [
    "k ", "kubectl ", "kubectl get ", "kubectl get secret x ", "curl /namespaces/a/secrets/x\n", "lookup( ",
    "X=$(kubectl get secret x -o json)\necho $X | jq .data.a\n", "/namespaces/${", "/namespaces/$(", "a=$(", "{{",
    'data "kubernetes_secret" "x" {', "Secrets(a).Get(", 'lookup "v1" "Secret" ', "k8s_info:\n", "'\"", "\\", "data",
    "read_namespaced_secret(", "| jq .data ", "> ", "x= ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_texts_take_little_time(piece: str) -> None:
    """A megabyte of what nearly looks like a read is done in a moment: no faster than its length grows the time."""
    begun = time.process_time()
    in_text("kubectl get secret x /secrets/ " + piece * (MEGABYTE // len(piece)), ANY["Secret"])
    assert time.process_time() - begun < 20  # a second or two; hours where something backtracks without end
