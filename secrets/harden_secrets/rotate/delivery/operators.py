"""What the objects of two operators say: which Secret they make, what keeps them from it, whom they restart. Pure.

Sources: the definitions `secrets.hashicorp.com/v1beta1` and `external-secrets.io/v1`. Both operators look at Vault
anew when an annotation of their object changes: the Vault Secrets Operator by its `annotationChangedPredicate` (since
0.5), the External Secrets Operator as its FAQ says, unless its interval is zero.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from harden_secrets.cluster.consumers.walk import at, entries, mapping, text
from harden_secrets.cluster.port import Manifest, ObjectName

VSO_RESTARTED = "vso.secrets.hashicorp.com/restartedAt"


class Operator(Protocol):
    """One of the two. ``nudge`` is the annotation whose change makes it look."""

    @property
    def group(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def nudge(self) -> str: ...

    def makes(self, manifest: Manifest, secret: str) -> bool:
        """Whether this object makes the Secret of that name."""
        ...

    def obstacles(self, manifest: Manifest, mount: str, path: str) -> Iterator[str]:
        """Why it will never deliver the newest version."""
        ...

    def restarts(self, manifest: Manifest, workload: ObjectName) -> bool:
        """Whether the operator restarts that workload when the value changes."""
        ...


@dataclass(frozen=True, slots=True)
class VaultSecretsOperator:
    """HashiCorp's, by a VaultStaticSecret."""

    group: str = "secrets.hashicorp.com"
    kind: str = "VaultStaticSecret"
    nudge: str = "harden.internal/asked"

    def makes(self, manifest: Manifest, secret: str) -> bool:
        """See the Operator."""
        return text(at(manifest, "spec", "destination", "name")) == secret

    def obstacles(self, manifest: Manifest, mount: str, path: str) -> Iterator[str]:
        """See the Operator."""
        spec = mapping(manifest.get("spec"))
        if spec.get("version"):
            yield f"is pinned to version {spec['version']} by spec.version"
        where = f"{text(spec.get('mount')).strip('/')}/{text(spec.get('path')).strip('/')}"
        if where != f"{mount.strip('/')}/{path}":
            yield f"delivers {where}, not {mount}/{path}"

    def restarts(self, manifest: Manifest, workload: ObjectName) -> bool:
        """See the Operator."""
        if at(manifest, "spec", "hmacSecretData") is False:  # it then ignores whom to restart
            return False
        targets = entries(at(manifest, "spec", "rolloutRestartTargets"))
        return any((one.get("kind"), one.get("name")) == (workload.kind, workload.name) for _, one in targets)


@dataclass(frozen=True, slots=True)
class ExternalSecretsOperator:
    """The External Secrets Operator, by an ExternalSecret."""

    group: str = "external-secrets.io"
    kind: str = "ExternalSecret"
    nudge: str = "force-sync"

    def makes(self, manifest: Manifest, secret: str) -> bool:
        """See the Operator."""
        own = text(at(manifest, "metadata", "name"))
        return (text(at(manifest, "spec", "target", "name")) or own) == secret

    def obstacles(self, manifest: Manifest, mount: str, path: str) -> Iterator[str]:
        """See the Operator."""
        spec = mapping(manifest.get("spec"))
        policy = text(spec.get("refreshPolicy")) or "Periodic"
        if policy == "CreatedOnce":
            yield "has the refreshPolicy CreatedOnce, and never delivers another version"
        if policy == "Periodic" and _is_zero(spec.get("refreshInterval")):
            yield "has the refreshInterval 0, and never delivers another version"
        for _, one in entries(spec.get("data")):
            reference = mapping(one.get("remoteRef"))
            if text(reference.get("key")).strip("/").endswith(path) and reference.get("version"):
                yield f"is pinned to version {reference['version']} for the key {one.get('secretKey')}"

    def restarts(self, manifest: Manifest, workload: ObjectName) -> bool:
        """See the Operator: it restarts nobody."""
        return False


OPERATORS: Mapping[str, Operator] = {
    "vault-secrets-operator": VaultSecretsOperator(),
    "external-secrets": ExternalSecretsOperator(),
}


def complaint(manifest: Manifest, events: list[Manifest]) -> str:
    """What an operator says of an object that it cannot bring about: its last warning, or a condition; or nothing."""
    uid = at(manifest, "metadata", "uid")
    warnings = [
        one for one in events if one.get("type") == "Warning" and at(one, "involvedObject", "uid") == uid and uid
    ]
    if warnings:
        return text(max(warnings, key=_seen).get("message"))
    said = [
        text(one.get("message")) or text(one.get("reason"))
        for _, one in entries(at(manifest, "status", "conditions"))
        if one.get("status") == "False" and one.get("type") in ("Ready", "Synced", "Healthy")
    ]
    return said[0] if said else ""


def nudging(manifest: Manifest, annotation: str) -> list[dict[str, Any]]:
    """The patch that changes an annotation, whatever it says."""
    there = mapping(at(manifest, "metadata", "annotations"))
    before = text(there.get(annotation))
    value = str(int(before) + 1) if before.isdecimal() and len(before) < 19 else "1"
    version = {"op": "test", "path": "/metadata/resourceVersion", "value": manifest["metadata"]["resourceVersion"]}
    return [version, {"op": "add", "path": "/metadata/annotations", "value": {**there, annotation: value}}]


def _seen(event: Manifest) -> str:
    return (
        text(event.get("lastTimestamp"))
        or text(event.get("eventTime"))
        or text(at(event, "metadata", "creationTimestamp"))
    )


def _is_zero(interval: object) -> bool:
    """A length of time as Go writes it: ``0``, ``0s``, ``0h0m0s``."""
    return isinstance(interval, str | int) and not any(char in "123456789" for char in str(interval)) and interval != ""
