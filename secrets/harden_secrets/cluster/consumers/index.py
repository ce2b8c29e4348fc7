"""All consumers of many ConfigMaps and Secrets at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from harden_secrets.cluster.consumers.apiread import ApiRead, api_reads
from harden_secrets.cluster.consumers.consumer import Consumer, Expects, Way
from harden_secrets.cluster.consumers.fields import field_uses
from harden_secrets.cluster.consumers.podspec import containers, uses
from harden_secrets.cluster.consumers.walk import Path, at, leaves, mapping, text
from harden_secrets.cluster.consumers.workload import Family, Maker, pod_specs, running
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.pointer import joined

_UNSAID = frozenset({"managedFields", "kubectl.kubernetes.io/last-applied-configuration"})


def consumers(objects: Iterable[Manifest], of: ObjectName, key: str | None = None) -> tuple[Consumer, ...]:
    """Who uses a ConfigMap or Secret among these objects; with ``key``, who sees that entry and where."""
    index = Index()
    for manifest in objects:
        index.add(manifest)
    return index.consumers(of, key)


class Index:
    """Takes objects and texts in any order, then answers. Of the objects only what is returned is kept, no value."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[tuple[Consumer, Maker | None]]] = defaultdict(list)
        self._family = Family()
        self._binary: dict[tuple[str, str], frozenset[str]] = {}

    def add(self, manifest: Manifest, source: str = "") -> None:
        """An object, or a document of a file: Helm values and kustomizations too. ``source`` names the file."""
        made_by = self._family.add(manifest)
        name = ObjectName.of(manifest)
        if name.api_version == "v1" and name.kind == "ConfigMap":
            self._binary[name.namespace, name.name] = frozenset(mapping(manifest.get("binaryData")))
        base = Consumer(uses=name, way=Way.REFERENCE, object=name, source=source, running=running(manifest))
        for found in (*_of_pods(manifest, base), *_of_fields(manifest, base), *_of_texts(manifest, base)):
            self._keep(found, made_by)

    def add_text(self, source: str, content: str) -> None:
        """A file that is no manifest, or is one that holds scripts as well: a pipeline, a program, Terraform."""
        for read in api_reads(content):
            line = content.count("\n", 0, read.start) + 1
            base = Consumer(uses=ObjectName("", "", "", ""), way=Way.API, source=source, line=line)
            self._keep(_asking(base, read, content, ""), None)

    def consumers(self, of: ObjectName, key: str | None = None) -> tuple[Consumer, ...]:
        """Who uses ``of``; those whose namespace cannot be known are among them. With ``key``, narrowed to it."""
        out = []
        for found, made_by in self._found.get((of.kind, of.name), ()):
            if of.namespace and found.uses.namespace not in ("", of.namespace):
                continue
            whole = replace(found, owners=self._family.owners(made_by))
            one = whole if key is None else whole.narrowed(key)
            if one is not None:
                out.append(replace(one, expects=self._expects(one, of)))
        return tuple(out)

    def used(self) -> Iterator[ObjectName]:
        """Everything that somebody uses, each once; with an empty namespace where that is not known."""
        names = (found.uses for entries in self._found.values() for found, _ in entries)
        yield from dict.fromkeys(names)

    def _keep(self, found: Consumer, made_by: Maker | None) -> None:
        self._found[found.uses.kind, found.uses.name].append((found, made_by))

    def _expects(self, one: Consumer, of: ObjectName) -> Expects:
        """Bytes or the text of ``data``: of a ConfigMap it depends on where the entry stands."""
        if one.way is Way.API:
            return "raw" if one.decodes else "text"
        if of.kind == "Secret" or one.key in self._binary.get((of.namespace, of.name), ()):
            return "raw"
        return "text"


def _of_pods(manifest: Manifest, base: Consumer) -> Iterator[Consumer]:
    for where, spec in pod_specs(manifest):
        for use in uses(spec, where):
            yield replace(
                base,
                uses=_holder(use.kind, _namespace(base), use.name),
                way=use.way,
                pointer=joined(use.pointer),
                mount=joined(use.mount) if use.mount else "",
                container=use.container,
                key=use.key,
                path=use.path,
                mode=use.mode,
                optional=use.optional,
                service_account=_account(spec),
            )


def _of_fields(manifest: Manifest, base: Consumer) -> Iterator[Consumer]:
    for use in field_uses(manifest):
        yield replace(
            base,
            uses=_holder(use.kind, use.namespace or _namespace(base), use.name),
            way=use.way,
            pointer=joined(use.pointer),
            key=use.key,
            optional=use.optional,
            certain=use.certain,
        )


def _of_texts(manifest: Manifest, base: Consumer) -> Iterator[Consumer]:
    """Scripts in an object: in a container's command, in a ConfigMap, in a field of a pipeline."""
    if base.uses.kind == "Secret":
        return  # its values are no scripts but by rare accident, and are left alone
    covered: list[Path] = []
    for where, spec in pod_specs(manifest):
        for place, container in containers(spec, where):
            covered.append(place)
            inside = replace(base, container=text(container.get("name")), service_account=_account(spec))
            yield from _of_container(container, place, inside)
    for path, content in leaves({name: value for name, value in manifest.items() if name != "status"}):
        known = any(path[: len(place)] == place for place in covered)
        if not known and not _UNSAID.intersection(map(str, path)):
            yield from _reads(base, content, path)


def _of_container(container: Mapping[str, Any], place: Path, base: Consumer) -> Iterator[Consumer]:
    found = [one for path, content in leaves(container, place) for one in _reads(base, content, path)]
    yield from found
    if found:
        return
    # `command: [kubectl, get, cm, x]`: no element says it by itself
    words = [word for field in ("command", "args") for _, word in leaves(container.get(field))]
    field = "args" if container.get("args") else "command"
    yield from _reads(base, " ".join(words), (*place, field))


def _reads(base: Consumer, content: str, path: Path) -> Iterator[Consumer]:
    for read in api_reads(content):
        line = content.count("\n", 0, read.start) + 1
        yield _asking(replace(base, pointer=joined(path), line=line), read, content, _namespace(base))


def _asking(base: Consumer, read: ApiRead, content: str, own: str) -> Consumer:
    namespace = read.namespace or (own if read.own else "")
    return replace(
        base,
        uses=_holder(read.kind, namespace, read.name),
        way=Way.API,
        key=read.key,
        decodes=read.decodes,
        text=content[read.start : read.end],
        start=read.start,
        end=read.end,
    )


def _holder(kind: str, namespace: str, name: str) -> ObjectName:
    return ObjectName("v1", kind, namespace, name)


def _namespace(base: Consumer) -> str:
    return base.object.namespace if base.object is not None else ""


def _account(spec: Mapping[str, Any]) -> str:
    return text(at(spec, "serviceAccountName")) or text(at(spec, "serviceAccount")) or "default"
