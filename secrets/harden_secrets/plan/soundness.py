"""What is wrong with a plan that somebody wrote or edited: better known before a run begins than in the middle. Pure.

It says nothing of the world: whether that is as the plan saw it is :mod:`harden_secrets.migrate.rehearsal`'s matter.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from harden.document.wording import quote
from harden_secrets.cluster.port import ObjectName
from harden_secrets.delivery.values import Delivery
from harden_secrets.inventory import terms
from harden_secrets.inventory.paths import path_fault
from harden_secrets.plan.naming import RESERVED
from harden_secrets.plan.values import ConsumerChange, Copy, FileChange, Grant, Plan, PlannedSecret
from harden_secrets.pointer import tokens

_POINTER = re.compile(r"(?:/(?:[^~/]|~[01])*)*\Z")  # RFC 6901
_OPERATIONS: Mapping[str, Mapping[str, type]] = {  # RFC 6902, as far as plans have them
    "test": {}, "add": {}, "replace": {}, "remove": {}, "words": {"words": list},
}  # fmt: skip
_EDITS: Mapping[str, Mapping[str, type]] = {
    "patch": {"document": int, "patch": list},
    "document": {"document": int},
    "cut": {"start": int, "end": int},
    "text": {"start": int, "end": int, "old": str, "new": str},
    "create": {"text": str},
}
_OF_ENTRIES = ("delete-object", "remove-key")
_OF_FILES = ("delete-file", "rewrite-file")
_PARTS = ("data", "binaryData")

Fault = tuple[str, str]  # a pointer into the plan, and words


def faults(plan: Plan) -> Iterator[Fault]:
    """Everything because of which the plan could not be carried out to its end, by its place in the plan."""
    names: set[str] = set()
    for number, secret in enumerate(plan.secrets):
        for place, words in _of_secret(secret, plan):
            yield f"/secrets/{number}{place}", words
        if secret.name in names:
            yield f"/secrets/{number}/name", f"another key of the plan is called {quote(secret.name)} too"
        names.add(secret.name)


def unknown_keys(given: Any, read: Any, place: str = "") -> Iterator[str]:
    """The places of what stands in a plan's file and means nothing: ``read`` is what was understood of it."""
    if isinstance(given, dict) and isinstance(read, dict):
        for key, value in given.items():
            if key not in read:
                yield f"{place}/{key}"
            else:
                yield from unknown_keys(value, read[key], f"{place}/{key}")
    elif isinstance(given, list) and isinstance(read, list):
        for number, (one, other) in enumerate(zip(given, read, strict=False)):
            yield from unknown_keys(one, other, f"{place}/{number}")


def _of_secret(secret: PlannedSecret, plan: Plan) -> Iterator[Fault]:
    yield from _said("/name", terms.name_fault(secret.name))
    yield from _said("/vault_path", path_fault(secret.vault_path))
    if not secret.fields:
        yield "/fields", "there is nothing to store"
    for number, field in enumerate(secret.fields):
        if not field.name or not field.name.isprintable() or field.name == RESERVED:
            yield f"/fields/{number}/name", f"{quote(field.name)} can be no field in Vault"
        yield from _pointed(f"/fields/{number}/pointer", field.pointer)
        if field.object is None:
            yield from _absolute(f"/fields/{number}/source", field.source)
    fields = {field.name for field in secret.fields}
    yield from _numbered("/copies", (_of_copy(one, plan) for one in secret.copies))
    yield from _numbered("/deliveries", (_of_delivery(one, fields) for one in secret.deliveries))
    yield from _numbered("/consumers", (_of_consumer(one) for one in secret.consumers))
    yield from _numbered("/files", (_of_file(one) for one in secret.files))
    yield from _numbered("/grants", (_of_grant(one) for one in secret.grants))


def _of_copy(copy: Copy, plan: Plan) -> Iterator[Fault]:
    yield from _pointed("/pointer", copy.pointer)
    if copy.removal in _OF_FILES:
        yield from _absolute("/source", copy.source)
    if copy.removal == "delete-file" and copy.object is not None:
        yield "/object", "a file is deleted, and this would be an object of a cluster"
    if copy.removal in _OF_ENTRIES or copy.removal == "repoint":
        if plan.mode == "files" or copy.object is None:
            yield "/object", f"{quote(copy.removal)} is for an object of a cluster, and none is meant here"
        elif copy.removal in _OF_ENTRIES and tokens(copy.pointer) not in ([part, copy.key] for part in _PARTS):
            yield "/pointer", f"is not the entry {quote(copy.key)} of a ConfigMap or Secret"
    if copy.object is not None:
        yield from _named("/object", copy.object)


