"""What a plan for a cluster is made from: the cluster as it is, and the scripts in files that ask it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harden.output import Output
from harden.progress import progress
from harden_secrets.cluster.consumers import Index
from harden_secrets.cluster.port import Cluster, Manifest, ObjectName
from harden_secrets.detect import DETECTORS
from harden_secrets.examine import Sighting, examine_object
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan.cluster import manifests
from harden_secrets.plan.held import Held, held
from harden_secrets.plan.staying import follows, reason
from harden_secrets.plan.world import World
from harden_secrets.sources.live import LiveObjects
from harden_secrets.sources.scripts import script_files
from harden_secrets.sources.skipped import Skipped

_DESCRIBING = (".yaml", ".yml", ".json", ".tf", ".tofu")
_RIGHTS = "rbac.authorization.k8s.io"
# Kinds that refer to no ConfigMap and no Secret: not to see them is no reason to leave a copy.
_NO_REFERENCES = frozenset({
    _RIGHTS, "authorization.k8s.io", "authentication.k8s.io", "certificates.k8s.io", "scheduling.k8s.io", "policy",
    "node.k8s.io", "autoscaling", "resource.k8s.io",
})  # fmt: skip
_PLAIN = frozenset({"nodes", "namespaces", "resourcequotas", "limitranges", "persistentvolumeclaims", "services"})


def survey(
    cluster: Cluster, namespace: str, paths: Sequence[str], fingerprints: Fingerprinter, written: Path | None,
    output: Output,
) -> World:  # fmt: skip
    """The cluster with what is found in it; all of it, even where only one namespace is planned for.

    ``written`` is where the plan goes: an older one there is no script. Raises ClusterError, HardenError.
    """
    live, seen = LiveObjects(cluster), _Seen(namespace, fingerprints)
    with progress(output, "looking at the cluster"):
        for source, manifest in live.manifests():
            seen.take(source, manifest)
        for path, text in script_files(paths):
            if not _is_same(path, written):
                seen.read(path, text)
    for skipped in live.skipped:
        output.warning(f"{skipped.source}: {skipped.reason}")
    return seen.world(cluster.context, live.skipped)


@dataclass(slots=True)
class _Seen:
    namespace: str
    fingerprints: Fingerprinter
    index: Index = field(default_factory=Index)
    _objects: list[Manifest] = field(default_factory=list)
    _held: list[Held] = field(default_factory=list)
    _left: list[str] = field(default_factory=list)
    _elsewhere: dict[str, list[str]] = field(default_factory=dict)
    _texts: set[tuple[ObjectName, str]] = field(default_factory=set)
    _sources: dict[str, bytes] = field(default_factory=dict)

    def take(self, source: str, manifest: Manifest) -> None:
        """One object, as findings name it: what it uses, and what is in it."""
        self._objects.append(manifest)
        self.index.add(manifest)
        name = ObjectName.of(manifest)
        sightings = [one for one in examine_object(manifest, DETECTORS) if isinstance(one, Sighting) and one.object]
        found = [(one, held(source, manifest, one, self.fingerprints.of(one.detection))) for one in sightings]
        wanted = not self.namespace or name.namespace == self.namespace
        moved = frozenset(one.pointer for _, one in found if one and wanted and not reason(manifest, one.pointer, one))
        for sighting, one in found:
            pointer = _pointer(sighting)
            self._texts.add((name, pointer))
            if one is not None and pointer in moved:
                self._held.append(one)
            elif not follows(manifest, pointer, moved):
                self._stays(manifest, sighting, one, wanted=wanted)

    def read(self, path: str, text: str) -> None:
        """A file: what it asks the API server for, and what it may describe."""
        self.index.add_text(path, text)
        if path.endswith(_DESCRIBING):
            self._sources[path] = text.encode()

    def _stays(self, manifest: Manifest, sighting: Sighting, one: Held | None, *, wanted: bool) -> None:
        pointer, found = _pointer(sighting), sighting.detection
        place = f"{ObjectName.of(manifest)}, {pointer}"
        self._elsewhere.setdefault(self.fingerprints.of(found), []).append(place)
        if wanted:
            self._left.append(f"{found.material} in {place}: {reason(manifest, pointer, one)}")

    def world(self, context: str, skipped: Iterable[Skipped]) -> World:
        """All of it."""
        kinds = [one.source.removeprefix("cluster:") for one in skipped]
        unsaid = [kind for kind in kinds if kind.endswith(f".{_RIGHTS}")]
        notes = [f"who can read it is not known: {', '.join(unsaid)} could not be listed"] if unsaid else []
        return World(
            context=context,
            objects=manifests(self._objects),
            held=self._held,
            index=self.index,
            fingerprints=self.fingerprints,
            left=tuple(dict.fromkeys(self._left)),
            elsewhere={key: tuple(dict.fromkeys(places)) for key, places in self._elsewhere.items()},
            unseen=tuple(_that_may_use(kinds)),
            secret_texts=frozenset(self._texts),
            notes=tuple(notes),
            sources=self._sources,
        )


def _that_may_use(kinds: Iterable[str]) -> Iterator[str]:
    for kind in kinds:
        plural, _, group = kind.partition(".")
        if group not in _NO_REFERENCES and not (not group and plural in _PLAIN):
            yield kind


def _pointer(sighting: Sighting) -> str:
    return sighting.object.field if sighting.object else ""


def _is_same(path: str, other: Path | None) -> bool:
    return other is not None and other.exists() and os.path.samefile(path, other)
