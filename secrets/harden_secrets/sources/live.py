"""The objects of a live cluster that can hold key material: page by page, of every kind that can be listed.

What the user may not list, and what cannot be listed, is told: half a scan must not look like a whole one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from harden_secrets.cluster.marks import is_vault_backed
from harden_secrets.cluster.port import (
    Cluster,
    ClusterDeniedError,
    ClusterError,
    ClusterUnavailableError,
    Manifest,
    MissingError,
    ObjectName,
    RefusedError,
    Resource,
)
from harden_secrets.sources.skipped import Skipped

# Kinds without a field in which somebody could put a value, and of which there are many.
UNINTERESTING = frozenset({
    ("", "events"), ("events.k8s.io", "events"), ("coordination.k8s.io", "leases"), ("", "endpoints"),
    ("discovery.k8s.io", "endpointslices"), ("", "componentstatuses"), ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "csistoragecapacities"), ("networking.k8s.io", "ipaddresses"),
    ("networking.k8s.io", "servicecidrs"), ("flowcontrol.apiserver.k8s.io", "flowschemas"),
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"), ("apiregistration.k8s.io", "apiservices"),
    ("apiextensions.k8s.io", "customresourcedefinitions"),
})  # fmt: skip
UNINTERESTING_GROUPS = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"})
# Where most keys lie: first, so that a scan that is interrupted has seen the most.
_FIRST = (("", "configmaps"), ("", "secrets"), ("", "pods"))


@dataclass
class LiveObjects:
    """The objects of a cluster, or of one namespace of it.

    ``manifests()`` gives each with the source by which findings name it, ``cluster:NAMESPACE/PLURAL/NAME`` (without
    the namespace for what has none). A Secret that is delivered from Vault comes without its values, and is counted
    in ``delivered``. What was left out stands in ``skipped`` when it has come to its end; those that the user may not
    see are ``incomplete``.
    """

    cluster: Cluster
    namespace: str = ""
    skipped: list[Skipped] = field(default_factory=list)
    delivered: list[ObjectName] = field(default_factory=list)
    objects: int = 0

    def manifests(self) -> Iterator[tuple[str, Manifest]]:
        """Every object, kind by kind. Raises ClusterError when the server cannot be reached at all."""
        for resource in self._resources():
            try:
                for manifest in self.cluster.list(resource.api_version, resource.kind, self.namespace):
                    self.objects += 1
                    yield source(resource, manifest), self._seen(manifest)
            except ClusterDeniedError as error:
                self._skip(resource, "you may not list them", error)
            except (MissingError, RefusedError, ClusterUnavailableError) as error:
                # A kind whose server is down, or that was removed meanwhile, is no reason to see nothing else.
                self._skip(resource, "they cannot be listed", error)

    def _resources(self) -> list[Resource]:
        chosen = [one for one in self.cluster.resources() if self._wanted(one)]
        return sorted(chosen, key=lambda one: (_rank(one), one.api_version, one.plural))

    def _wanted(self, resource: Resource) -> bool:
        group = _group(resource)
        if (group, resource.plural) in UNINTERESTING or group in UNINTERESTING_GROUPS:
            return False
        return "list" in resource.verbs and (resource.namespaced or not self.namespace)

    def _seen(self, manifest: Manifest) -> Manifest:
        if manifest.get("kind") != "Secret" or manifest.get("apiVersion") != "v1" or not is_vault_backed(manifest):
            return manifest
        self.delivered.append(ObjectName.of(manifest))
        # Its annotations, for one, may still hold what should not be there.
        return {name: value for name, value in manifest.items() if name != "data"}

    def _skip(self, resource: Resource, why: str, error: ClusterError) -> None:
        group = _group(resource)
        kind = f"{resource.plural}.{group}" if group else resource.plural
        where = f"{self.namespace}/" if self.namespace else ""
        self.skipped.append(Skipped(f"cluster:{where}{kind}", f"{why}: {'; '.join(error.messages)}"))


def source(resource: Resource, manifest: Manifest) -> str:
    """How findings name an object."""
    name = ObjectName.of(manifest)
    within = f"{name.namespace}/" if name.namespace else ""
    return f"cluster:{within}{resource.plural}/{name.name}"


def _group(resource: Resource) -> str:
    return resource.api_version.rpartition("/")[0]


def _rank(resource: Resource) -> int:
    at = (_group(resource), resource.plural)
    return _FIRST.index(at) if at in _FIRST else len(_FIRST)
