"""The key of the seal: made once, and looked at before every start.

A server with another key starts, keeps trying and never comes up, and says nothing that leads to the file.
"""

import hashlib
import os
import secrets
import stat

from harden.errors import HardenError
from harden_secrets.durable import write_file
from harden_secrets.vault.server.place import Place

SIZE = 32  # bytes; AES-256 is what seal "static" takes
_CONTEXT = b"harden: the key of a seal\0"
_RESTORE = "restore it from the backup that was made of it: nothing else opens the data, which stays as it is"


def make(place: Place) -> None:
    """Make the key. One that is there stays."""
    if not place.seal_key.exists():
        write_file(place.seal_key, secrets.token_bytes(SIZE))


def mark(place: Place) -> str:
    """What tells the key from any other and says nothing about it: a digest of 32 random bytes."""
    return hashlib.sha256(_CONTEXT + place.seal_key.read_bytes()).hexdigest()


def check(place: Place, known: str) -> None:
    """Raises HardenError where the file cannot be the key. ``known`` is the mark of the right one, empty if unknown."""
    path = place.seal_key
    try:
        there = path.stat()
        if there.st_uid != os.geteuid():
            raise HardenError(f"{path}: belongs to another user", "run it as the user whose Vault it is (sudo)")
        if stat.S_IMODE(there.st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            raise HardenError(
                f"{path}: other users may use it (its mode is {stat.S_IMODE(there.st_mode):04o})",
                f"chmod 0600 {path}; if anybody may have read it and the data, make new keys of what the Vault holds",
            )
        if there.st_size != SIZE:
            raise HardenError(f"{path}: the key of a seal has {SIZE} bytes, this file has {there.st_size}", _RESTORE)
        if known and mark(place) != known:
            raise HardenError(f"{path}: is not the key that this Vault was sealed with", _RESTORE)
    except OSError as error:
        raise HardenError(f"{path}: cannot be read: {error.strerror}", _RESTORE) from error
