"""What a specification of pods uses: variables, volumes, pull secrets; in containers of every sort."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harden_secrets.cluster.consumers.consumer import Way
from harden_secrets.cluster.consumers.volumes import Brought, brought, mounted
from harden_secrets.cluster.consumers.walk import Path, entries, mapping, text

SORTS = ("initContainers", "containers", "ephemeralContainers")
_FROM = {"configMapRef": "ConfigMap", "secretRef": "Secret"}
_KEY = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One use in a pod; ``pointer`` and ``mount`` as in a Consumer, from the top of the object."""

    kind: str
    name: str
    way: Way
    pointer: Path
    mount: Path = ()
    container: str = ""
    key: str = ""
    path: str = ""
    mode: int | None = None
    optional: bool = False


def uses(spec: Mapping[str, Any], where: Path) -> Iterator[Use]:
    """Everything that a pod with this specification uses, in the order of the specification."""
    volumes = [
        (text(volume.get("name")), thing)
        for at, volume in entries(spec.get("volumes"))
        for thing in brought(volume, (*where, "volumes", at))
    ]
    seen: set[int] = set()
    for place, container in containers(spec, where):
        yield from _variables(container, place)
        yield from _mounts(container, place, volumes, seen)
    for number, (_, thing) in enumerate(volumes):
        if number not in seen:  # no container sees it, but the pod does not start without it
            yield _unseen(thing)
    for at, entry in entries(spec.get("imagePullSecrets")):
        if name := text(entry.get("name")):
            yield Use(kind="Secret", name=name, way=Way.IMAGE_PULL, pointer=(*where, "imagePullSecrets", at))


def containers(spec: Mapping[str, Any], where: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The containers of every sort, each with its place."""
    for sort in SORTS:
        yield from (((*where, sort, at), one) for at, one in entries(spec.get(sort)))


def _variables(container: Mapping[str, Any], where: Path) -> Iterator[Use]:
    name = text(container.get("name"))
    for at, entry in entries(container.get("envFrom")):
        for field, kind in _FROM.items():
            reference = mapping(entry.get(field))
            if used := text(reference.get("name")):
                yield Use(
                    kind=kind,
                    name=used,
                    way=Way.ENV_FROM,
                    pointer=(*where, "envFrom", at, field),
                    container=name,
                    path=text(entry.get("prefix")),
                    optional=reference.get("optional") is True,
                )
    for at, entry in entries(container.get("env")):
        for field, kind in _KEY.items():
            reference = mapping(mapping(entry.get("valueFrom")).get(field))
            if used := text(reference.get("name")):
                yield Use(
                    kind=kind,
                    name=used,
                    way=Way.ENV,
                    pointer=(*where, "env", at, "valueFrom", field),
                    container=name,
                    key=text(reference.get("key")),
                    path=text(entry.get("name")),
                    optional=reference.get("optional") is True,
                )


def _mounts(
    container: Mapping[str, Any], where: Path, volumes: list[tuple[str, Brought]], seen: set[int]
) -> Iterator[Use]:
    for at, mount in entries(container.get("volumeMounts")):
        for number, (volume, thing) in enumerate(volumes):
            if volume != text(mount.get("name")):
                continue
            seen.add(number)
            for view in mounted(thing, mount, (*where, "volumeMounts", at)):
                yield Use(
                    kind=thing.kind,
                    name=thing.name,
                    way=view.way,
                    pointer=thing.pointer,
                    mount=view.pointer,
                    container=text(container.get("name")),
                    key=view.key,
                    path=view.path,
                    mode=thing.mode,
                    optional=thing.optional,
                )


def _unseen(thing: Brought) -> Use:
    return Use(
        kind=thing.kind, name=thing.name, way=thing.way, pointer=thing.pointer, key=thing.key, optional=thing.optional
    )
