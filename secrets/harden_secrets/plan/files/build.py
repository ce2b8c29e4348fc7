"""From files and what was found in them to a plan. Pure: a tree in, a plan out."""

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace

from harden_secrets.cluster.port import ObjectName
from harden_secrets.delivery.values import Delivery
from harden_secrets.fingerprint import Fingerprinter
from harden_secrets.plan import naming
from harden_secrets.plan.delivering import by
from harden_secrets.plan.digest import file_digest
from harden_secrets.plan.files.delivery import default_delivery
from harden_secrets.plan.files.group import Group, Settled
from harden_secrets.plan.files.keys import bonds, fields
from harden_secrets.plan.files.places import advice
from harden_secrets.plan.files.steps import FileSteps
from harden_secrets.plan.files.tree import Found, Tree
from harden_secrets.plan.grouping import grouped
from harden_secrets.plan.held import Held
from harden_secrets.plan.sourcepatch import for_entry, for_script
from harden_secrets.plan.values import FORMAT, Copy, Plan, PlannedSecret, SeenFile, SourcePatch, VaultField
from harden_secrets.plan.world import Request

_ELSEWHERE = "harden does not change a place of this kind: see below what is to be done there"
_UNKNOWN = "default"  # the namespace that kubectl takes where neither manifest nor context names one


def build(tree: Tree, request: Request, fingerprints: Fingerprinter, plan_id: str, made_at: str) -> Plan:
    """The plan for everything that was found. The same tree and request give the same plan."""
    builder = _Builder(tree, default_delivery(tree, request), fingerprints)
    items: list[Held | Found] = [*tree.held, *tree.elsewhere]
    secrets = tuple(builder.secret(group) for group in grouped(items, map(bonds, items)))
    return Plan(
        version=FORMAT,
        id=plan_id,
        made_at=made_at,
        mode="files",
        context="",
        vault_address=request.vault_address,
        vault_mount=request.mount,
        key_id=fingerprints.key_id,
        secrets=secrets,
        files=tuple(_seen(secrets, tree, fingerprints)),
        left=tuple(tree.left),
    )


def _seen(secrets: Sequence[PlannedSecret], tree: Tree, fingerprints: Fingerprinter) -> Iterator[SeenFile]:
    touched = {one.path for secret in secrets for one in secret.files}
    touched |= {copy.source for secret in secrets for copy in secret.copies}
    for path in sorted(touched & tree.contents.keys()):
        yield SeenFile(path, file_digest(tree.contents[path], fingerprints))


class _Builder:
    def __init__(self, tree: Tree, request: Request, fingerprints: Fingerprinter) -> None:
        self._tree = tree
        self._request = request
        self._fingerprints = fingerprints
        self._now = dict(tree.contents)  # files as the keys before leave them
        self._steps = FileSteps(tree, self._now)
        self._names: set[str] = set()
        self._paths: set[str] = set()
        self._taken: dict[str, set[str]] = {}
        for one in tree.objects:
            if one.name.kind == "Secret":
                self._taken.setdefault(one.name.namespace, set()).add(one.name.name)

    def secret(self, items: Sequence[Held | Found]) -> PlannedSecret:
        """Everything that happens to one group."""
        group = Group(items, self._tree, self._now, self._request, self._fingerprints)
        known, path = naming.known((one.fingerprint for one in items), self._request.known, self._names)
        name = known or self._name(group)
        path = path or self._path(name, group)
        self._names.add(name)
        self._paths.add(path)
        group.deliver(self._taken)
        settled = group.settled()
        made = {of: self._by(one, path) for of, one in group.deliveries.items()}
        files = self._steps.of(settled, {group.home(of): one for of, one in made.items() if one.objects})
        stored = fields(group, self._fingerprints)
        first = items[0]
        material = first.material if isinstance(first, Held) else first.sighting.detection.material
        return PlannedSecret(
            name=name,
            material=material,
            fingerprint=first.fingerprint,
            kind=naming.kind(material),
            vault_path=path,
            fields=stored,
            copies=tuple(_copies(group, settled)),
            deliveries=tuple(replace(one, namespace=one.namespace or _UNKNOWN) for one in made.values()),
            files=files,
            source_patches=tuple(self._to_do(name, path, group, stored)),
        )

    def _by(self, delivery: Delivery, path: str) -> Delivery:
        return by(delivery, path, self._request)

    def _to_do(self, name: str, path: str, group: Group, stored: Sequence[VaultField]) -> Iterator[SourcePatch]:
        """What is left for a person."""
        for use in group.unread:
            yield for_script(use, self._now.get(use.consumer.source, b""))
        vault = f"{self._request.mount}/{path}"
        for number, one in enumerate(group.found):
            if group.places[number].kind == "other":
                yield SourcePatch(one.path, one.sighting.line, advice(one.path, vault, stored[0].name))
            yield from self._referring(one.path)
        for of, delivery in group.deliveries.items():
            if not delivery.objects and self._request.deliver == "direct":
                home = group.home(of)
                where = f"secret {delivery.namespace or _UNKNOWN}/{delivery.secret}"
                yield SourcePatch(home, 1, f"`harden secrets deliver {name}` puts {where} into the cluster from Vault")

    def _referring(self, path: str) -> Iterator[SourcePatch]:
        """What takes its value from a file that is a key: an entry of an object that Terraform makes."""
        for source, reference in self._tree.references:
            place = reference.object
            named = posixpath.normpath(posixpath.join(posixpath.dirname(source), reference.path))
            if place is not None and named == posixpath.normpath(path):
                of = ObjectName("v1", place.kind, place.namespace, place.name)
                yield from for_entry(of, place.field.rpartition("/")[2], {source: self._now.get(source, b"")})

    def _name(self, group: Group) -> str:
        if group.held:
            return naming.secret(group.held, self._names)
        stem = posixpath.basename(group.found[0].path).removeprefix(".")
        return naming.numbered(naming.object_name(stem.partition(".")[0] or stem), self._names, "-")

    def _path(self, name: str, group: Group) -> str:
        namespaces = {one.object.namespace for one in group.held if one.object.namespace}
        folder = next(iter(namespaces)) if len(namespaces) == 1 else "shared" if namespaces else "files"
        return self._request.paths.get(name) or naming.numbered(f"{folder}/{name}", self._paths, "-")


def _copies(group: Group, settled: Settled) -> Iterator[Copy]:
    """Every place, and what becomes of it."""
    for one in group.held:
        line, encodings = group.written(one)
        copy = Copy(one.source, line, encodings, "leave", one.object, one.pointer, one.key, reason=group.reason(one))
        if copy.reason:
            yield copy
        elif settled.after.get(one.source):
            yield replace(copy, removal="rewrite-file")
        else:
            yield replace(copy, removal="delete-file", object=None)  # an object would mean one of a cluster
    for number, found in enumerate(group.found):
        place, seen = group.places[number], found.sighting
        reason = group.place_reasons.get(number, "") or (_ELSEWHERE if place.kind == "other" else "")
        copy = Copy(found.path, seen.line, seen.encodings, "leave", reason=reason)
        rewritten = place.kind != "file" and settled.after.get(found.path)
        yield copy if reason else replace(copy, removal="rewrite-file" if rewritten else "delete-file")
