"""What an examination says besides the planted corpus: live objects, references, copies, what explains what."""

import base64
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Observation, Reference, Sighting, Unexamined, examine, examine_object
from harden_secrets.finding import ObjectField
from harden_secrets.material import Material
from tests.harden_secrets.keys import pem, ssh
from tests.harden_secrets.tokens.contexts import password
from tests.harden_secrets.tokens.standing import github


def sightings(observations: list[Observation]) -> list[Sighting]:
    return [one for one in observations if isinstance(one, Sighting)]


def looked_at(content: bytes | str, file: str = "x.yaml") -> list[Sighting]:
    raw = content.encode() if isinstance(content, str) else content
    return sightings(list(examine(raw, file, DETECTORS)))


def test_an_object_of_a_cluster_has_fields_and_no_lines() -> None:
    """A Secret's data in base64, its annotations as they are."""
    key, token = ssh.openssh(), github()
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "n", "annotations": {"example.org/token": token}},
        "data": {"it": base64.b64encode(key).decode()},
    }
    seen = {one.object: one for one in sightings(list(examine_object(manifest, DETECTORS)))}
    data = seen[ObjectField("Secret", "n", "s", "/data/it")]
    assert (data.encodings, data.line, data.value.reveal()) == (("base64",), 0, key.rstrip(b"\n") or key)
    assert seen[ObjectField("Secret", "n", "s", "/metadata/annotations/example.org~1token")].encodings == ()
    assert len(seen) == 2


@settings(max_examples=50, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=15,
    )
)
def test_any_object_is_taken(tree: object) -> None:
    """Whatever a custom resource holds."""
    list(examine_object({"kind": "X", "apiVersion": "v1", "metadata": {"name": "x"}, "spec": tree}, DETECTORS))


def test_a_value_in_two_fields_is_seen_twice() -> None:
    """Two places of one key."""
    token = github()
    seen = looked_at(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  a: {token}\n  b: {token}\n")
    assert [one.object.field for one in seen if one.object] == ["/data/a", "/data/b"]
    assert seen[0].detection.identity == seen[1].detection.identity


def test_a_value_twice_on_a_line_is_seen_twice() -> None:
    """In text that is no document, too."""
    token = github()
    assert [(one.line, one.start) for one in looked_at(f"x {token} {token}\n", "x.txt")] == [(1, 2), (1, 43)]


def test_a_password_that_is_a_token_is_that() -> None:
    """What it is called adds nothing to what it is; beside it, a password stays one."""
    secret = password()
    seen = looked_at(f"db_password: {github()}\nother_password: {secret}\n")
    assert [one.detection.material for one in seen] == [Material.VCS_TOKEN, Material.PASSWORD]


def test_base64_that_a_place_demands_is_no_password() -> None:
    """The field means what it decodes to, not the digits."""
    secret = password()
    digits = base64.b64encode(secret.encode()).decode()
    [one] = looked_at(f"apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\ndata: {{password: {digits}}}\n")
    assert one.value.reveal() == secret.encode()


def test_text_where_base64_is_demanded_is_looked_at_as_it_is() -> None:
    """A mistake that the API server would refuse, and a key in the file all the same."""
    text = "\n".join(f"    {line}" for line in pem.pkcs8().decode().splitlines())
    [one] = looked_at(f"apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\ndata:\n  it: |\n{text}\n")
    assert (one.encodings, one.line) == ((), 6)


def test_files_that_a_value_comes_from_are_named() -> None:
    """Relative to the module where they are; not those that a variable decides."""
    content = """
resource "kubernetes_config_map" "x" {
  metadata { name = "git-crypt-key" }
  data = {
    key   = filebase64("${path.module}/git-crypt.key")
    other = file("/etc/x.pem")
    var   = file("${var.folder}/x")
  }
}
"""
    seen = [one for one in examine(content.encode(), "main.tf", DETECTORS) if isinstance(one, Reference)]
    assert [(one.path, one.how, one.line) for one in seen] == [
        ("git-crypt.key", "filebase64", 5),
        ("/etc/x.pem", "file", 6),
    ]
    assert seen[0].object == ObjectField("ConfigMap", "", "git-crypt-key", "/data/key")


def test_addresses_are_no_files() -> None:
    """A generator of kustomize may take its files from the network."""
    content = b"kind: Kustomization\nconfigMapGenerator:\n- name: x\n  files: [a.json, https://example.org/b.json]\n"
    seen = [one for one in examine(content, "kustomization.yaml", DETECTORS) if isinstance(one, Reference)]
    assert [one.path for one in seen] == ["a.json"]


def test_every_copy_in_a_release_is_one_place_of_the_outer_field() -> None:
    """The manifest and the chart's template hold the key, and the one field of the Secret is where it lies."""
    digits = base64.b64encode(pem.pkcs8()).decode()
    inner = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\ndata: {{it: {digits}}}\n"
    release = json.dumps(
        {"manifest": inner, "chart": {"templates": [{"data": base64.b64encode(inner.encode()).decode()}]}}
    )
    outer = base64.b64encode(base64.b64encode(release.encode())).decode()
    [one] = looked_at(f"apiVersion: v1\nkind: Secret\nmetadata: {{name: sh.x}}\ndata: {{release: {outer}}}\n")
    assert one.object == ObjectField("Secret", "", "sh.x", "/data/release")
    assert one.encodings == ("base64", "base64", "json:/manifest", "yaml:/data/it", "base64")


def test_no_value_shows_in_what_is_said() -> None:
    """Neither in a sighting nor in what was not examined."""
    key = pem.pkcs8()
    observations = list(examine(base64.b64encode(key), "x", DETECTORS))
    assert key.splitlines()[1].decode() not in repr(observations)
    assert not [one for one in observations if isinstance(one, Unexamined)]
