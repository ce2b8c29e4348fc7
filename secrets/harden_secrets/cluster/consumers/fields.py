"""Fields outside of pods that name a Secret or ConfigMap: of built-in kinds, of custom ones, of Helm values.

There is no list of all fields of all custom kinds, but their authors follow a handful of shapes: `…SecretRef: {name,
key}`, `secretName: …`, `{kind: Secret, name}`, `secrets: […]`. What has such a shape is taken for a reference. It is
certain in the groups whose kinds were looked at, and a guess elsewhere.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harden_secrets.cluster.consumers.consumer import Way
from harden_secrets.cluster.consumers.walk import DEEPEST, Path, at, mapping, text
from harden_secrets.cluster.consumers.workload import is_pod_spec
from harden_secrets.cluster.port import Manifest

KNOWN_GROUPS = frozenset({
    "", "networking.k8s.io", "storage.k8s.io", "gateway.networking.k8s.io", "apps", "batch", "extensions",
    "cert-manager.io", "acme.cert-manager.io", "helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io", "notification.toolkit.fluxcd.io", "image.toolkit.fluxcd.io", "argoproj.io",
    "external-secrets.io", "generators.external-secrets.io", "secrets.hashicorp.com", "traefik.io",
    "traefik.containo.us", "monitoring.coreos.com", "pkg.crossplane.io", "apiextensions.crossplane.io",
    "postgresql.cnpg.io", "tekton.dev", "keda.sh", "velero.io", "bitnami.com", "cluster.x-k8s.io",
    "actions.github.com", "actions.summerwind.dev", "k3s.cattle.io", "helm.cattle.io", "longhorn.io", "metallb.io",
})  # fmt: skip
_KNOWN_ENDS = (".crossplane.io", ".upbound.io")

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\Z")  # RFC 1123 subdomain, as names of objects are
# `accessKeyIDSecretRef`, `secretKeySelector`, `passwordSecret`, `configMap`: what a mapping with a name in it is called
_REFERENCE = re.compile(
    r".*(?P<kind>secret|configmap)(?:target|key|to)?(?:ref|refs|reference|references|selector)?s?\Z", re.IGNORECASE
)
# `secretName`, `existingSecret`, `configSecret`, `appRole.secretRef`: what a plain name is called
_NAMED = re.compile(r".*(?P<kind>secret|configmap)(?:_?name|ref|reference)?\Z", re.IGNORECASE)
_LISTED = re.compile(r".*(?P<kind>secret|configmap)s\Z", re.IGNORECASE)
_KINDS = {"secret": "Secret", "configmap": "ConfigMap"}
_KEYS = ("key", "secretKey", "configMapKey", "valuesKey", "existingSecretKey", "existingSecretPasswordKey", "property")
_SELECTOR = frozenset({"name", "key", "optional"})
_LEFT_OUT = frozenset({"ignoreDifferences", "openAPIV3Schema", "status"})  # these tell of kinds, they use none
_PRODUCED = frozenset({"writeConnectionSecretToRef", "publishConnectionDetailsTo"})
_ANNOTATION = re.compile(r"(?P<kind>secret|configmap)(?:[-a-z]*|\.reloader\.stakater\.com/reload)\Z", re.IGNORECASE)
_DRIVER = re.compile(r"(?P<stem>csi\.storage\.k8s\.io/.*secret)-name\Z")

# What the fields are called between which a reference stands, and what it then is.
_PLACES = {
    "env": Way.ENV,
    "envFrom": Way.ENV_FROM,
    "volumes": Way.VOLUME,
    "imagePullSecrets": Way.IMAGE_PULL,
    "tls": Way.TLS,
    "certificateRefs": Way.TLS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldUse:
    """A field that names one. ``namespace`` is empty where the field does not say."""

    kind: str
    name: str
    way: Way
    pointer: Path
    namespace: str = ""
    key: str = ""
    optional: bool = False
    certain: bool = True


def field_uses(manifest: Manifest) -> Iterator[FieldUse]:
    """All references in an object outside of its pod specifications; also in Helm values, all of them guesses."""
    group = text(manifest.get("apiVersion")).rpartition("/")[0]
    known = bool(text(manifest.get("kind"))) and (group in KNOWN_GROUPS or group.endswith(_KNOWN_ENDS))
    look = _Look(group, text(manifest.get("kind")), known)
    for name, value in manifest.items():
        if name not in ("metadata", "data", "binaryData", "stringData", *_LEFT_OUT):
            yield from look.member(str(name), value, (str(name),), manifest)
    yield from look.annotations(mapping(at(manifest, "metadata", "annotations")))


@dataclass(frozen=True, slots=True)
class _Look:
    group: str
    object_kind: str
    known: bool

    def member(self, field: str, value: Any, path: Path, beside: Mapping[str, Any]) -> Iterator[FieldUse]:
        """References in one member of a mapping; ``beside`` is that mapping."""
        if len(path) >= DEEPEST or field in _LEFT_OUT:
            return
        if isinstance(value, str):
            yield from self._name(field, value, path, beside)
        elif isinstance(value, Mapping):
            yield from self._mapping(field, value, path)
        elif isinstance(value, list):
            for number, entry in enumerate(value):
                yield from self._entry(field, entry, (*path, number))

    def annotations(self, annotations: Mapping[str, Any]) -> Iterator[FieldUse]:
        """Those of Ingress controllers and of Reloader: a name, `namespace/name`, or several with commas."""
        for name, value in annotations.items():
            match = _ANNOTATION.search(str(name))
            if match is None or "last-applied" in str(name):
                continue
            for one in text(value).split(","):
                namespace, _, bare = one.strip().rpartition("/")
                if _NAME.match(bare):
                    yield FieldUse(
                        kind=_KINDS[match["kind"].lower()],
                        name=bare,
                        namespace=namespace,
                        way=Way.REFERENCE,
                        pointer=("metadata", "annotations", str(name)),
                        certain=self.known,
                    )

    def _mapping(self, field: str, value: Mapping[str, Any], path: Path) -> Iterator[FieldUse]:
        if is_pod_spec(value):
            return
        kind = self._kind_of(field, value)
        name = text(value.get("name")) or (text(value.get("secretName")) if kind == "Secret" else "")
        if kind and _NAME.match(name) and "metadata" not in value:
            yield self._use(kind, name, path, value, field)
            return
        yield from self._destination(field, value, path)
        for inner, below in value.items():
            yield from self.member(str(inner), below, (*path, str(inner)), value)

    def _kind_of(self, field: str, value: Mapping[str, Any]) -> str:
        """Which kind a mapping refers to: as it says itself, or by what it is called."""
        said = text(value.get("kind"))
        if said:
            return said if said in _KINDS.values() and "spec" not in value else ""
        if field == "certificateRefs":  # Gateway API: a Secret unless it says otherwise
            return "Secret"
        if match := _REFERENCE.match(field):
            return _KINDS[match["kind"].lower()]
        # `basicAuth.password`, `additionalScrapeConfigs`
        selects = self.group == "monitoring.coreos.com" and {"name", "key"} <= value.keys() <= _SELECTOR
        return "Secret" if selects else ""

    def _destination(self, field: str, value: Mapping[str, Any], path: Path) -> Iterator[FieldUse]:
        """Where the operators of Vault and of external stores put what they fetch."""
        places = {("secrets.hashicorp.com", "destination"), ("external-secrets.io", "target")}
        if (self.group, field) in places and _NAME.match(text(value.get("name"))):
            yield FieldUse(kind="Secret", name=text(value["name"]), way=Way.TARGET, pointer=path)

    def _entry(self, field: str, entry: Any, path: Path) -> Iterator[FieldUse]:
        """One element of a list: a name in `secrets: […]`, a mapping that refers or holds references."""
        if isinstance(entry, str):
            match = _LISTED.match(field)
            if match and _NAME.match(entry):
                yield self._use(_KINDS[match["kind"].lower()], entry, path, {}, field)
        elif isinstance(entry, Mapping):
            yield from self._mapping(field, entry, path)
        elif isinstance(entry, list) and len(path) < DEEPEST:
            for number, inner in enumerate(entry):
                yield from self._entry(field, inner, (*path, number))

    def _name(self, field: str, value: str, path: Path, beside: Mapping[str, Any]) -> Iterator[FieldUse]:
        if driver := _DRIVER.match(field):
            namespace = text(beside.get(f"{driver['stem']}-namespace"))
            yield FieldUse(kind="Secret", name=value, namespace=namespace, way=Way.DRIVER, pointer=path)
            return
        match = _NAMED.match(field)
        if match is None or not _NAME.match(value):
            return
        yield self._use(_KINDS[match["kind"].lower()], value, path, beside, field)

    def _use(self, kind: str, name: str, path: Path, value: Mapping[str, Any], field: str) -> FieldUse:
        key = next((text(value.get(one)) for one in _KEYS if isinstance(value.get(one), str)), "")
        return FieldUse(
            kind=kind,
            name=name,
            namespace=text(value.get("namespace")) or text(value.get("secretNamespace")),
            way=self._way(field, path),
            pointer=path,
            key=key,
            optional=value.get("optional") is True,
            certain=self.known,
        )

    def _way(self, field: str, path: Path) -> Way:
        if field in _PRODUCED or (self.group, self.object_kind) == ("cert-manager.io", "Certificate"):
            # A Certificate refers to its keystores' passwords further down; its own Secret stands at the top.
            return Way.TARGET if len(path) == 2 or field in _PRODUCED else Way.REFERENCE
        if self.object_kind == "ServiceAccount":
            return Way.SERVICE_ACCOUNT
        names = {part for part in path if isinstance(part, str)}
        return next((way for part, way in _PLACES.items() if part in names), Way.REFERENCE)