def _of_delivery(delivery: Delivery, fields: Iterable[str]) -> Iterator[Fault]:
    if delivery.to == "file":
        yield from _absolute("/path", delivery.path)
    else:
        yield from _said("/namespace", terms.namespace_fault(delivery.namespace))
        yield from _said("/secret", terms.object_fault(delivery.secret))
        yield from _said("/type", terms.type_fault(delivery.type))
    if not delivery.keys:
        yield "/keys", "there is nothing to deliver"
    for number, key in enumerate(delivery.keys):
        yield from _said(f"/keys/{number}/key", terms.key_fault(key.key))
        if key.field not in fields:
            yield f"/keys/{number}/field", f"no field {quote(key.field)} is stored"
    for number, manifest in enumerate(delivery.objects):
        yield from _named(f"/objects/{number}", ObjectName.of(manifest))


def _of_consumer(change: ConsumerChange) -> Iterator[Fault]:
    yield from _named("/object", change.object)
    yield from _numbered("/patch", (_of_operation(one) for one in change.patch))


def _of_operation(operation: Any, *, in_file: bool = False) -> Iterator[Fault]:
    kind = str(operation.get("op")) if isinstance(operation, dict) else ""
    if kind not in _OPERATIONS or (kind == "words" and not in_file):
        yield "/op", "is no operation that a plan has"
        return
    path = operation.get("path")
    if not isinstance(path, str) or not path or not _POINTER.match(path):
        yield "/path", "is no JSON pointer into the object"
    if kind not in ("remove", "words") and "value" not in operation:
        yield "", f"{quote(kind)} needs a value"
    yield from _shaped(operation, _OPERATIONS[kind])


def _of_file(change: FileChange) -> Iterator[Fault]:
    yield from _absolute("/path", change.path)
    kinds = {str(edit.get("edit")) for edit in change.edits}
    if not kinds:
        yield "/edits", "there is nothing to change"
    for kind in ("create", "text"):
        if kind in kinds and len(kinds) > 1:
            yield "/edits", f"{quote(kind)} goes with no other kind of edit"
    yield from _numbered("/edits", (_of_edit(one) for one in change.edits))


def _of_edit(edit: Mapping[str, Any]) -> Iterator[Fault]:
    shape = _EDITS.get(str(edit.get("edit")))
    if shape is None:
        yield "/edit", "is no edit that a plan has"
        return
    wrong = list(_shaped(edit, shape))
    yield from wrong
    if not wrong and "patch" in shape:
        yield from _numbered("/patch", (_of_operation(one, in_file=True) for one in edit["patch"]))
    if not wrong and "end" in shape and edit["end"] < edit["start"]:
        yield "/end", "lies before the start"


def _of_grant(grant: Grant) -> Iterator[Fault]:
    yield from _said("/namespace", terms.namespace_fault(grant.namespace))
    yield from _said("/secret", terms.object_fault(grant.secret))
    yield from _said("/service_account_namespace", terms.namespace_fault(grant.service_account_namespace))
    yield from _said("/service_account", terms.object_fault(grant.service_account))


def _shaped(given: Mapping[str, Any], shape: Mapping[str, type]) -> Iterator[Fault]:
    for key, wanted in shape.items():
        value = given.get(key)
        fine = isinstance(value, wanted) and not isinstance(value, bool)
        if not fine or (isinstance(value, int) and value < 0):
            yield f"/{key}", f"{'a number, 0 or more' if wanted is int else 'a text or a list'} is wanted here"
        if key == "words" and fine and not all(_is_pair(one) for one in given["words"]):
            yield "/words", "pairs of texts are wanted here"


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(one, str) for one in value)


def _named(place: str, name: ObjectName) -> Iterator[Fault]:
    parts = (name.api_version, name.kind, name.name)
    if not all(part and part.isprintable() and part not in (".", "..") for part in parts) or "/" in name.name:
        yield place, "names no object: it takes apiVersion, kind and a name"
    if name.namespace:
        yield from _said(f"{place}/namespace", terms.namespace_fault(name.namespace))


def _pointed(place: str, pointer: str) -> Iterator[Fault]:
    if not _POINTER.match(pointer):
        yield place, f"{quote(pointer)} is no JSON pointer"


def _absolute(place: str, path: str) -> Iterator[Fault]:
    if not posixpath.isabs(path) or "\0" in path:
        yield place, f"{quote(path)} is no absolute path"


def _said(place: str, fault: str | None) -> Iterator[Fault]:
    if fault is not None:
        yield place, fault


def _numbered(place: str, found: Iterable[Iterable[Fault]]) -> Iterator[Fault]:
    for number, faults_of_one in enumerate(found):
        for inner, words in faults_of_one:
            yield f"{place}/{number}{inner}", words
