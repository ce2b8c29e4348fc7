"""Which field of a secret in Vault is the git-crypt key, and the fields with its successor. Pure but for chance.

The key is known by what it is, not by the field's name. A field may hold the base64 text of it, as some consumers want.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from harden.document.wording import listing, quote
from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.detect.gitcrypt import MAGIC
from harden_secrets.rotate.kinds.gitcrypt import keyfile
from harden_secrets.rotate.kinds.gitcrypt.blobs import AES_BYTES, HMAC_BYTES, BlobKey
from harden_secrets.rotate.kinds.gitcrypt.keyfile import KEY_NAME, KeyFile, KeyFileError
from harden_secrets.rotate.rotator import Fields

Random = Callable[[int], bytes]
_GENERATION = re.compile(r"(?P<family>.*)-(?P<number>[1-9][0-9]{0,8})")
_FAMILY = "generation"  # of the default key, whose successors need a name
_LONGEST_TEXT = 4096


@dataclass(frozen=True, slots=True)
class KeyFields:
    """The git-crypt key among the fields, and in which of them it stands, ``True`` where as base64 text."""

    file: KeyFile
    fields: Mapping[str, bool]


def found(name: str, fields: Fields, key_name: str) -> KeyFields:
    """The key. ``name`` is the secret's; ``key_name`` is the key's, or of the family it is in. Raises HardenError."""
    files = {field: held for field, value in fields.items() if (held := _held(value)) is not None}
    if any(not file.legacy for file, _ in files.values()):
        # A key of before 0.4 is known by its length only, which other fields may have by chance.
        files = {field: held for field, held in files.items() if not held[0].legacy}
    names = {file.name for file, _ in files.values()}
    if not names:
        raise HardenError(
            f"{name}: no field in Vault holds a git-crypt key, out of {listing(list(map(quote, fields))) or 'none'}",
            "`git-crypt export-key` writes it; store the file as it is",
        )
    fitting = {one for one in names if _is_of(one, key_name)}
    if not key_name and len(names) == 1:
        fitting = names
    if len(fitting) != 1:
        has = listing([quote(one or "default") for one in sorted(names)])
        raise HardenError(
            f"{name}: which git-crypt key it is does not show: Vault has {has}", "give its name as `key_name`"
        )
    chosen = {field: held for field, held in files.items() if held[0].name in fitting}
    first = next(iter(chosen.values()))[0]
    if any(file.keys != first.keys for file, _ in chosen.values()):
        raise HardenError(f"{name}: {listing([quote(one) for one in chosen])} hold different keys", "keep one of them")
    return KeyFields(first, {field: text for field, (_, text) in chosen.items()})


def successor(name: str, held: KeyFields, new: Fields) -> KeyFile:
    """The key that the next version has in the same fields. Raises HardenError."""
    files = [found for field in held.fields if field in new and (found := _held(new[field])) is not None]
    if not files:
        raise HardenError(f"{name}: the new version has no git-crypt key", "abandon this rotation and begin another")
    return files[0][0]


def succeeded(
    old: Fields, held: KeyFields, keys: Literal["replace", "named"], random: Random = secrets.token_bytes
) -> Fields:
    """All fields of the next version: a new key, the other fields carried over.

    With ``replace`` the key keeps its name; with ``named`` it has the next generation's.
    """
    key = BlobKey(Confidential(random(AES_BYTES)), Confidential(random(HMAC_BYTES)))
    name = held.file.name if keys == "replace" else generation_after(held.file.name)
    made = keyfile.serialise(keyfile.single(key, name))
    text = Confidential(base64.b64encode(made.reveal()))
    return {**old, **{field: text if as_text else made for field, as_text in held.fields.items()}}


def generation_after(name: str) -> str:
    """The name of the key that follows the one of that name: ``generation-2`` follows the default key.

    >>> generation_after("ops"), generation_after("ops-2")
    ('ops-2', 'ops-3')
    """
    numbered = _GENERATION.fullmatch(name)
    if numbered is not None:
        return f"{numbered['family']}-{int(numbered['number']) + 1}"
    made = f"{name or _FAMILY}-2"
    if KEY_NAME.fullmatch(made) is None:
        raise HardenError(f"the git-crypt key {quote(name)} has so long a name that none can follow it")
    return made


def _is_of(name: str, key_name: str) -> bool:
    """Whether that is the key of this name, or one of the generations after it."""
    numbered = _GENERATION.fullmatch(name)
    return name == key_name or (numbered is not None and numbered["family"] == (key_name or _FAMILY))


def _held(value: Confidential) -> tuple[KeyFile, bool] | None:
    octets = value.reveal()
    try:
        if octets.startswith(MAGIC) or len(octets) == keyfile.LEGACY:
            return keyfile.parse(value), False
        if len(octets) <= _LONGEST_TEXT:
            return keyfile.parse(Confidential(base64.b64decode(b"".join(octets.split()), validate=True))), True
    except (KeyFileError, binascii.Error, ValueError):
        return None
    return None
