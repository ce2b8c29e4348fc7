"""What Kubernetes and its neighbours mean by a place in a document: which object it is of, and what wraps it there.

``data`` of a Secret and ``binaryData`` of a ConfigMap are base64 (API reference, core/v1). The providers of Terraform
take ``data`` as it is and only ``binary_data`` in base64.
"""

from dataclasses import dataclass

from harden_secrets.documents.tree import Mapping, Sequence

_BASE64 = {("Secret", "data"), ("ConfigMap", "binaryData"), ("Secret", "binary_data"), ("ConfigMap", "binary_data")}
_ENCRYPTED = {("SealedSecret", "spec", "encryptedData")}
_TERRAFORM = {
    "kubernetes_secret": "Secret",
    "kubernetes_secret_v1": "Secret",
    "kubernetes_secret_v1_data": "Secret",
    "kubernetes_config_map": "ConfigMap",
    "kubernetes_config_map_v1": "ConfigMap",
    "kubernetes_config_map_v1_data": "ConfigMap",
}


@dataclass(frozen=True, slots=True)
class Owner:
    """The object that a part of a document describes; ``terraform`` if by way of a resource of its provider."""

    kind: str
    namespace: str = ""
    name: str = ""
    secret_type: str = ""
    terraform: bool = False

    def encodings(self, path: tuple[str, ...]) -> tuple[str, ...]:
        """What wraps the value at this path of the object."""
        if len(path) < 2 or (self.terraform and path[0] == "data"):
            return ()
        return ("base64",) if (self.kind, path[0]) in _BASE64 else ()

    def encrypted(self, path: tuple[str, ...]) -> bool:
        """Whether what stands at this path is encrypted by the kind's definition."""
        return (self.kind, *path[:2]) in _ENCRYPTED


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of objects, as ``kubectl get -o yaml`` writes it."""

    kind: str


def described(mapping: Mapping) -> Owner | Listed | None:
    """The object that a mapping is the manifest of, if it is one."""
    kind, version = mapping.text("kind"), mapping.text("apiVersion")
    if not kind or not version:
        return None
    if kind.endswith("List") and isinstance(mapping.get("items"), Sequence):
        return Listed(kind)
    metadata = mapping.get("metadata")
    if not isinstance(metadata, Mapping):
        return None  # a file of settings, as a kubeconfig is one
    namespace, name = metadata.text("namespace"), metadata.text("name") or metadata.text("generateName")
    if kind in ("Secret", "ConfigMap") and version != "v1":
        kind = f"{kind}.{version}"  # somebody else's kind of that name
    return Owner(kind, namespace, name, mapping.text("type") if kind == "Secret" else "")


def provided(resource: str, attributes: Mapping) -> Owner | None:
    """The object that a resource of Terraform's Kubernetes provider describes, if it is one that holds values."""
    kind = _TERRAFORM.get(resource)
    if kind is None:
        return None
    metadata = attributes.get("metadata")
    if isinstance(metadata, Sequence) and metadata.items and isinstance(metadata.items[0], Mapping):
        metadata = metadata.items[0]
    texts = (metadata.text("namespace"), metadata.text("name")) if isinstance(metadata, Mapping) else ("", "")
    namespace, name = ("" if "${" in text else text for text in texts)
    return Owner(kind, namespace, name, attributes.text("type") if kind == "Secret" else "", terraform=True)
