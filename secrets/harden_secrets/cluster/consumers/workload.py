"""Where an object holds the specification of pods, whether any of them runs, and who made the object."""

from collections.abc import Iterator, Mapping
from typing import Any

from harden_secrets.cluster.consumers.walk import DEEPEST, Path, at, entries, mapping, number, text
from harden_secrets.cluster.port import Manifest, ObjectName

_LONGEST_CHAIN = 10


def pod_specs(manifest: Manifest) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every specification of pods in an object: of the built-in kinds and, by their shape, of any other."""
    for part in ("spec", "template", "data", "jobTemplate"):  # PodTemplate has no spec, ControllerRevision has data
        yield from _specs(manifest.get(part), (part,))


def is_pod_spec(value: Mapping[str, Any]) -> bool:
    """Whether a mapping has the shape of a PodSpec: containers with names."""
    return any(isinstance(one.get("name"), str) for _, one in entries(value.get("containers")))


def _specs(value: Any, path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    if len(path) >= DEEPEST:
        return
    if isinstance(value, Mapping):
        if is_pod_spec(value):
            yield path, value
            return
        for name, inner in value.items():
            yield from _specs(inner, (*path, str(name)))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _specs(inner, (*path, position))


def running(manifest: Manifest) -> bool:
    """Whether something of it runs, or will at some time, as far as the object itself says."""
    spec, status = mapping(manifest.get("spec")), mapping(manifest.get("status"))
    match text(manifest.get("kind")):
        case "Pod":
            return text(status.get("phase")) not in ("Succeeded", "Failed")
        case "CronJob":
            return spec.get("suspend") is not True
        case "Job":
            return spec.get("suspend") is not True and not _finished(status)
        case "ControllerRevision" | "PodTemplate":
            return False
        case "Deployment" | "StatefulSet" | "ReplicaSet" | "ReplicationController":
            wanted = number(spec.get("replicas"))
            return (1 if wanted is None else wanted) > 0 or (number(status.get("replicas")) or 0) > 0
        case _:
            return True


def _finished(status: Mapping[str, Any]) -> bool:
    ends = ("Complete", "Failed")
    conditions = entries(status.get("conditions"))
    return any(one.get("type") in ends and one.get("status") == "True" for _, one in conditions)


class Family:
    """Objects by their uid, so that it can be told who made whom."""

    def __init__(self) -> None:
        self._by_uid: dict[str, Manifest] = {}

    def add(self, manifest: Manifest) -> None:
        """One more."""
        if uid := text(at(manifest, "metadata", "uid")):
            self._by_uid[uid] = manifest

    def owners(self, manifest: Manifest) -> tuple[ObjectName, ...]:
        """Whose controllers made the object, the nearest first."""
        chain: list[ObjectName] = []
        while len(chain) < _LONGEST_CHAIN and (reference := _maker(manifest)) is not None:
            namespace = text(at(manifest, "metadata", "namespace"))
            owner = self._by_uid.get(text(reference.get("uid")))
            version, kind, name = (text(reference.get(field)) for field in ("apiVersion", "kind", "name"))
            named = ObjectName(version, kind, namespace, name)
            chain.append(named if owner is None else ObjectName.of(owner))
            if owner is None:
                break
            manifest = owner
        return tuple(chain)


def _maker(manifest: Manifest) -> Mapping[str, Any] | None:
    references = [one for _, one in entries(at(manifest, "metadata", "ownerReferences"))]
    return next((one for one in references if one.get("controller") is True), None)
