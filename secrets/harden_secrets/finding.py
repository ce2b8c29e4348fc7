"""What a scan found, and where. Holds no value: only what may be shown to anybody who may read the report."""

from dataclasses import dataclass
from typing import Any

from harden_secrets.material import Material, Severity


@dataclass(frozen=True, slots=True, order=True)
class ObjectField:
    """A field of a Kubernetes object.

    ``field`` is a JSON pointer (RFC 6901) into it: ``/data/key``, ``/spec/template/spec/containers/0/env/2/value``.
    """

    kind: str
    namespace: str
    name: str
    field: str

    def as_json(self) -> dict[str, str]:
        """The form in ``scan --json``."""
        return {"kind": self.kind, "namespace": self.namespace, "name": self.name, "field": self.field}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands.

    ``source`` is the path as the person gave it (``infra/main.tf``), a commit and path
    (``4f2c9e1:infra/main.tf``), or the cluster's context and object (``cluster:openclaw/configmaps/git-crypt-key``).
    ``line`` is the line in that file where the value begins, from 1; 0 where there are no lines.
    """

    source: str
    line: int
    object: ObjectField | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Key material at one place. All findings of one key have one ``fingerprint``.

    ``encodings`` says what wraps it there, outermost first (``base64``, ``gzip``, ``tar:etc/key``); the copy's bytes
    are those of the field with these undone. ``consumers`` and ``readers`` are filled in where the objects around it
    are known. ``public_copies`` tells where the public half lies about.
    """

    material: Material
    fingerprint: str
    severity: Severity
    protected: bool
    place: Place
    encodings: tuple[str, ...] = ()
    description: str = ""
    consumers: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    public_copies: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """One element of ``findings`` in ``scan --json``."""
        place = self.place
        return {
            "material": str(self.material),
            "fingerprint": self.fingerprint,
            "severity": str(self.severity),
            "protected": self.protected,
            "source": place.source,
            "line": place.line or None,
            "object": place.object.as_json() if place.object else None,
            "encodings": list(self.encodings),
            "description": self.description,
            "consumers": list(self.consumers),
            "readers": list(self.readers),
            "public_copies": list(self.public_copies),
        }
