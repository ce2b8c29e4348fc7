"""Which kinds a server has: aggregated discovery in two requests, or one a group and version where it has none."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harden_secrets.cluster.port import ClusterError, ClusterUnavailableError, MissingError, Resource
from harden_secrets.cluster.refusal import Wish
from harden_secrets.cluster.transport import JSON, Request, Transport

AGGREGATED = f"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,{JSON}"


class Discovery:
    """The kinds of one server. ``warn`` hears of parts of the API that do not answer: they are left out."""

    def __init__(self, transport: Transport, warn: Callable[[str], None]) -> None:
        self._transport = transport
        self._warn = warn
        self._versions: dict[str, dict[str, Resource]] = {}

    def resource(self, api_version: str, kind: str) -> Resource:
        """The kind. Raises MissingError where the server has none of that name, and asks again the next time."""
        if kind not in self._versions.get(api_version, {}):
            self._versions[api_version] = {one.kind: one for one in self._version(api_version)}
        found = self._versions[api_version].get(kind)
        if found is None:
            raise MissingError(f"the server has no {kind} in {api_version}")
        return found

    def preferred(self) -> Sequence[Resource]:
        """Every kind once, in the version that the server prefers."""
        found: dict[tuple[str, str], Resource] = {}
        for path in ("/api", "/apis"):
            document = self._get(path, AGGREGATED)
            kinds = self._aggregated(document) if "items" in document else self._one_by_one(path, document)
            for one in kinds:
                found.setdefault((one.api_version.rpartition("/")[0], one.plural), one)
        return list(found.values())

    def _version(self, api_version: str) -> Iterator[Resource]:
        root = "/api" if "/" not in api_version else "/apis"
        try:
            document = self._get(f"{root}/{api_version}", JSON)
        except MissingError:
            return
        yield from _plain(api_version, document)

    def _aggregated(self, document: Mapping[str, Any]) -> Iterator[Resource]:
        for group in document["items"]:
            name = group["metadata"].get("name", "")
            for version in group.get("versions", ()):
                api_version = f"{name}/{version['version']}" if name else version["version"]
                if version.get("freshness", "Current") != "Current":
                    self._warn(f"the part {api_version} of the API does not answer: its objects are not seen")
                for one in version.get("resources", ()):
                    response = one.get("responseKind") or {}
                    if response.get("kind"):
                        scope, verbs = one.get("scope") == "Namespaced", frozenset(one.get("verbs", ()))
                        yield Resource(api_version, response["kind"], one["resource"], scope, verbs)

    def _one_by_one(self, path: str, document: Mapping[str, Any]) -> Iterator[Resource]:
        for api_version in _listed(path, document):
            try:
                yield from _plain(api_version, self._get(f"{path}/{api_version}", JSON))
            except (ClusterUnavailableError, MissingError) as error:
                self._warn(f"the part {api_version} of the API does not answer: its objects are not seen ({error})")

    def _get(self, path: str, accept: str) -> Mapping[str, Any]:
        wish = Wish(f"the list of kinds at {path}", "get", path)
        document = self._transport.json(Request("GET", path, wish, accept=accept))
        if not isinstance(document, dict):
            raise ClusterError(f"{wish.what} is none")
        return document


def _listed(path: str, document: Mapping[str, Any]) -> Iterator[str]:
    """The groups' versions, the preferred of each group first."""
    if path == "/api":
        yield from document.get("versions", ())
        return
    for group in document.get("groups", ()):
        versions = [one["groupVersion"] for one in group.get("versions", ())]
        preferred = group.get("preferredVersion", {}).get("groupVersion")
        yield from sorted(versions, key=lambda version, preferred=preferred: version != preferred)  # type: ignore[misc]


def _plain(api_version: str, document: Mapping[str, Any]) -> Iterator[Resource]:
    for one in document.get("resources", ()):
        if "/" not in one["name"]:  # not a part of another, like pods/exec
            yield Resource(api_version, one["kind"], one["name"], one["namespaced"], frozenset(one.get("verbs", ())))
