"""Reads of the API server by client libraries, by Terraform's data sources, by Helm's `lookup` and by Ansible."""

import re
from collections.abc import Iterator

from harden_secrets.cluster.consumers.script import Script
from harden_secrets.cluster.consumers.scripted import Named

_KIND = re.compile(r"secret", re.IGNORECASE)
_ARGUMENT = r"""(?:"[^"\n]{0,300}"|'[^'\n]{0,300}'|[\w.]{1,300})"""

# Python: read_namespaced_secret(name="x", namespace="y"); JavaScript: readNamespacedSecret({name: 'x', namespace: 'y'})
_GENERATED = re.compile(
    r"read_?namespaced_?(?P<kind>config_?map|secret)\w*\(\s*(?P<arguments>\{?[^)}]{0,1000})", re.IGNORECASE
)
# Go: ConfigMaps("ns").Get(ctx, "name", …)
_GO = re.compile(
    rf"\b(?P<kind>ConfigMaps|Secrets)\(\s*(?P<namespace>{_ARGUMENT})\s*\)"
    rf"\s*\.\s*Get\(\s*[^,()]{{0,100}}(?:\(\))?\s*,\s*(?P<name>{_ARGUMENT})"
)
# Java: .configMaps().inNamespace("ns").withName("name")
_JAVA = re.compile(
    rf"\b(?P<kind>configMaps|secrets)\(\)\s*(?:\.\s*inNamespace\(\s*(?P<namespace>{_ARGUMENT})\s*\))?\s*\.\s*withName\(\s*(?P<name>{_ARGUMENT})"
)
# Helm: lookup "v1" "Secret" "ns" "name"
_HELM = re.compile(
    rf"\blookup\s+\"v1\"\s+\"(?P<kind>ConfigMap|Secret)\"\s+(?P<namespace>{_ARGUMENT})\s+(?P<name>{_ARGUMENT})"
)
_TERRAFORM = re.compile(
    r"\bdata\s+\"kubernetes_(?P<kind>config_map|secret)(?:_v1)?\"\s+\"(?P<label>[\w-]+)\"\s*\{(?P<body>(?:[^{}]|\{[^{}]{0,2000}\}){0,4000})\}"
)
# Ansible: k8s_info with kind and name below it, or its lookup
_ANSIBLE = re.compile(r"\bk8s_info:\s*\n(?P<body>(?:[ \t]+[^\n]{0,500}\n?){1,12})")
_ANSIBLE_LOOKUP = re.compile(r"lookup\(\s*['\"](?:kubernetes\.core\.)?k8s['\"](?P<body>[^)]{0,1000})\)")


def reads(script: Script) -> Iterator[Named]:
    """All of them in a text."""
    for match in _GENERATED.finditer(script.text):
        yield from _generated(script, match)
    for pattern in (_GO, _JAVA, _HELM):
        for match in pattern.finditer(script.text):
            yield from _made(script, match, match["kind"], match["namespace"] or "", match["name"])
    for match in _TERRAFORM.finditer(script.text):
        yield from _terraform(script, match)
    for pattern in (_ANSIBLE, _ANSIBLE_LOOKUP):
        for match in pattern.finditer(script.text):
            yield from _ansible(script, match)


def _made(script: Script, match: re.Match[str], kind: str, namespace: str, name: str) -> Iterator[Named]:
    found = _value(script, name)
    if found:
        which = "Secret" if _KIND.search(kind) else "ConfigMap"
        yield Named(which, _value(script, namespace), found, match.start(), match.end())


def _value(script: Script, argument: str) -> str:
    """What an argument says: a literal, or a variable that the text sets to one."""
    argument = argument.strip()
    if argument[:1] in ("'", '"'):
        return script.value_of(argument)
    return script.value_of("{" + argument + "}") if argument.isidentifier() else ""


def _generated(script: Script, match: re.Match[str]) -> Iterator[Named]:
    arguments = match["arguments"]
    named = dict(re.findall(rf"\b(name|namespace)\s*[=:]\s*({_ARGUMENT})", arguments))
    positional = [part.strip() for part in arguments.split(",") if part.strip() and not re.search(r"\w\s*[=:]", part)]
    name = named.get("name") or (positional[0] if positional else "")
    namespace = named.get("namespace") or (positional[1] if len(positional) > 1 else "")
    yield from _made(script, match, match["kind"], namespace, name)


def _terraform(script: Script, match: re.Match[str]) -> Iterator[Named]:
    """A data source, once for each of its entries that the text uses; the provider has undone a Secret's base64."""
    fields = dict(re.findall(r"\b(name|namespace)\s*=\s*(\"[^\"\n]*\")", match["body"]))
    kind = match["kind"]
    use = re.compile(
        rf"(?P<before>[^\n]{{0,80}})\bdata\.kubernetes_{kind}(?:_v1)?\.{re.escape(match['label'])}(?:\[\w+\])?"
        r"\.(?P<field>data|binary_data)(?:\[\"(?P<quoted>[^\"]+)\"\]|\.(?P<plain>[\w-]+))?"
    )
    found = list(use.finditer(script.text))
    for name in [one for one in [_value(script, fields.get("name", ""))] if one]:
        which = "Secret" if kind == "secret" else "ConfigMap"
        namespace = _value(script, fields.get("namespace", '""'))
        for one in found:
            uses = one["before"] if "base64decode" in one["before"] else ""
            key = one["quoted"] or one["plain"] or ""
            yield Named(which, namespace, name, match.start(), match.end(), key=key, uses=uses)
        if not found:
            yield Named(which, namespace, name, match.start(), match.end(), uses="")


def _ansible(script: Script, match: re.Match[str]) -> Iterator[Named]:
    fields = dict(re.findall(r"\b(kind|name|resource_name|namespace)\s*[:=]\s*[\"']?([\w.$-]+)", match["body"]))
    name = fields.get("name") or fields.get("resource_name") or ""
    if fields.get("kind") in ("Secret", "ConfigMap") and script.value_of(name):
        namespace = script.value_of(fields.get("namespace", ""))
        yield Named(fields["kind"], namespace, script.value_of(name), match.start(), match.end())
