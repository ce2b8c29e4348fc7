"""What harden needs of a Kubernetes API server. The adapter is :mod:`harden_secrets.cluster.client`; tests own another.

Objects are what the API's JSON says, as plain dictionaries: every field that a custom resource may have is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from harden.errors import HardenError

Manifest = dict[str, Any]
Patch = Sequence[Mapping[str, Any]]  # JSON patch, RFC 6902


@dataclass(frozen=True, slots=True, order=True)
class ObjectName:
    """Which object. ``namespace`` is empty for what has none."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> "ObjectName":
        """The name of an object that has ``apiVersion``, ``kind`` and ``metadata``; missing parts are empty."""
        metadata = manifest.get("metadata")
        if not isinstance(metadata, Mapping):
            metadata = {}  # a file may say anything
        texts = (manifest.get("apiVersion"), manifest.get("kind"), metadata.get("namespace"), metadata.get("name"))
        return cls(*(text if isinstance(text, str) else "" for text in texts))

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind.lower()} {where}{self.name}"


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind that the server has, from discovery."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str]


@dataclass(frozen=True, slots=True)
class AccessQuestion:
    """May this subject do this? The attributes of a SubjectAccessReview; empty texts are left out of it."""

    user: str
    groups: tuple[str, ...]
    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Executed:
    """What a command in a container said."""

    status: int
    stdout: bytes
    stderr: bytes


class ClusterError(HardenError):
    """The API server did not do what it was asked; the cases that are acted on are classes of their own."""


class ClusterUnavailableError(ClusterError):
    """It cannot be reached or answered 429 or 5xx through all retries."""


class ClusterDeniedError(ClusterError):
    """401 or 403."""


class ConflictError(ClusterError):
    """409, or a ``test`` of a JSON patch that did not hold: the object is not what it was."""


class AlreadyExistsError(ConflictError):
    """An object of that name is there already."""


class MissingError(ClusterError):
    """404: the object, or the kind, is not there."""


class RefusedError(ClusterError):
    """400 or 422, or an admission webhook said no: the request will not be accepted as it is."""


class Cluster(Protocol):
    """An API server as one user sees it. Every method has a limit of time and raises ClusterError."""

    @property
    def context(self) -> str:
        """What the kubeconfig calls it."""
        ...

    def resources(self) -> Sequence[Resource]:
        """Every kind, in its preferred version."""
        ...

    def list(self, api_version: str, kind: str, namespace: str = "") -> Iterator[Manifest]:
        """All objects of a kind, in one namespace or all, page by page; starts anew when a page has expired (410)."""
        ...

    def get(self, name: ObjectName) -> Manifest | None:
        """The object, or None where it is not there."""
        ...

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Create an object. Raises AlreadyExistsError."""
        ...

    def replace(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """Write an object over the one with the same resourceVersion. Raises ConflictError."""
        ...

    def patch(self, name: ObjectName, patch: Patch, *, dry_run: bool = False) -> Manifest:
        """Apply a JSON patch. Raises ConflictError when one of its tests does not hold, or a path is not there.

        A ``replace`` of a member that is not there adds it, as API servers do: test for it before.
        """
        ...

    def delete(self, name: ObjectName, *, uid: str, resource_version: str = "") -> None:
        """Delete that very object. Gone already is fine; another one of its name raises ConflictError."""
        ...

    def execute(self, pod: ObjectName, container: str, command: Sequence[str], *, seconds: float = 30) -> Executed:
        """Run a command in a container and give its output, exact to the byte."""
        ...

    def allowed(self, question: AccessQuestion) -> bool:
        """What the server's own authorisers say (SubjectAccessReview)."""
        ...
