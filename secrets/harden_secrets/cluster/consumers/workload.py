"""Where an object holds the specification of pods, whether any of them runs, and who made the object."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


def has_ended(manifest: Manifest) -> bool:
    """Whether it is over for good: a pod or Job that has ended never begins again, nor reads anything."""
    status = mapping(manifest.get("status"))
    match text(manifest.get("kind")):
        case "Pod":
            return text(status.get("phase")) in ("Succeeded", "Failed")
        case "Job":
            return _finished(status)
        case _:
            return False


def _finished(status: Mapping[str, Any]) -> bool:
    ends = ("Complete", "Failed")
    conditions = entries(status.get("conditions"))
    return any(one.get("type") in ends and one.get("status") == "True" for _, one in conditions)


@dataclass(frozen=True, slots=True)
class Maker:
    """Whose controller made an object, as the object says."""

    name: ObjectName
    uid: str


class Family:
    """Who made whom; of the objects themselves nothing is kept."""

    def __init__(self) -> None:
        self._by_uid: dict[str, tuple[ObjectName, Maker | None]] = {}

    def add(self, manifest: Manifest) -> Maker | None:
        """One more object; returns its maker."""
        made_by = _maker(manifest)
        if uid := text(at(manifest, "metadata", "uid")):
            self._by_uid[uid] = (ObjectName.of(manifest), made_by)
        return made_by

    def owners(self, made_by: Maker | None) -> tuple[ObjectName, ...]:
        """The maker, its maker, and so on, as far as they are known."""
        chain: list[ObjectName] = []
        while made_by is not None and len(chain) < _LONGEST_CHAIN:
            name, next_maker = self._by_uid.get(made_by.uid, (made_by.name, None))
            chain.append(name)
            made_by = next_maker
        return tuple(chain)


def _maker(manifest: Manifest) -> Maker | None:
    namespace = text(at(manifest, "metadata", "namespace"))
    for _, one in entries(at(manifest, "metadata", "ownerReferences")):
        if one.get("controller") is True:
            version, kind, name, uid = (text(one.get(field)) for field in ("apiVersion", "kind", "name", "uid"))
            return Maker(ObjectName(version, kind, namespace, name), uid)
    return None
