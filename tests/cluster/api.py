"""A plain client of the Kubernetes API for tests: what was said to the server, and what it answered, and no more.

It shares nothing with the client that harden uses, so that a mistake there is not made twice.
"""

import base64
import contextlib
import http.client
import json
import ssl
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"


class ApiError(Exception):
    """The server's refusal: its HTTP status and its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status
        self.message = message


@dataclass(frozen=True)
class Access:
    """How a kubeconfig's current context reaches a server."""

    host: str
    port: int
    tls: ssl.SSLContext
    headers: Mapping[str, str]
    prefix: str = ""


class Api:
    """The API as the user of a kubeconfig may use it."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        self.access = read_access(kubeconfig)
        self._kinds: dict[tuple[str, str], tuple[str, bool]] = {}
        self._lock = threading.Lock()

    def send(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, bytes]:
        """One request; ``body`` is sent as JSON. Returns the HTTP status and the body."""
        connection = http.client.HTTPSConnection(
            self.access.host, self.access.port, context=self.access.tls, timeout=60
        )
        headers = {**self.access.headers, "Accept": "application/json", "Content-Type": kind}
        with contextlib.closing(connection):
            content = None if body is None else json.dumps(body).encode()
            connection.request(method, self.access.prefix + path, content, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def request(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """One request, and the object in the answer; raises ApiError."""
        status, content = self.send(method, path, body, kind)
        try:
            answer = json.loads(content)
        except ValueError:
            answer = {"message": content.decode(errors="replace")}
        if status >= 400:
            raise ApiError(status, str(answer.get("message", answer)))
        return answer

    def apply(self, *objects: str | Object, namespace: str = "default", manager: str = "tests") -> list[Object]:
        """Server-side apply of YAML text (any number of documents) and of objects; their answers, in order."""
        out = []
        for one in flatten(objects):
            path = self.path_of(one, namespace)
            out.append(self.request("PATCH", f"{path}?fieldManager={manager}&force=true", one, APPLY))
        return out

    def create(self, one: Object, namespace: str = "default") -> Object:
        """POST: what comes back has its name, also where only ``generateName`` was given."""
        metadata = one["metadata"]
        path = self.path(one["apiVersion"], one["kind"], None, metadata.get("namespace", namespace))
        answer: Object = self.request("POST", path, one)
        return answer

    def get(self, version: str, kind: str, name: str, namespace: str | None = "default") -> Object:
        """One object, by apiVersion, kind and name; raises ApiError (404 where there is none)."""
        answer: Object = self.request("GET", self.path(version, kind, name, namespace))
        return answer

    def list(self, version: str, kind: str, namespace: str | None = None, labels: str = "") -> list[Object]:
        """The objects of a kind: of one namespace, or of all with None."""
        query = f"?labelSelector={urllib.parse.quote(labels)}" if labels else ""
        items: list[Object] = self.request("GET", self.path(version, kind, None, namespace) + query)["items"]
        return items

    def patch(self, version: str, kind: str, name: str, patch: Any, namespace: str | None = "default") -> Object:
        """A JSON patch (a list) or a merge patch (a mapping)."""
        content = JSON_PATCH if isinstance(patch, list) else MERGE_PATCH
        answer: Object = self.request("PATCH", self.path(version, kind, name, namespace), patch, content)
        return answer

    def delete(self, version: str, kind: str, name: str, namespace: str | None = "default") -> None:
        """Delete one, which may be gone already."""
        try:
            self.request("DELETE", self.path(version, kind, name, namespace), {"propagationPolicy": "Background"})
        except ApiError as error:
            if error.status != 404:
                raise

    def secret(self, name: str, namespace: str = "default") -> dict[str, bytes]:
        """The bytes of a Secret's keys."""
        data = self.get("v1", "Secret", name, namespace).get("data") or {}
        return {key: base64.b64decode(text) for key, text in data.items()}

    def token(self, account: str, namespace: str = "default", seconds: int = 3600) -> str:
        """A token of a ServiceAccount, by TokenRequest."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds},
        }
        return str(self.request("POST", path, body)["status"]["token"])

    def may(self, verb: str, resource: str, namespace: str | None = None, name: str = "", group: str = "") -> bool:
        """What the server's own SelfSubjectAccessReview says of this user; ``resource`` may be ``pods/exec``."""
        plural, _, part = resource.partition("/")
        asked = {"verb": verb, "group": group, "resource": plural, "subresource": part, "name": name}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {**asked, "namespace": namespace or ""}},
        }
        answer = self.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return bool(answer["status"]["allowed"])

    def new_namespace(self, prefix: str = "test") -> str:
        """Make a namespace with a fresh name, and its ServiceAccount `default`; returns the name."""
        wanted = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"generateName": f"{prefix}-"}}
        name: str = self.create(wanted)["metadata"]["name"]
        self.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}, namespace=name)
        return name

    def path_of(self, one: Object, namespace: str = "default") -> str:
        """The path of an object; ``namespace`` is that of objects which do not say."""
        metadata = one["metadata"]
        return self.path(one["apiVersion"], one["kind"], metadata["name"], metadata.get("namespace", namespace))

    def path(self, version: str, kind: str, name: str | None = None, namespace: str | None = None) -> str:
        """The path of a kind, or of one of it; the server says whether it is namespaced."""
        plural, namespaced = self._resource(version, kind)
        words = ["api" if version == "v1" else "apis", version]
        words += ["namespaces", namespace] if namespaced and namespace is not None else []
        words += [plural] + ([name] if name is not None else [])
        return "/" + "/".join(urllib.parse.quote(word, safe="/:") for word in words)

    def _resource(self, version: str, kind: str) -> tuple[str, bool]:
        with self._lock:
            if (version, kind) not in self._kinds:
                root = "/api/v1" if version == "v1" else f"/apis/{version}"
                for found in self.request("GET", root)["resources"]:
                    if "/" not in found["name"]:
                        self._kinds[version, found["kind"]] = (found["name"], found["namespaced"])
            if (version, kind) not in self._kinds:
                raise ApiError(404, f"the server has no {kind} in {version}")
            return self._kinds[version, kind]


