"""What a container would see: its files and variables, from the pod's specification and the objects that are there."""

import base64
import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Get = Callable[[str, str], Mapping[str, Any] | None]  # a ConfigMap or Secret of the pod's namespace
View = dict[str, bytes | None]  # a file's path, or env:NAME; None for what keeps the container from starting


def view(spec: Mapping[str, Any], get: Get) -> View:
    """All that the containers see, under `CONTAINER:PLACE`."""
    seen: View = {}
    volumes = {one["name"]: one for one in spec.get("volumes") or ()}
    for container in (*(spec.get("initContainers") or ()), *spec["containers"]):
        prefix = f"{container['name']}:"
        for place, value in (*_variables(container, get), *_mounted(container, volumes, get)):
            seen[prefix + place] = value
    return seen


def _variables(container: Mapping[str, Any], get: Get) -> Iterator[tuple[str, bytes | None]]:
    for entry in container.get("envFrom") or ():
        for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
            if field in entry:
                entries = _texts(get(kind, entry[field]["name"]), entry[field].get("optional"))
                prefix = f"env:{entry.get('prefix', '')}"
                if entries is None:
                    yield prefix, None
                yield from ((prefix + key, value) for key, value in (entries or {}).items())
    for entry in container.get("env") or ():
        if "value" in entry:
            yield f"env:{entry['name']}", entry["value"].encode()
        source = entry.get("valueFrom") or {}
        for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if field in source:
                entries = _texts(get(kind, source[field]["name"]), None) or {}
                yield f"env:{entry['name']}", entries.get(source[field]["key"])


def _mounted(container: Mapping[str, Any], volumes: Mapping[str, Any], get: Get) -> Iterator[tuple[str, bytes | None]]:
    for mount in container.get("volumeMounts") or ():
        files = _files(volumes[mount["name"]], get)
        if files is None:
            yield mount["mountPath"], None
        elif "subPath" in mount:
            yield mount["mountPath"], files.get(mount["subPath"])
        else:
            yield from ((posixpath.join(mount["mountPath"], name), value) for name, value in files.items())


def _files(volume: Mapping[str, Any], get: Get) -> Mapping[str, bytes | None] | None:
    """The files of a volume; None where it cannot be mounted."""
    made: dict[str, bytes | None] = {}
    for source in volume["projected"]["sources"] if "projected" in volume else [volume]:
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            if field in source:
                one = source[field]
                name = one.get("secretName") or one["name"]
                files = _projected(one, _entries(get(kind, name), one.get("optional")))
                if files is None:
                    return None
                made |= files
    return made


def _projected(source: Mapping[str, Any], entries: Mapping[str, bytes] | None) -> Mapping[str, bytes] | None:
    if entries is None or "items" not in source:
        return entries
    there = {item["path"]: entries[item["key"]] for item in source["items"] if item["key"] in entries}
    return there if len(there) == len(source["items"]) or source.get("optional") else None


def _entries(manifest: Mapping[str, Any] | None, optional: object) -> dict[str, bytes] | None:
    """What an object holds; None where it is not there and has to be."""
    texts = _texts(manifest, optional)
    binary = (manifest or {}).get("binaryData") or {}
    return None if texts is None else texts | {key: base64.b64decode(value) for key, value in binary.items()}


def _texts(manifest: Mapping[str, Any] | None, optional: object) -> dict[str, bytes] | None:
    """Of which variables are made: of a ConfigMap only what is in `data`."""
    if manifest is None:
        return {} if optional else None
    secret = manifest["kind"] == "Secret"
    return {key: base64.b64decode(v) if secret else v.encode() for key, v in (manifest.get("data") or {}).items()}
