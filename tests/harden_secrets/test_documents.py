"""Documents as fields: what each kind of file says, with line, name and object, whatever state it is in."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from harden_secrets.budget import Budget
from harden_secrets.documents import Field, take_apart
from harden_secrets.documents.bytewise import as_bytes, as_text
from harden_secrets.documents.hcl import string
from harden_secrets.documents.jsontext import unescaped
from harden_secrets.finding import ObjectField

NAMES = ("x.yaml", "x.json", "x.tf", "Dockerfile", "run.sh", ".env", "x")


def fields(content: str | bytes, file: str = "x.yaml") -> dict[str, Field]:
    """By pointer, or by name where there is none."""
    raw = content.encode() if isinstance(content, str) else content
    return {field.pointer or field.name: field for way in take_apart(raw, file, Budget()) for field in way.fields}


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)), st.sampled_from(NAMES))
def test_any_bytes_are_taken_apart(content: bytes, file: str) -> None:
    """Nothing raises, and every field lies within the text."""
    for way in take_apart(content, file, Budget()):
        for field in way.fields:
            assert 0 <= field.start <= field.end <= len(content)
            if field.exact:
                assert content[field.start : field.end] == field.value


_SCALARS = st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029\ufeff"), max_size=30)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc/~", min_size=1, max_size=4), inner),
    max_leaves=12,
)


def leaves(tree: object, pointer: str = "") -> dict[str, bytes]:
    """Every text of decoded JSON by its pointer (RFC 6901)."""
    if isinstance(tree, dict):
        escaped = ((key.replace("~", "~0").replace("/", "~1"), value) for key, value in tree.items())
        return {k: v for key, value in escaped for k, v in leaves(value, f"{pointer}/{key}").items()}
    if isinstance(tree, list):
        return {k: v for number, value in enumerate(tree) for k, v in leaves(value, f"{pointer}/{number}").items()}
    return {pointer: str(tree).encode()}


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text("abc/~", min_size=1, max_size=4), _TREES, min_size=1, max_size=4))
def test_json_is_read_as_the_library_reads_it(tree: dict[str, object]) -> None:
    """Every text with its pointer, whatever is escaped."""
    for content in (json.dumps(tree, indent=1), json.dumps(tree, ensure_ascii=False) + "\n{}"):
        if len(content) >= 16:
            assert {pointer: field.value for pointer, field in fields(content, "x.json").items()} == leaves(tree)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text("abc/~", min_size=1, max_size=4), _TREES, min_size=1, max_size=4))
def test_yaml_is_read_as_the_library_writes_it(tree: dict[str, object]) -> None:
    """Every text with its pointer, in whatever style the library chose."""
    content = "padding: so that it is long\n" + yaml.safe_dump(tree, allow_unicode=True)
    found = {pointer: field.value for pointer, field in fields(content).items() if pointer.startswith("/")}
    assert {**found} == {"/padding": b"so that it is long", **leaves(tree)}


@given(st.binary(max_size=200))
def test_bytes_survive_as_text(content: bytes) -> None:
    """One character each, there and back."""
    text = as_text(content)
    assert (len(text), as_bytes(text)) == (len(content), content)


def test_a_byte_that_is_no_utf8_costs_nothing() -> None:
    """Values with such bytes are values like others."""
    assert fields(b"name: \xff\xfe\x80 Latin\nother: text\n")["/name"].value == b"\xff\xfe\x80 Latin"


def test_a_field_knows_its_object_and_neighbours() -> None:
    """The object of a list's item, its type, what stands beside the value."""
    content = """
kind: List
apiVersion: v1
items:
- kind: Secret
  apiVersion: v1
  metadata: {name: a, namespace: n}
  type: example.org/t
  data: {x: aGVsbG8=, "y/z": d29ybGQ=}
"""
    field = fields(content)["/items/0/data/x"]
    assert field.object == ObjectField("Secret", "n", "a", "/data/x")
    assert field.encodings == ("base64",)
    assert field.secret_type == "example.org/t"
    assert field.siblings == {"x": "hello", "y/z": "world"}
    assert fields(content)["/items/0/data/y~1z"].object == ObjectField("Secret", "n", "a", "/data/y~1z")


def test_a_secret_of_another_group_is_not_taken_for_one() -> None:
    """Only core/v1 says that ``data`` is base64."""
    content = "kind: Secret\napiVersion: example.org/v1\nmetadata: {name: a}\ndata: {x: text}\n"
    assert fields(content)["/data/x"].encodings == ()


