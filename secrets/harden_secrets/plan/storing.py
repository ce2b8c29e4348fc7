"""Which fields a key gets in Vault, and in which form each entry is had from them. Pure."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from harden_secrets.cluster.port import Manifest, ObjectName
from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import STORED, Fingerprinter
from harden_secrets.inventory.model import Form
from harden_secrets.plan import naming
from harden_secrets.plan.entry import whole
from harden_secrets.plan.held import Held, moves_as_a_whole
from harden_secrets.plan.values import VaultField


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of an object that moves: the field and form that give ``shown``, the bytes that its consumers see.

    ``size`` is how many; 0 where that would help in guessing them.
    """

    key: str
    field: str
    form: Form
    shown: Confidential
    part: str
    size: int = 0


@dataclass(slots=True)
class Store:
    """The fields of one key, and the entries of each object that are had from them."""

    fields: list[VaultField] = field(default_factory=list)
    entries: dict[ObjectName, list[Entry]] = field(default_factory=dict)
    literals: dict[tuple[ObjectName, str], Entry] = field(default_factory=dict)  # by object and pointer


def store(group: Sequence[Held], fingerprints: Fingerprinter) -> Store:
    """One field for each different content; what moves as a whole has fields for its other entries as well."""
    made = Store()
    known: dict[Confidential, str] = {}
    for one in _entries(group):
        content = one.content
        if content not in known:
            known[content] = naming.field(one.material, one.key, [field.name for field in made.fields])
            made.fields.append(_field(known[content], one, content, fingerprints))
        size = len(one.shown.reveal()) if naming.has_telling_size(one.material) else 0
        entry = Entry(one.key, known[content], _form(one, content), one.shown, one.part, size)
        if one.is_literal:
            made.literals[one.object, one.pointer] = entry
        else:
            made.entries.setdefault(one.object, []).append(entry)
    for name, manifest in {one.object: one.manifest for one in group if _whole(one)}.items():
        _rest_of(name, manifest, made, known, fingerprints)
    return made


def _entries(group: Sequence[Held]) -> Iterable[Held]:
    """Each entry once: two keys may be in one."""
    found: dict[tuple[ObjectName, str], Held] = {}
    for one in group:
        found.setdefault((one.object, one.pointer), one)
    return found.values()


def _form(one: Held, content: Confidential) -> Form:
    if one.shown == content:
        return "raw"
    assert one.shown == Confidential(base64.b64encode(content.reveal())), "content() undoes nothing else"
    return "base64"


def _field(name: str, one: Held, content: Confidential, fingerprints: Fingerprinter) -> VaultField:
    return VaultField(
        name=name,
        source=one.source,
        object=one.object,
        pointer=one.pointer,
        part="whole" if one.shown == content else "key",
        digest=fingerprints.of_bytes(STORED, content),
    )


def _rest_of(
    name: ObjectName, manifest: Manifest, made: Store, known: dict[Confidential, str], fingerprints: Fingerprinter
) -> None:
    moved = {entry.key for entry in made.entries[name]}
    names = [(part, key) for part in ("data", "binaryData") for key in sorted(manifest.get(part) or {})]
    for part, key in names:
        if key in moved:
            continue
        pointer = f"/{part}/{key}"  # a key has neither `/` nor `~`: [-._a-zA-Z0-9]+
        shown = whole(manifest, pointer)
        if shown not in known:
            known[shown] = naming.numbered(naming.plain_field(key), [field.name for field in made.fields], "_")
            digest = fingerprints.of_bytes(STORED, shown)
            made.fields.append(VaultField(known[shown], str(name), name, pointer, "whole", digest))
        made.entries[name].append(Entry(key, known[shown], "raw", shown, part))


def _whole(one: Held) -> bool:
    return not one.is_literal and moves_as_a_whole(one.manifest)
