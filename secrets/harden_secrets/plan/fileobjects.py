"""Objects as files have them: which document of which file, and as the API server would keep them. Pure."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from harden.errors import HardenError
from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.plan.entry import at
from harden_secrets.plan.generators import generated
from harden_secrets.rewrite.layout import Mapping, Node, Sequence, end_of, resolved
from harden_secrets.rewrite.stream import Stream, stream

_ENCODED = {"Secret": "data", "ConfigMap": "binaryData"}


@dataclass(frozen=True, slots=True)
class FileObject:
    """An object in a file.

    ``pointer`` leads to it in its document: empty, or ``/items/3`` of a List. ``manifest`` is what the API server
    makes of it (``stringData`` merged into ``data``), ``written`` what stands there. ``start`` and ``end`` are
    offsets in the file's bytes. ``template``: it is one, and its names may be anything once it is rendered.
    ``generator``: kustomize makes it from what is written there.
    """

    path: str
    document: int
    pointer: str
    manifest: Manifest
    written: Manifest
    start: int
    end: int
    template: bool = False
    generator: bool = False
    siblings: int = 0  # how many generators are in its list

    @property
    def name(self) -> ObjectName:
        """Its name."""
        return ObjectName.of(self.manifest)


def file_objects(path: str, whole: Stream) -> Iterator[FileObject]:
    """Every object of a file, those of Lists by themselves."""
    for number, document in enumerate(whole.documents):
        if document.root is None:
            continue
        for pointer, node, found in _objects(document.root, document.value, ""):
            written = _anywhere(found) if document.template else found
            span = (node.start, end_of(node))
            yield FileObject(path, number, pointer, as_stored(written), written, *span, template=document.template)
        for made in generated(document.root, document.value):
            span = (made.node.start, end_of(made.node))
            yield FileObject(
                path, number, made.pointer, made.manifest, made.written, *span, generator=True, siblings=made.siblings
            )


def _anywhere(written: Manifest) -> Manifest:
    """A template's object without a namespace that only the rendered one has."""
    metadata = written["metadata"]
    if "{" not in str(metadata.get("namespace", "")):
        return written
    return written | {"metadata": {key: value for key, value in metadata.items() if key != "namespace"}}


def _objects(node: Node, value: Any, pointer: str) -> Iterator[tuple[str, Node, Manifest]]:
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str) or "apiVersion" not in value:
        return
    top = resolved(node)
    items = resolved(found) if isinstance(top, Mapping) and (found := top.get("items")) else None
    if value["kind"].endswith("List") and isinstance(value.get("items"), list) and isinstance(items, Sequence):
        for number, item in enumerate(items.items):
            yield from _objects(item, value["items"][number], f"{pointer}/items/{number}")
    elif isinstance(value.get("metadata"), dict):
        yield pointer, node, value


def as_stored(written: Manifest) -> Manifest:
    """The object as the API server keeps it: `stringData` of a Secret wins over `data`, and is no more."""
    if written.get("kind") != "Secret" or not isinstance(written.get("stringData"), dict):
        return written
    texts = {key: text for key, text in written["stringData"].items() if isinstance(text, str)}
    encoded = {key: base64.b64encode(_bytes(text)).decode() for key, text in texts.items()}
    kept = {key: value for key, value in written.items() if key != "stringData"}
    return kept | {"data": (written.get("data") or {}) | encoded}


def is_sound(manifest: Manifest) -> bool:
    """Whether the data of a ConfigMap or Secret is what the API server would take."""
    part = _ENCODED.get(str(manifest.get("kind")), "")
    try:
        for text in (manifest.get(part) or {}).values():
            base64.b64decode(text)
        for text in (manifest.get("data") or {}).values():
            text.encode()
    except (binascii.Error, ValueError, TypeError, AttributeError):
        return False
    return True


def parts_of(written: Manifest, key: str) -> list[str]:
    """The parts of an object as it is written that have an entry of this name."""
    return [part for part in ("data", "binaryData", "stringData") if key in (written.get(part) or {})]


def shown_in(data: bytes, pointer: str) -> Iterator[Confidential]:
    """What every object in a file shows at a pointer, as who mounts it sees it, and what that is base64 of."""
    for one in file_objects("", stream(data)) if pointer else ():
        try:
            text = at(one.manifest, pointer)
        except HardenError:
            continue  # another object of the file
        encoded = pointer.startswith(f"/{_ENCODED.get(str(one.manifest.get('kind')), '-')}/")
        if not isinstance(text, str):
            continue
        for value in _decodings(_bytes(text), encoded=encoded):
            yield Confidential(value)


def _decodings(value: bytes, *, encoded: bool) -> Iterator[bytes]:
    try:
        if encoded:
            value = base64.b64decode(value)
        yield value
        yield base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