def test_an_object_within_an_object_is_a_part_of_it() -> None:
    """The outer one is what lies in the cluster; what the inner one means by a place holds all the same."""
    content = """
kind: ManifestWork
apiVersion: work/v1
metadata: {name: outer}
spec:
  manifests:
  - {kind: Secret, apiVersion: v1, metadata: {name: inner}, data: {x: aGVsbG8=}}
"""
    field = fields(content)["/spec/manifests/0/data/x"]
    assert field.object == ObjectField("ManifestWork", "", "outer", "/spec/manifests/0/data/x")
    assert field.encodings == ("base64",)


def test_environment_variables_bear_their_own_names() -> None:
    """And know each other, and the image."""
    content = """
containers:
- image: vpn:1
  env:
  - {name: VPN_TYPE, value: wireguard}
  - {name: VPN_KEY, value: abc}
  args: [--password, hunter2, --verbose]
"""
    value = fields(content)["/containers/0/env/1/value"]
    assert (value.name, value.image) == ("VPN_KEY", "vpn:1")
    assert value.siblings == {"VPN_TYPE": "wireguard", "VPN_KEY": "abc"}
    assert fields(content)["/containers/0/args/1"].name == "password"


def test_sealed_and_sops_and_vault_values_are_quiet() -> None:
    """They are encrypted, by the definition of their place or their tag."""
    sealed = fields(
        "kind: SealedSecret\napiVersion: bitnami.com/v1alpha1\nmetadata: {name: a}\nspec: {encryptedData: {x: AgA}}\n"
    )
    assert sealed["/spec/encryptedData/x"].quiet
    sops = fields("a: ENC[AES256_GCM,data:x]\nsops:\n  mac: ENC[AES256_GCM,data:y]\n  age: [{enc: text}]\n")
    assert sops["/sops/age/0/enc"].quiet
    assert not sops["/a"].quiet  # it says itself what it is
    vault = fields("x: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\ny: 1\n")
    assert vault["/x"].quiet


def test_a_broken_document_costs_the_others_nothing() -> None:
    """And what stands before the fault is read."""
    content = "a: first\nb: [1\n  c: }\n---\nd: whole\n---\n{{ if }}\ne: {{ .x | quote }}\nf: after\n"
    found = fields(content)
    assert found["/a"].value == b"first"
    assert found["/d"].value == b"whole"
    assert found["/f"].value == b"after"
    assert found["/e"].value == b"{{ .x | quote }}"


def test_duplicate_keys_tags_and_merges_are_all_taken() -> None:
    """Whatever a loader would do with them."""
    ways = take_apart(b"a: first\na: second\nb: !Ref third\nbase: &b {k: fourth}\nc:\n  <<: *b\n", "x.yaml", Budget())
    assert [field.value for field in ways[0].fields] == [b"first", b"second", b"third", b"fourth", b"fourth"]


def test_cyclic_aliases_end() -> None:
    """A node within itself is looked at once."""
    assert fields("a: &a\n  b: text\n  c: *a\n  d: [*a, *a]\n")["/a/b"].value == b"text"


def test_values_know_their_lines() -> None:
    """Those of a block scalar begin below its header, after any anchor, tag or indicator."""
    content = b"a: &x !!str |2-\n    one\n   two\nb: >\n  folded\n  text\nc: 'q'\nd:   \n  plain\n"
    for pointer, line in {"/a": 2, "/b": 5, "/c": 7, "/d": 9}.items():
        assert content.count(b"\n", 0, fields(content)[pointer].start) + 1 == line
    assert fields(content)["/a"].value == b"  one\n two"


