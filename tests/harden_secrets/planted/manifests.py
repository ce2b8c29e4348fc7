"""Places in Kubernetes manifests."""

import base64
import gzip
import json
from collections.abc import Callable

from harden_secrets.finding import ObjectField
from tests.harden_secrets.planted.planting import Planted, Seed, block, crlf, planted

_HEAD = "apiVersion: v1\nkind: %s\nmetadata:\n  name: holder\n  namespace: home\n"
CONFIG_MAP, SECRET = _HEAD % "ConfigMap", _HEAD % "Secret"
_POD = (
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: home}\nspec:\n  template:\n    spec:\n"
    "      containers:\n      - name: web\n        image: web:1\n"
)
_AT = "/spec/template/spec/containers/0"
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def _field(kind: str, pointer: str) -> tuple[str, str, str, str]:
    return kind, "home", "holder", pointer


def config_map_block(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted(
        "cm.yaml", f"{CONFIG_MAP}data:\n  it: |\n    @@\n", block(seed.text, 4), seed, _field("ConfigMap", "/data/it")
    )


def config_map_crlf(seed: Seed) -> Planted:
    return crlf(config_map_block(seed))


def config_map_quoted(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted(
        "cm.yaml", f"{CONFIG_MAP}data:\n  it: @@\n", json.dumps(seed.text), seed, _field("ConfigMap", "/data/it")
    )


def config_map_base64(seed: Seed) -> Planted:
    seed = seed.in_base64
    return planted("cm.yaml", f"{CONFIG_MAP}data:\n  it: @@\n", seed.text, seed, _field("ConfigMap", "/data/it"))


def binary_data(seed: Seed) -> Planted:
    seed = seed.in_base64
    return planted(
        "cm.yaml", f"{CONFIG_MAP}binaryData:\n  it: @@\n", seed.text, seed, _field("ConfigMap", "/binaryData/it")
    )


def tagged_binary(seed: Seed) -> Planted:
    seed = seed.in_base64
    return planted(
        "cm.yaml", f"{CONFIG_MAP}data:\n  it: !!binary |\n    @@\n", seed.text, seed, _field("ConfigMap", "/data/it")
    )


def secret_data(seed: Seed) -> Planted:
    seed = seed.in_base64
    return planted("s.yaml", f"{SECRET}data:\n  it: @@\n", seed.text, seed, _field("Secret", "/data/it"))


def secret_data_in_lines(seed: Seed) -> Planted:
    digits = base64.encodebytes(seed.content).decode()
    return planted(
        "s.yaml",
        f"{SECRET}data:\n  it: |\n    @@\n",
        block(digits, 4),
        seed.in_base64,
        _field("Secret", "/data/it"),
    )


def secret_data_twice(seed: Seed) -> Planted:
    seed = seed.in_base64.in_base64
    return planted("s.yaml", f"{SECRET}data:\n  it: @@\n", seed.text, seed, _field("Secret", "/data/it"))


def string_data(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted(
        "s.yaml",
        f"{SECRET}stringData:\n  it: |-\n    @@\n",
        block(seed.text, 4),
        seed,
        _field("Secret", "/stringData/it"),
    )


def secret_in_json(seed: Seed) -> Planted:
    seed = seed.in_base64
    text = '{\n "apiVersion": "v1", "kind": "Secret",\n "metadata": {"name": "holder", "namespace": "home"},\n'
    return planted("s.json", text + ' "data": {"a/b": "@@"}\n}\n', seed.text, seed, _field("Secret", "/data/a~1b"))


def annotation(seed: Seed) -> Planted:
    seed = seed.as_text
    pointer = "/metadata/annotations/example.org~1it"
    return planted(
        "cm.yaml",
        f"{CONFIG_MAP}  annotations:\n    example.org/it: |\n      @@\n",
        block(seed.text, 6),
        seed,
        _field("ConfigMap", pointer),
    )


def last_applied(seed: Seed) -> Planted:
    digits = seed.in_base64.text
    way = Seed(b"", ("json:/data/it", "base64", *seed.encodings))
    applied = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "holder"}, "data": {"it": "@@"}}
    text = f"{SECRET}  annotations:\n    {_APPLIED}: |\n      {json.dumps(applied)}\n"
    pointer = f"/metadata/annotations/{_APPLIED.replace('/', '~1')}"
    return planted("s.yaml", text, digits, way, _field("Secret", pointer))


def environment(seed: Seed) -> Planted:
    seed = seed.one_line
    return planted(
        "d.yaml",
        f"{_POD}        env:\n        - name: IT\n          value: @@\n",
        json.dumps(seed.text),
        seed,
        ("Deployment", "home", "web", f"{_AT}/env/0/value"),
    )


def arguments(seed: Seed) -> Planted:
    seed = seed.one_line
    return planted(
        "d.yaml",
        f"{_POD}        args:\n        - --verbose\n        - --it=@@\n",
        seed.text,
        seed,
        ("Deployment", "home", "web", f"{_AT}/args/1"),
    )


def command_script(seed: Seed) -> Planted:
    seed = seed.in_base64
    return planted(
        "d.yaml",
        f"{_POD}        command:\n        - sh\n        - -c\n        - |\n          umask 077\n"
        "          echo '@@' | base64 -d > /key\n          exec web\n",
        seed.text,
        seed,
        ("Deployment", "home", "web", f"{_AT}/command/2"),
    )


def probe(seed: Seed) -> Planted:
    seed = seed.one_line
    return planted(
        "d.yaml",
        f"{_POD}        livenessProbe:\n          exec:\n            command: [probe, '@@']\n",
        seed.text,
        seed,
        ("Deployment", "home", "web", f"{_AT}/livenessProbe/exec/command/1"),
    )


def hook(seed: Seed) -> Planted:
    seed = seed.one_line
    return planted(
        "d.yaml",
        f"{_POD}        lifecycle:\n          postStart:\n            httpGet:\n              path: /\n"
        "              httpHeaders:\n              - name: X-It\n                value: '@@'\n",
        seed.text,
        seed,
        ("Deployment", "home", "web", f"{_AT}/lifecycle/postStart/httpGet/httpHeaders/0/value"),
    )


def custom_resource(seed: Seed) -> Planted:
    seed = seed.as_text
    return planted(
        "cr.yaml",
        "apiVersion: example.org/v1\nkind: Tunnel\nmetadata: {name: t}\nspec:\n  peers:\n  - deep:\n"
        "      - {a: 1}\n      - it: |\n          @@\n",
        block(seed.text, 10),
        seed,
        ("Tunnel", "", "t", "/spec/peers/0/deep/1/it"),
    )


def in_list(seed: Seed) -> Planted:
    seed = seed.in_base64
    text = (
        "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: x}}\n"
        "- apiVersion: v1\n  kind: Secret\n  metadata: {name: holder, namespace: home}\n  data:\n    it: @@\n"
    )
    return planted("list.yaml", text, seed.text, seed, _field("Secret", "/data/it"))


def second_document(seed: Seed) -> Planted:
    one = secret_data(seed)
    first = b"# first\n---\nkind: Namespace\napiVersion: v1\nmetadata: {name: home}\n---\n"
    return Planted("all.yaml", first + one.content, one.line + first.count(b"\n"), one.encodings, one.object)


def after_broken(seed: Seed) -> Planted:
    one = secret_data(seed)
    first = b"a: [1, 2\nb: }\n\tc\n---\n"
    return Planted("all.yaml", first + one.content, one.line + first.count(b"\n"), one.encodings, one.object)


def anchored(seed: Seed) -> Planted:
    seed = seed.as_text
    text = f"{CONFIG_MAP}data:\n  it: &it |\n    @@\n  copy: *it\n"
    one = planted("cm.yaml", text, block(seed.text, 4), seed, _field("ConfigMap", "/data/it"))
    return Planted(
        one.file, one.content, one.line, one.encodings, one.object, (ObjectField(*_field("ConfigMap", "/data/copy")),)
    )


def helm_template(seed: Seed) -> Planted:
    seed = seed.in_base64
    text = (
        "{{- if .Values.on }}\napiVersion: v1\nkind: Secret\nmetadata:\n  name: holder\n  namespace: home\n"
        '  labels: {{- include "x.labels" . | nindent 4 }}\ntype: {{ .Values.type | quote }}\ndata:\n  it: @@\n'
        "{{- end }}\n"
    )
    return planted("templates/s.yaml", text, seed.text, seed, _field("Secret", "/data/it"))


def helm_release(seed: Seed) -> Planted:
    inner = f"---\n{SECRET}data:\n  it: {base64.b64encode(seed.content).decode()}\n"
    release = json.dumps({"name": "r", "info": {"status": "superseded"}, "manifest": inner, "version": 3})
    packed = base64.b64encode(base64.b64encode(gzip.compress(release.encode()))).decode()
    text = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: sh.helm.release.v1.r.v3, namespace: home}\n"
        "type: helm.sh/release.v1\ndata:\n  release: @@\n"
    )
    way = ("base64", "base64", "gzip", "json:/manifest", "yaml:/data/it", "base64", *seed.encodings)
    where = ("Secret", "home", "sh.helm.release.v1.r.v3", "/data/release")
    return planted("release.yaml", text, packed, Seed(b"", way), where)


