"""What the volumes of a pod bring of ConfigMaps and Secrets, and under which paths and modes its containers see it."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from harden_secrets.cluster.consumers.consumer import DEFAULT_MODE, Way
from harden_secrets.cluster.consumers.walk import Path, entries, mapping, number, text

_KINDS = {"configMap": ("ConfigMap", "name"), "secret": ("Secret", "secretName")}
_PROJECTED = {"configMap": ("ConfigMap", "name"), "secret": ("Secret", "name")}  # the field differs, in the API itself
_DRIVERS = ("secretRef", "nodePublishSecretRef")


@dataclass(frozen=True, slots=True)
class Brought:
    """Something that a volume brings: an entry under a path in it, or with empty ``key`` all entries at its root."""

    kind: str
    name: str
    way: Way
    pointer: Path
    key: str = ""
    path: str = ""
    mode: int = DEFAULT_MODE
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Mounted:
    """The same as a container sees it; ``path`` is absolute, that of a folder where ``key`` is empty."""

    brought: Brought
    pointer: Path
    key: str
    path: str
    way: Way


def brought(volume: Mapping[str, Any], where: Path) -> Iterator[Brought]:
    """What one entry of ``volumes`` brings."""
    for field, (kind, named) in _KINDS.items():
        yield from _source(mapping(volume.get(field)), kind, named, Way.VOLUME, (*where, field))
    projected = mapping(volume.get("projected"))
    for at, source in entries(projected.get("sources")):
        inherited = {"defaultMode": projected.get("defaultMode")}
        for field, (kind, named) in _PROJECTED.items():
            inner = mapping(source.get(field))
            place = (*where, "projected", "sources", at, field)
            yield from _source({**inherited, **inner}, kind, named, Way.PROJECTED, place)
    yield from _drivers(volume, where)


def mounted(thing: Brought, mount: Mapping[str, Any], where: Path) -> Iterator[Mounted]:
    """What one entry of ``volumeMounts`` shows of it: the whole volume, or a part with ``subPath``."""
    top = text(mount.get("mountPath"))
    if "subPathExpr" in mount:  # depends on variables: any part of it
        yield Mounted(thing, where, thing.key, top, Way.SUB_PATH)
        return
    part = posixpath.normpath(text(mount.get("subPath")) or ".")
    if part == ".":
        path = posixpath.join(top, thing.path) if thing.key else top
        yield Mounted(thing, where, thing.key, path, thing.way)
    elif not thing.key:  # the entries lie at the root of the volume under their own names
        yield Mounted(thing, where, part, top, Way.SUB_PATH)
    elif thing.path == part:
        yield Mounted(thing, where, thing.key, top, Way.SUB_PATH)
    elif thing.path.startswith(f"{part}/"):
        rest = thing.path.removeprefix(f"{part}/")
        yield Mounted(thing, where, thing.key, posixpath.join(top, rest), Way.SUB_PATH)


def _source(source: Mapping[str, Any], kind: str, named: str, way: Way, where: Path) -> Iterator[Brought]:
    name = text(source.get(named))
    if not name:
        return
    mode = number(source.get("defaultMode"))
    whole = Brought(
        kind, name, way, where, mode=DEFAULT_MODE if mode is None else mode, optional=source.get("optional") is True
    )
    items = list(entries(source.get("items")))
    if not items:
        yield whole
    for _, item in items:
        own = number(item.get("mode"))
        path = posixpath.normpath(text(item.get("path")))
        yield replace(whole, key=text(item.get("key")), path=path, mode=whole.mode if own is None else own)


def _drivers(volume: Mapping[str, Any], where: Path) -> Iterator[Brought]:
    """Credentials that a volume's driver takes from a Secret: Ceph, iSCSI, Azure, CSI."""
    for field, inner in volume.items():
        if field in _KINDS or not isinstance(inner, Mapping):
            continue
        for reference in _DRIVERS:
            if name := text(mapping(inner.get(reference)).get("name")):
                yield Brought("Secret", name, Way.DRIVER, (*where, field, reference))
        if name := text(inner.get("secretName")):
            yield Brought("Secret", name, Way.DRIVER, (*where, field))
