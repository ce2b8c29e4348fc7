"""What holds for any object and any text: they come from other people."""

from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from harden_secrets.cluster.consumers import Index
from harden_secrets.cluster.consumers.apiread import api_reads
from harden_secrets.cluster.owners import owner
from harden_secrets.cluster.redaction import RUN, without_values

FIELDS = st.sampled_from([
    "spec", "template", "containers", "initContainers", "env", "envFrom", "valueFrom", "secretKeyRef", "configMapRef",
    "volumes", "volumeMounts", "configMap", "secret", "items", "projected", "sources", "name", "key", "path", "mode",
    "secretName", "subPath", "mountPath", "kind", "metadata", "annotations", "ownerReferences", "uid", "controller",
    "apiVersion", "namespace", "imagePullSecrets", "command", "args", "data", "tls", "managedFields", "labels",
])  # fmt: skip
PIECES = st.sampled_from([
    "kubectl ", "get ", "secret ", "secret/", "cm x ", "-n ", "-o jsonpath='{.data.key}'", "| base64 -d", "\\\n", "\n",
    "curl ", "/api/v1/namespaces/", "a", "x", "/secrets/", "/configmaps/", "$(", ")", "$X", "X=", "\"", "'", "`", "|",
    "read_namespaced_secret(", "name=", "data \"kubernetes_secret\" \"x\" {", "}", "lookup \"v1\" \"Secret\" ", "> f",
    "Secrets(", ".Get(ctx, ", "k8s_info:\n  kind: Secret\n  name: x\n", ".data[\"k\"]", "jq -r .data.key f", "ä",
])  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=6) | PIECES
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4), max_leaves=25
)


@given(st.dictionaries(FIELDS, VALUES, max_size=6))
@example({"metadata": {"ownerReferences": [{"controller": True, "uid": "a"}], "uid": "a"}, "spec": {"containers": []}})
def test_any_object_can_be_looked_at(manifest: dict[str, Any]) -> None:
    """Whatever an object holds, consumers and owners are found or not, and every pointer leads to something."""
    index = Index()
    index.add(manifest)
    owner(manifest)
    for used in index.used():
        for found in index.consumers(used):
            value: Any = manifest
            for part in found.pointer.split("/")[1:]:
                part = part.replace("~1", "/").replace("~0", "~")
                value = value[int(part)] if isinstance(value, list) else value[part]
            assert str(found)


@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_text_can_be_looked_at(text: str) -> None:
    """The span of a read lies in the text, in the right order, and has the name in it or a variable for it."""
    for read in api_reads(text):
        assert 0 <= read.start < read.end <= len(text)
        assert read.name
        assert read.name in text


@given(
    st.text('abcdefgh\n"\\:= ', min_size=RUN, max_size=40),
    st.text('abcdefgh\n"\\:= ', max_size=40),
    st.sampled_from(["", "Invalid value: ", 'Invalid value: "', "Too long: "]),
)
def test_no_run_of_a_value_is_left_in_a_message(value: str, around: str, before: str) -> None:
    """Wherever it stands, whatever is around it."""
    shown = without_values(f"{around}{before}{value}{around}", {"data": {"name": value}})
    assert not any(value[at : at + RUN] in shown for at in range(len(value) - RUN + 1))
