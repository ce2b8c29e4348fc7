"""The Kubernetes API over HTTP: what :class:`harden_secrets.cluster.port.Cluster` promises, for a real server."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from harden_secrets.cluster.access import Access
from harden_secrets.cluster.discovery import Discovery
from harden_secrets.cluster.execution import execute
from harden_secrets.cluster.port import (
    AccessQuestion,
    ClusterUnavailableError,
    ConflictError,
    Executed,
    Manifest,
    MissingError,
    ObjectName,
    Patch,
    RefusedError,
    Resource,
)
from harden_secrets.cluster.refusal import ExpiredError, Wish
from harden_secrets.cluster.transport import JSON_PATCH, Request, Transport

PAGE = 250  # objects: a page of Helm releases of this size is some tens of megabytes
_FRESH_STARTS = 5
MANAGER = "harden"


class KubernetesCluster:
    """An API server, as the user of a kubeconfig sees it. Made by :func:`harden_secrets.cluster.opening.open_cluster`.

    ``namespace`` is the one that the context names. ``warn`` hears what could not be seen, in words for a person.
    """

    def __init__(self, transport: Transport, warn: Callable[[str], None], page: int = PAGE) -> None:
        self._transport = transport
        self._discovery = Discovery(transport, warn)
        self._page = page

    @property
    def context(self) -> str:
        """What the kubeconfig calls it."""
        return self._access.context

    @property
    def namespace(self) -> str:
        """The namespace that the context names, ``default`` where it names none."""
        return self._access.namespace

    @property
    def server(self) -> str:
        """Its URL."""
        return self._access.server

    def resources(self) -> Sequence[Resource]:
        """See the port. A part of the API that does not answer is left out, with a warning."""
        return self._discovery.preferred()

    def list(self, api_version: str, kind: str, namespace: str = "") -> Iterator[Manifest]:
        """See the port. After a fresh start, objects that were given already are not given again."""
        resource = self._discovery.resource(api_version, kind)
        where = f"in namespace {namespace}" if namespace else "in all namespaces" if resource.namespaced else ""
        wish = self._wish(f"{resource.plural} {where}".rstrip(), "list", resource, namespace)
        given: set[str] = set()
        for start in range(_FRESH_STARTS):
            try:
                for item in self._pages(resource, namespace, wish):
                    uid = item.get("metadata", {}).get("uid")
                    if uid is None or uid not in given:
                        given.add(uid)
                        yield {**item, "apiVersion": api_version, "kind": kind}
                return
            except ExpiredError as error:
                if start == _FRESH_STARTS - 1:
                    raise ClusterUnavailableError(
                        error.messages, "the cluster changes faster than it can be read"
                    ) from None

    def get(self, name: ObjectName) -> Manifest | None:
        """See the port. Raises MissingError where the server has no such kind."""
        resource = self._discovery.resource(name.api_version, name.kind)
        try:
            return self._manifest(
                Request("GET", self._path(resource, name), self._wish(str(name), "get", resource, name.namespace))
            )
        except MissingError:
            return None

    def create(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """See the port."""
        name = ObjectName.of(manifest)
        resource = self._placed(name)
        wish = self._wish(str(name), "create", resource, name.namespace, manifest)
        return self._write("POST", self._collection(resource, name.namespace), wish, manifest, dry_run)

    def replace(self, manifest: Manifest, *, dry_run: bool = False) -> Manifest:
        """See the port. Raises RefusedError when the object does not say which version it replaces."""
        name = ObjectName.of(manifest)
        resource = self._placed(name)
        if not manifest["metadata"].get("resourceVersion"):
            raise RefusedError(f"{name} cannot be replaced: it does not say which version it replaces")
        wish = self._wish(str(name), "update", resource, name.namespace, manifest)
        return self._write("PUT", self._path(resource, name), wish, manifest, dry_run)

    def patch(self, name: ObjectName, patch: Patch, *, dry_run: bool = False) -> Manifest:
        """See the port."""
        resource = self._placed(name)
        sent = [operation.get("value") for operation in patch]
        wish = Wish(str(name), "patch", resource.plural, _group(resource), name.namespace, patches=True, sent=sent)
        body = [dict(operation) for operation in patch]
        return self._write("PATCH", self._path(resource, name), wish, body, dry_run, JSON_PATCH)

    def delete(self, name: ObjectName, *, uid: str, resource_version: str = "") -> None:
        """See the port."""
        preconditions = {"uid": uid} | ({"resourceVersion": resource_version} if resource_version else {})
        body = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": preconditions,
            "propagationPolicy": "Background",
        }
        try:
            resource = self._placed(name)
            wish = self._wish(str(name), "delete", resource, name.namespace)
            self._transport.json(Request("DELETE", self._path(resource, name), wish, body=body))
        except MissingError:
            return
        except ConflictError as error:
            raise ConflictError(f"{name} is not the one that was to be deleted", error.messages) from None

    def execute(self, pod: ObjectName, container: str, command: Sequence[str], *, seconds: float = 30) -> Executed:
        """See the port."""
        resource = self._placed(pod)
        what = f"{pod}, container {container}"
        wish = Wish(what, "create", "pods/exec", namespace=pod.namespace)  # older servers ask for `get` instead
        query = f"container={quote(container, safe='')}&stdout=true&stderr=true"
        return execute(self._access, f"{self._path(resource, pod)}/exec?{query}", command, wish, seconds)

    def allowed(self, question: AccessQuestion) -> bool:
        """See the port."""
        attributes = {
            "verb": question.verb,
            "group": question.group,
            "resource": question.resource,
            "subresource": question.subresource,
            "namespace": question.namespace,
            "name": question.name,
        }
        spec = {
            "user": question.user,
            "groups": [*question.groups],
            "resourceAttributes": {key: text for key, text in attributes.items() if text},
        }
        version = "authorization.k8s.io/v1"
        body = {"apiVersion": version, "kind": "SubjectAccessReview", "spec": spec}
        wish = Wish("a SubjectAccessReview", "create", "subjectaccessreviews", version.rpartition("/")[0])
        answer = self._manifest(Request("POST", f"/apis/{version}/subjectaccessreviews", wish, body=body))
        return bool(answer.get("status", {}).get("allowed"))

    @property
    def _access(self) -> Access:
        return self._transport.access

    def _pages(self, resource: Resource, namespace: str, wish: Wish) -> Iterator[Manifest]:
        query = {"limit": str(self._page)}
        while True:
            page = self._manifest(Request("GET", self._collection(resource, namespace), wish, query))
            yield from page.get("items") or ()
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query = {"limit": str(self._page), "continue": token}

    def _write(
        self, method: str, path: str, wish: Wish, body: Any, dry_run: bool, content_type: str = "application/json"
    ) -> Manifest:
        # A write whose answer was lost may have been done; only what changes nothing is tried again blindly.
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        return self._manifest(Request(method, path, wish, query, body, content_type, repeatable=dry_run))

    def _manifest(self, request: Request) -> Manifest:
        document = self._transport.json(request)
        return document if isinstance(document, dict) else {}

    def _placed(self, name: ObjectName) -> Resource:
        """The kind of an object, if an object of that name can be at all."""
        resource = self._discovery.resource(name.api_version, name.kind)
        if resource.namespaced != bool(name.namespace):
            raise RefusedError(f"{name}: a {name.kind} {'needs a' if resource.namespaced else 'has no'} namespace")
        return resource

    @staticmethod
    def _wish(what: str, verb: str, resource: Resource, namespace: str, sent: Any = None) -> Wish:
        return Wish(what, verb, resource.plural, _group(resource), namespace, sent=sent)

    @staticmethod
    def _collection(resource: Resource, namespace: str) -> str:
        root = "/apis" if "/" in resource.api_version else "/api"
        within = f"/namespaces/{quote(namespace, safe='')}" if resource.namespaced and namespace else ""
        return f"{root}/{resource.api_version}{within}/{resource.plural}"

    def _path(self, resource: Resource, name: ObjectName) -> str:
        return f"{self._collection(resource, name.namespace)}/{quote(name.name, safe=':')}"


def _group(resource: Resource) -> str:
    return resource.api_version.rpartition("/")[0]
