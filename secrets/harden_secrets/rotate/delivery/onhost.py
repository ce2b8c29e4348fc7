"""A file of this host after a switch: put in place in one step, and its consumer told to read it again."""

import os
from collections.abc import Callable
from pathlib import Path

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.delivery.ofentry import of_entry, of_file
from harden_secrets.delivery.putting import Change
from harden_secrets.fileimage import FileImage
from harden_secrets.hostfile import put_file
from harden_secrets.inventory.model import Delivery
from harden_secrets.rotate.delivery.patience import Patience
from harden_secrets.rotate.delivery.reloading import reload
from harden_secrets.rotate.environment import is_there
from harden_secrets.rotate.rotator import Fields


class OnHost:
    """One delivery to a file. ``name``: of the secret, in the inventory."""

    def __init__(
        self, name: str, delivery: Delivery, patience: Patience, tell: Callable[[str], None], *, old_is_good: bool
    ) -> None:
        self._name, self._delivery, self._patience, self._tell = name, delivery, patience, tell
        self._path, self._old_is_good = Path(delivery.path), old_is_good

    def check(self) -> None:
        """Raises HardenError where the file could not be put there, or nobody could be told. Changes nothing."""
        put_file(self._delivery, Confidential(b""), dry_run=True)  # its owner and group are known, it is a file
        folder = self._path.resolve().parent
        if not folder.is_dir():
            raise HardenError(f"{folder}: there is no such folder", f"make it, with who may read {self._path} in mind")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise HardenError(f"{folder}: nothing can be written there", "run harden as who may, or change its mode")
        program = self._delivery.reload[0] if self._delivery.reload else ""
        if program and not is_there(program):
            raise HardenError(f"{program}: there is no such program", "see `reload` of the delivery in the inventory")

    def deliver(self, new: Fields, old: Fields) -> str:
        """See the Deliverer. The program is run even where the file is right: an earlier call may have ended there."""
        wanted = self._content(new)
        before = FileImage.of(self._path)
        change = put_file(self._delivery, wanted)
        if not self._delivery.reload:
            return f"the file is {change}"
        try:
            self._reload(new, old)
        except HardenError as error:
            raise self._put_back(error, before.content, new, old) from None
        return f"the file is {change}; {self._delivery.reload[0]} has been run"

    def confirm(self, new: Fields) -> str:
        """See the Deliverer."""
        if put_file(self._delivery, self._content(new), dry_run=True) is not Change.NONE:
            raise HardenError(
                f"{self._path}: is not as Vault and the inventory have it: its bytes, owner or mode",
                "see who changed it; then run this again: the old key is still valid",
            )
        return "its bytes, owner and mode are right"

    def _reload(self, new: Fields, old: Fields) -> None:
        self._tell(f"running {self._delivery.reload[0]}")
        reload(self._delivery.reload, self._patience.reload, [*new.values(), *old.values()])

    def _put_back(self, error: HardenError, before: Confidential | None, new: Fields, old: Fields) -> HardenError:
        """What was there, or what Vault had before where an earlier call has put the new value there."""
        messages = [f"{self._path}: {words}" for words in error.messages]
        if not self._old_is_good:
            return HardenError(messages, ["the old value works no more, so nothing was put back", *error.hints])
        again = before if before is not None and before != self._content(new) else self._content(old)
        put_file(self._delivery, again)
        back = "the file has its old bytes again"
        try:
            self._reload(new, old)
        except HardenError as second:
            back = f"{back}, but {'; '.join(second.messages)}"
        return HardenError(messages, [back, *error.hints])

    def _content(self, fields: Fields) -> Confidential:
        return of_file(self._name, of_entry(self._delivery, fields), fields)