def test_terraform_says_which_object_its_values_are_for() -> None:
    """Names in the metadata block where they are literal; strings, heredocs, functions; variables by their names."""
    content = """
resource "kubernetes_secret_v1" "x" {
  metadata {
    name      = "s"
    namespace = var.namespace
  }
  data = {
    plain  = "a${var.b}c"
    "q.r"  = <<-EOT
      two
        lines
    EOT
    coded  = base64encode("text")
  }
  binary_data = { raw = filebase64("${path.module}/raw.key") }
}
variable "db_password" { default = "hunter2" }
"""
    found = fields(content, "main.tf")
    at = "/resource/kubernetes_secret_v1/x"
    assert found[f"{at}/data/q.r"].value == b"two\n  lines\n"
    assert found[f"{at}/data/q.r"].object == ObjectField("Secret", "", "s", "/data/q.r")
    assert found[f"{at}/data/plain"].value == b"a${var.b}c"
    assert found[f"{at}/data/coded"].value == b"text"
    raw = found[f"{at}/binary_data/raw"]
    assert (raw.borrowed, raw.value) == ("filebase64", b"raw.key")
    assert found["/variable/db_password/default"].name == "db_password"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"a\n\"b\""', b'a\n"b"'),
        ('"${join(",", ["x", "y"])} z"', b'${join(",", ["x", "y"])} z'),
        ('"$${literal} %%{x}"', b"${literal} %{x}"),
        ('"not closed\nnext"', b"not closed"),
        (r'"\u00e9"', "é".encode()),
    ],
)
def test_strings_of_hcl_mean_what_they_say(text: str, value: bytes) -> None:
    """Escapes, interpolations with quotes of their own, doubled dollars."""
    assert string(text.encode(), 1)[0].value == value


def test_a_state_file_names_the_objects_that_it_remembers() -> None:
    """``data`` is plain there, ``binary_data`` base64."""
    attributes = {
        "data": {"a": "plain"},
        "binary_data": {"b": "aGVsbG8="},
        "metadata": [{"name": "n", "namespace": "s"}],
    }
    resource = {"type": "kubernetes_config_map", "name": "x", "instances": [{"attributes": attributes}]}
    found = fields(json.dumps({"version": 4, "resources": [resource]}), "terraform.tfstate")
    at = "/resources/0/instances/0/attributes"
    assert found[f"{at}/data/a"].object == ObjectField("ConfigMap", "s", "n", "/data/a")
    assert found[f"{at}/data/a"].encodings == ()
    assert found[f"{at}/binary_data/b"].encodings == ("base64",)


def test_generators_of_kustomize_name_values_and_files() -> None:
    """A literal is its value under its name; a file is a reference."""
    content = "kind: Kustomization\nsecretGenerator:\n- name: s\n  literals: [\"pw='x y'\"]\n  files: [k=key.pem]\n"
    ways = take_apart(content.encode(), "kustomization.yaml", Budget())
    said = {(field.name, field.value, field.borrowed) for field in ways[0].fields}
    assert ("pw", b"x y", "") in said
    assert ("files", b"key.pem", "secretGenerator") in said


def test_assignments_lose_their_quotes() -> None:
    """In dotenv files, units and scripts; values over several lines too."""
    content = "# c\nexport A='one two'\nB=\"x\\ny\nz\"\n[s]\nC = bare value \n  D: yaml-like\n"
    found = fields(content, ".env")
    assert [found[name].value for name in "ABCD"] == [b"one two", b"x\ny\nz", b"bare value", b"yaml-like"]
    assert found["A"].siblings == {"A": "one two", "B": "x\ny\nz"}


def test_here_documents_are_fields() -> None:
    """Named by the file that they are written to."""
    content = "#!/bin/sh\ncat <<'EOF' > /etc/key\nline\nEOF\ncat > b <<-X\n\ttabbed\n\tX\necho $((1<<2))\n"
    found = fields(content, "run.sh")
    assert found["/etc/key"].value == b"line\n"
    assert found["b"].value == b"tabbed\n"


def test_blocks_of_comments_are_fields() -> None:
    """Without the signs; a single line is seen in the text itself."""
    [way] = take_apart(b"#!/bin/sh\n# one\n#  two\necho\n// not here\n", "run.sh", Budget())
    assert [field.value for field in way.fields] == [b"one\n two\n"]


@pytest.mark.parametrize(
    ("raw", "meaning"),
    [
        (rb"\ud83d\ude00", "😀".encode()),
        (rb"\ud83d x", b"\xed\xa0\xbd x"),
        (rb"\q\n", b"\\q\n"),
        (b"\xff\\n", b"\xff\n"),
    ],
)
def test_escapes_of_json_are_undone_as_far_as_they_mean_anything(raw: bytes, meaning: bytes) -> None:
    """Surrogate pairs, half of one, escapes that there are not, bytes that are no text."""
    assert unescaped(raw) == meaning


def test_what_is_too_much_is_said() -> None:
    """Too large a document, too many fields, too deep."""
    assert take_apart(b"a: 1\n" * 100, "x.yaml", Budget(document=100))[0].missed
    assert take_apart(b"a: 1\n" * 100, "x.yaml", Budget(fields=50))[0].missed
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    assert take_apart("\n".join(lines).encode(), "x.yaml", Budget())[0].missed
