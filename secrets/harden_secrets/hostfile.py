"""A file on this host that holds a field of Vault: its owner, group and mode as the inventory says."""

import grp
import pwd
from pathlib import Path

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.delivery.putting import Change
from harden_secrets.durable import write_file
from harden_secrets.fileimage import FileImage
from harden_secrets.inventory.model import Delivery

_UNCHANGED = -1  # chown(2): that id stays as it is


def put_file(delivery: Delivery, content: Confidential, *, dry_run: bool = False) -> Change:
    """Make the file so, in one step; nobody else can read it at any moment. Raises HardenError.

    Where the inventory names no owner or group, a file that is there keeps its own.
    """
    path = Path(delivery.path)
    now = FileImage.of(path)
    named = (_user(delivery.owner), _group(delivery.group))
    if now.content == content and now.mode == delivery.mode and _is_owned(now.owner, named):
        return Change.NONE
    if not dry_run:
        try:
            write_file(path.resolve(), content.reveal(), delivery.mode, _kept(now.owner, named))
        except OSError as error:
            raise HardenError(
                f"{path}: cannot be written: {error.strerror}", "it is as it was; see to that, then run it again"
            ) from None
    return Change.CREATED if now.content is None else Change.UPDATED


def _is_owned(now: tuple[int, int] | None, wanted: tuple[int, int]) -> bool:
    return now is not None and all(one in (_UNCHANGED, there) for one, there in zip(wanted, now, strict=True))


def _kept(now: tuple[int, int] | None, wanted: tuple[int, int]) -> tuple[int, int]:
    """The wanted owner and group; where none is named, those of the file that is there."""
    if now is None:
        return wanted
    return (now[0] if wanted[0] == _UNCHANGED else wanted[0], now[1] if wanted[1] == _UNCHANGED else wanted[1])


def _user(name: str) -> int:
    try:
        return pwd.getpwnam(name).pw_uid if name else _UNCHANGED
    except KeyError:
        raise HardenError(f"there is no user {name} on this host", "the inventory names the owner of a file") from None


def _group(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid if name else _UNCHANGED
    except KeyError:
        raise HardenError(f"there is no group {name} on this host", "the inventory names the group of a file") from None
