"""The section ``repository`` of a secret."""

import re

from harden.document.shape import Shape
from harden.document.wording import quote
from harden.document.yamltree import Node
from harden_secrets.inventory.fields import needs, text, texts
from harden_secrets.inventory.model import Repository

_FINGERPRINT = re.compile(r"[0-9A-F]{40}(?:[0-9A-F]{24})?")  # of version 4, or later
REPOSITORY_KEYS = ("path", "branches", "departed")


def read_repository(shape: Shape, node: Node) -> Repository | None:
    """The repository, or None where it is wrong."""
    fields = shape.fields(node, '"repository"', REPOSITORY_KEYS)
    if not needs(shape, node, fields, '"repository"', ("path",)):
        return None
    return Repository(
        path=text(shape, fields, "path"),
        branches=texts(shape, fields, "branches", _branch_fault),
        departed=tuple(map(_plain, texts(shape, fields, "departed", _fingerprint_fault))),
        place=shape.place(node),
    )


def _plain(fingerprint: str) -> str:
    """A fingerprint as GnuPG writes it for programs, of one with blanks, in small letters, or behind ``0x``."""
    return "".join(fingerprint.split()).upper().removeprefix("0X")


def _fingerprint_fault(written: str) -> str | None:
    """A short key ID will not do: anybody can make a key that has a given one."""
    if _FINGERPRINT.fullmatch(_plain(written)) is None:
        return f"{quote(written)} is no fingerprint of a GnuPG key, which has 40 hexadecimal digits"
    return None


def _branch_fault(name: str) -> str | None:
    """Roughly git-check-ref-format(1); git itself is the judge of the rest."""
    if name.startswith("-") or ".." in name or any(char in name for char in " ~^:?*[\\") or not name.isprintable():
        return f"{quote(name)} can be no branch"
    return None
