"""The section ``repository`` of a secret."""

import re
from typing import Literal

from harden.document.shape import Fields, Shape
from harden.document.wording import quote
from harden.document.yamltree import Node
from harden_secrets.inventory.fields import needs, text, texts
from harden_secrets.inventory.model import Repository

_FINGERPRINT = re.compile(r"[0-9A-F]{40}(?:[0-9A-F]{24})?")  # of version 4, or later
_KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")  # validate_key_name in git-crypt's key.cpp
_WAYS: tuple[Literal["replace", "named"], ...] = ("replace", "named")
REPOSITORY_KEYS = ("path", "branches", "keys", "key_name", "remote", "departed")


def read_repository(shape: Shape, node: Node) -> Repository | None:
    """The repository, or None where it is wrong."""
    fields = shape.fields(node, '"repository"', REPOSITORY_KEYS)
    if not needs(shape, node, fields, '"repository"', ("path",)):
        return None
    return Repository(
        path=text(shape, fields, "path"),
        branches=texts(shape, fields, "branches", _branch_fault),
        keys=_keys(shape, fields),
        key_name=text(shape, fields, "key_name", _key_name_fault),
        remote=text(shape, fields, "remote", _remote_fault),
        departed=tuple(map(_plain, texts(shape, fields, "departed", _fingerprint_fault))),
        place=shape.place(node),
    )


def _keys(shape: Shape, fields: Fields) -> Literal["replace", "named"]:
    word = shape.choice(fields["keys"][1], '"keys"', _WAYS) if "keys" in fields else None
    return next((way for way in _WAYS if way == word), _WAYS[0])


def _key_name_fault(name: str) -> str | None:
    if _KEY_NAME.fullmatch(name) is None or name == "default":
        return f"{quote(name)} can be no name of a git-crypt key (leave it out for the default one)"
    return None


def _remote_fault(remote: str) -> str | None:
    """``name::address`` has git run the program ``git-remote-name``; what begins with a hyphen is an option to it."""
    if remote.startswith("-") or "::" in remote or not remote.isprintable():
        return f"{quote(remote)} is no remote that is pushed to: its name, or an ssh, https or file URL, or a path"
    return None


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
