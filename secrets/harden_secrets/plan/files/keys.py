"""What of files becomes one key, and its fields in Vault. Pure."""

import posixpath
from collections.abc import Hashable
from dataclasses import replace

from harden_secrets.confidential import Confidential
from harden_secrets.fingerprint import STORED, Fingerprinter
from harden_secrets.plan import naming
from harden_secrets.plan.files.group import Group
from harden_secrets.plan.files.tree import Found
from harden_secrets.plan.held import Held, moves_as_a_whole
from harden_secrets.plan.values import VaultField


def bonds(item: Held | Found) -> list[Hashable]:
    """What an item has in common with others that move together with it."""
    if isinstance(item, Found):
        return [item.fingerprint]
    together: list[Hashable] = [item.fingerprint, (item.object, item.pointer)]
    if not item.is_literal and moves_as_a_whole(item.manifest):
        together.append(item.object)
    return together


def fields(group: Group, fingerprints: Fingerprinter) -> tuple[VaultField, ...]:
    """The fields, each with the file that it is read from; a file that is a key is kept to the byte."""
    if group.held:
        homes = {one.name: one.source for one in group.kept.fields}
        return tuple(
            replace(one, object=None, source=group.home(one.object) if one.object else homes[one.name])
            for one in group.kept.fields
        )
    first = group.found[0]
    whole = group.places[0].kind == "file"
    value = Confidential(group.content(first.path)) if whole else first.sighting.value
    name = naming.field(first.sighting.detection.material, posixpath.basename(first.path), ())
    digest = fingerprints.of_bytes(STORED, value)
    return (VaultField(name, first.path, None, "", "whole" if whole else "key", digest),)
