"""The key under which fingerprints are made: 32 random bytes in the state folder, made when they are first needed."""

import os
import secrets
import tempfile
from pathlib import Path

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.statefolder import make_folder

NAME = "fingerprint.key"
SIZE = 32  # bytes
_ELSEWHERE = "name a folder that can be written with --state or HARDEN_STATE, or a key file with --fingerprint-key"


def fingerprint_key(folder: Path) -> Confidential:
    """The key in a state folder, made if there is none. Two processes that both find none end up with the same.

    Raises HardenError if it can be neither read nor made, or is not what it should be.
    """
    path = make_folder(folder, hint=_ELSEWHERE) / NAME
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise HardenError(f"{error.filename or path}: {error.strerror}", _ELSEWHERE) from error


def known_fingerprint_key(folder: Path) -> Confidential | None:
    """The key in a state folder, for who must not make one; None where there is none yet. Raises HardenError."""
    path = folder / NAME
    try:
        return _read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise HardenError(f"{path}: {error.strerror}", _ELSEWHERE) from error


def passing_fingerprint_key() -> Confidential:
    """A key that nobody keeps, for fingerprints that are compared with each other only."""
    return Confidential(secrets.token_bytes(SIZE))


def shared_fingerprint_key(path: Path) -> Confidential:
    """The key in a file that somebody names, so that several machines give one key the same fingerprint."""
    try:
        return _read(path)
    except OSError as error:
        hint = f"`head -c {SIZE} /dev/urandom > {path.name}` makes one; keep it as a secret"
        raise HardenError(f"{path}: {error.strerror}", hint) from error


def _make(path: Path) -> None:
    """Write a key beside and link it to its name: a link fails where another process was quicker."""
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SIZE))
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(beside, path)
        except FileExistsError:
            return
    finally:
        os.unlink(beside)


def _read(path: Path) -> Confidential:
    with path.open("rb") as file:
        key = file.read(SIZE + 1)
    if len(key) != SIZE:
        raise HardenError(
            f"{path}: a fingerprint key has {SIZE} bytes, this file has {'more' if len(key) > SIZE else len(key)}",
            "put the right file back; without it, fingerprints differ from those of earlier reports and baselines",
        )
    return Confidential(key)