def env_file_inside(seed: Seed) -> Planted:
    seed = seed.one_line
    return planted(
        "cm.yaml",
        f"{CONFIG_MAP}data:\n  app.env: |\n    # settings\n    PORT=80\n    IT='@@'\n",
        seed.text,
        seed,
        _field("ConfigMap", "/data/app.env"),
    )


def json_in_yaml_in_json(seed: Seed) -> Planted:
    seed = seed.as_text
    innermost = json.dumps({"deep": [{"it": seed.text}]})
    middle = f"settings:\n  more: |\n    {innermost}\n  x: 1\n"
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "holder", "namespace": "home"}}
    content = json.dumps({**manifest, "data": {"app.yaml": middle}}).encode()
    way = ("yaml:/settings/more", "json:/deep/0/it", *seed.encodings)
    return Planted("cm.json", content, 1, way, ObjectField(*_field("ConfigMap", "/data/app.yaml")))


def kustomize_literal(seed: Seed) -> Planted:
    seed = seed.one_line
    text = "kind: Kustomization\nresources: [a.yaml]\nsecretGenerator:\n- name: s\n  literals:\n  - it='@@'\n"
    return planted("kustomization.yaml", text, seed.text, seed)


MANIFESTS: dict[str, Callable[[Seed], Planted]] = {
    place.__name__: place
    for place in (
        config_map_block, config_map_crlf, config_map_quoted, config_map_base64, binary_data, tagged_binary,
        secret_data, secret_data_in_lines, secret_data_twice, string_data, secret_in_json, annotation, last_applied,
        environment, arguments, command_script, probe, hook, custom_resource, in_list, second_document, after_broken,
        anchored, helm_template, helm_release, env_file_inside, json_in_yaml_in_json, kustomize_literal,
    )
}  # fmt: skip