def flatten(objects: Iterable[str | Object]) -> list[Object]:
    """The objects themselves: of texts, their documents; of Lists, their items."""
    out: list[Object] = []
    for one in objects:
        for document in yaml.safe_load_all(one) if isinstance(one, str) else [one]:
            if document and document.get("kind") == "List":
                out += flatten(document["items"])
            elif document:
                out.append(document)
    return out


def until(what: str, found: Callable[[], Any], seconds: float = 60) -> Any:
    """Ask again and again until the answer is true, and return it; AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"not in {seconds:g} s: {what}"
        time.sleep(0.1)
    return answer


def read_access(path: Path) -> Access:
    """What a kubeconfig's current context says: certificates and tokens, in it or in files; no login programs."""
    config = yaml.safe_load(path.read_text())
    context = named(config, "context", config["current-context"])
    cluster, user = named(config, "cluster", context["cluster"]), named(config, "user", context["user"])
    unknown = {"exec", "auth-provider", "username"} & set(user)
    assert not unknown, f"{path}: the tests take client certificates and tokens, not {', '.join(sorted(unknown))}"
    authority = content(cluster, "certificate-authority", path)
    tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    load_certificate(tls, content(user, "client-certificate", path), content(user, "client-key", path))
    token = user.get("token") or (Path(user["tokenFile"]).read_text().strip() if "tokenFile" in user else None)
    server = urllib.parse.urlsplit(cluster["server"])
    assert server.hostname is not None, f"{path}: the server has no name"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Access(server.hostname, server.port or 443, tls, headers, server.path.rstrip("/"))


def load_certificate(tls: ssl.SSLContext, certificate: bytes | None, key: bytes | None) -> None:
    """The standard library takes both from a file only."""
    if certificate is None or key is None:
        return
    with tempfile.NamedTemporaryFile(prefix="harden-test-") as file:
        file.write(certificate + b"\n" + key)
        file.flush()
        tls.load_cert_chain(file.name)


def named(config: Object, kind: str, name: str) -> Object:
    """The entry of that name in the list of that kind."""
    entry: Object = next(one[kind] for one in config[f"{kind}s"] if one["name"] == name)
    return entry


def content(entry: Object, name: str, path: Path) -> bytes | None:
    """A field that is there as base64 or as the name of a file, relative to the kubeconfig."""
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"])
    return (path.parent / entry[name]).read_bytes() if name in entry else None
