"""Who uses what a scan finds in a cluster, and who can read it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from harden_secrets.cluster.consumers import Consumer, Index, Way
from harden_secrets.cluster.consumers.walk import mapping
from harden_secrets.cluster.port import Cluster, ClusterDeniedError, Manifest, ObjectName
from harden_secrets.finding import Finding, ObjectField
from harden_secrets.pointer import at_or_none, joined, tokens
from harden_secrets.rbac.estate import Estate
from harden_secrets.rbac.gather import gather
from harden_secrets.rbac.search import find_readers
from harden_secrets.scan.seen import Seen
from harden_secrets.sources.skipped import Skipped

_ENTRIES = ("data", "binaryData")


class ClusterUsers:
    """Told of each object with what was found in it, and asked at the end. Keeps no value."""

    def __init__(self) -> None:
        self._index = Index()
        self._found: dict[Finding, tuple[str, ...]] = {}

    def add(self, manifest: Manifest, seen: Iterable[Seen]) -> None:
        """An object of the cluster, with what was seen in it."""
        self._index.add(manifest)
        for one in seen:
            if isinstance(one, Finding) and one.place.object is not None:
                self._found[one] = tuple(_own_variable(manifest, one.place.object))

    def told(self, findings: Iterable[Finding], cluster: Cluster) -> Iterator[Finding | Skipped]:
        """The findings, those in the cluster with consumers and readers.

        Readers are subjects of RBAC without the parts of Kubernetes that can read as Kubernetes is set up. Where roles
        may not be listed, that is a Skipped and there are none. Raises ClusterError.
        """
        rights = _Rights(cluster)
        for finding in findings:
            if finding not in self._found:  # of a file, or a repository
                yield finding
                continue
            held = finding.place.object
            assert held is not None, "only what is in an object was kept"
            consumers = (*self._consumers(held), *self._found[finding])
            yield replace(finding, consumers=consumers, readers=rights.readers(held))
        yield from rights.skipped

    def _consumers(self, held: ObjectField) -> Iterator[str]:
        parts = tokens(held.field)
        if held.kind in ("ConfigMap", "Secret") and len(parts) == 2 and parts[0] in _ENTRIES:
            found = self._index.consumers(ObjectName("v1", held.kind, held.namespace, held.name), parts[1])
            # A pod and its ReplicaSet come and go: what a person knows by name is the Deployment.
            yield from sorted({str(replace(one, object=one.replaced)) for one in found})


@dataclass
class _Rights:
    """Who can read an object: roles are asked for once, and only where there is something to ask about."""

    cluster: Cluster

    def __post_init__(self) -> None:
        self.skipped: list[Skipped] = []
        self._known: dict[ObjectName, tuple[str, ...]] = {}

    @cached_property
    def _estate(self) -> Estate | None:
        try:
            gathered = gather(self.cluster)
        except ClusterDeniedError as error:
            why = f"who can read what is found is not known: {'; '.join(error.messages)}"
            self.skipped.append(Skipped("cluster:clusterroles.rbac.authorization.k8s.io", why, incomplete=False))
            return None
        self.skipped += [
            Skipped(f"cluster:{kind}", "you may not list them: readers over one are not known", incomplete=False)
            for kind in gathered.unseen
        ]
        return gathered.estate

    def readers(self, held: ObjectField) -> tuple[str, ...]:
        """Subjects as texts, sorted; empty for kinds that hold a key by mistake only."""
        name = ObjectName("v1", held.kind, held.namespace, held.name)
        if held.kind not in ("ConfigMap", "Secret") or self._estate is None:
            return ()
        if name not in self._known:
            found = find_readers(self._estate, name).readers
            self._known[name] = tuple(sorted(str(one.subject) for one in found if not one.is_standard))
        return self._known[name]


def _own_variable(manifest: Manifest, held: ObjectField) -> Iterator[str]:
    """The container that has a literal variable: its object is its only consumer."""
    parts = tokens(held.field)
    if len(parts) < 4 or (parts[-3], parts[-1]) != ("env", "value"):
        return
    name = ObjectName.of(manifest)
    container, variable = (mapping(at_or_none(manifest, joined(parts[:-cut]))) for cut in (3, 1))
    used = Consumer(
        uses=name,
        way=Way.ENV,
        object=name,
        container=str(container.get("name", "")),
        path=str(variable.get("name", "")),
    )
    yield str(used)
