"""What harden remembers of one network namespace: the rules in force, those before, and an apply under way.

A folder of its own for each namespace, 0700, with the files ``current``, ``previous``, ``pending`` and ``lock``, and
the folder ``trial`` while rules wait to be confirmed.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from harden.lock import locked
from harden.state import make_state_folder
from wgfw.kernel.record import Record, Token
from wgfw.kernel.recordfile import explained, read_record, sync_folder, write_record
from wgfw.kernel.trials import Trials


class StateDirectory:
    """The state of one namespace under ``root``."""

    def __init__(self, root: Path, netns: str | None) -> None:
        self.root = root
        self.folder = root / "wg" / ("host" if netns is None else f"netns-{netns}")
        self.trials = Trials(self.folder)

    def current(self) -> Record | None:
        """The rules that were written last, and completely."""
        return read_record(self.folder / "current")

    def previous(self) -> Record | None:
        """The rules before those."""
        return read_record(self.folder / "previous")

    def pending(self) -> Record | None:
        """The rules that were being written when somebody pulled the plug."""
        return read_record(self.folder / "pending")

    def token(self) -> Token:
        """Changes whenever anything here changes."""
        return tuple(self._stamp(name) for name in ("current", "pending", "trial/trial.json"))

    @contextlib.contextmanager
    def lock(self, seconds: float = 60) -> Iterator[None]:
        """Only one process at a time gets in. Raises HardenError when that takes too long."""
        with explained(self.folder):
            self._prepare()
        with locked(self.folder / "lock", "harden is changing these rules already", seconds):
            yield

    def armed(self, trial: str) -> Path:
        """The file by which the watchdog of a trial says that it runs."""
        return self.folder / "trial" / f"armed-{trial}"

    def begin(self, record: Record) -> None:
        """Note what is about to be written to the kernel. It needs as much disk as what follows, before it is late.

        Not forced to the disk: rules do not outlive the power, and then `current` is right.
        """
        with explained(self.folder):
            self._prepare()
            write_record(self.folder / "pending", record, durable=False)

    def abandon(self) -> None:
        """The kernel is as it was before :meth:`begin`."""
        with explained(self.folder):
            (self.folder / "pending").unlink(missing_ok=True)

    def begin_first(self, before: Record) -> None:
        """Note what a rollback goes back to, where nothing is remembered yet."""
        with explained(self.folder):
            self._prepare()
            write_record(self.folder / "previous", before)

    def settle(self, record: Record, *, keep: bool) -> None:
        """``record`` is in force now. With ``keep``, what was current becomes what a rollback goes back to."""
        with explained(self.folder):
            self._prepare()
            if keep:
                self._keep_current()
            write_record(self.folder / "current", record)
            self.abandon()
            sync_folder(self.folder)

    def settle_pending(self, *, keep: bool) -> None:
        """What :meth:`begin` noted is in force now. The same as :meth:`settle`, but it needs no room on the disk."""
        with explained(self.folder):
            if keep:
                self._keep_current()
            (self.folder / "pending").replace(self.folder / "current")
            sync_folder(self.folder)

    def _keep_current(self) -> None:
        spare = self.folder / "previous.new"
        spare.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            os.link(self.folder / "current", spare)
            spare.replace(self.folder / "previous")

    def _prepare(self) -> None:
        make_state_folder(self.root, *self.folder.relative_to(self.root).parts)

    def _stamp(self, name: str) -> tuple[int, int] | None:
        try:
            there = os.stat(self.folder / name)
        except OSError:
            return None
        return there.st_ino, there.st_mtime_ns
