"""The files of a trial.

The folder ``trial`` is there as long as a trial is open. It holds ``trial.json``, and with it what is to come back:
``current`` and ``previous`` as they were when nothing waited. ``ended.json`` tells how the last trial ended.
"""

import json
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from wgfw.kernel.record import Record
from wgfw.kernel.recordfile import explained, read_record, sync_folder, write_record, write_whole
from wgfw.kernel.trial import Ended, Ending, Moment, Trial, after


class Trials:
    """The trials of one network namespace, whose state is ``folder``. All that writes needs the lock of that state."""

    def __init__(self, folder: Path) -> None:
        self._state = folder
        self._folder = folder / "trial"

    def open(self) -> Trial | None:
        """The one that waits, also when its time is over and nobody has gone back yet."""
        document = _read(self._folder / "trial.json")
        if document is None:
            return None
        inodes = document.pop("connections")
        return Trial(**document, connections=None if inodes is None else tuple(inodes))

    def base(self) -> Record | None:
        """The rules that come back; those of the last confirmed apply."""
        return read_record(self._folder / "current")

    def ending(self) -> Ending | None:
        """How the last one ended."""
        document = _read(self._state / "ended.json")
        return None if document is None else Ending(**document)

    def begin(self, trial: Trial, base: Record) -> None:
        """Have ``trial`` open. What comes back is that of the trial that is open already, else what is current; where
        nothing is, ``base``."""
        with explained(self._folder):
            if self.open() is not None:
                self.note(trial)
                return
            fresh = self._state / "trial.new"
            shutil.rmtree(fresh, ignore_errors=True)
            fresh.mkdir(mode=0o700)
            if trial.known:
                os.link(self._state / "current", fresh / "current")
            else:
                write_record(fresh / "current", base)
            with suppress(FileNotFoundError):
                os.link(self._state / "previous", fresh / "previous")
            _write(fresh / "trial.json", asdict(trial))
            sync_folder(fresh)
            if self._folder.exists():  # one that was being deleted
                shutil.rmtree(self._folder)
            fresh.rename(self._folder)
            sync_folder(self._state)

    def note(self, trial: Trial) -> None:
        """The open trial is this one now."""
        with explained(self._folder):
            _write(self._folder / "trial.json", asdict(trial))

    def withdraw(self) -> None:
        """Nothing was tried after all."""
        with explained(self._folder):
            self._delete()

    def end(self, how: Ended, moment: Moment) -> None:
        """No trial is open any more. Where nobody confirmed, what is remembered is as before it.

        The kernel has been brought in line already; ended in the middle, the trial is still open.
        """
        trial = self.open()
        if trial is None:
            return
        with explained(self._folder):
            if how in ("confirmed", "removed"):
                # several may have been tried: a rollback goes to what was confirmed, none of them
                self._take_back("current" if self._differs() else "previous", "previous")
            else:
                self._take_back("current", "current" if trial.known else None)
                self._take_back("previous", "previous")
            ending = Ending(how, trial.applied, after(moment.wall, 0), trial.seconds)
            _write(self._state / "ended.json", asdict(ending))
            self._delete()

    def _differs(self) -> bool:
        """Whether the rules now are others than before the trial, and not the same ones repaired."""
        before, now = self.base(), read_record(self._state / "current")
        return before is None or now is None or before.digest != now.digest

    def _take_back(self, name: str, to: str | None) -> None:
        """``to`` in the state is what ``name`` was before the trial; gone, if there was none or ``to`` is None."""
        if to is None:
            (self._state / name).unlink(missing_ok=True)
            return
        spare = self._state / f"{to}.new"
        spare.unlink(missing_ok=True)
        try:
            os.link(self._folder / name, spare)
        except FileNotFoundError:
            (self._state / to).unlink(missing_ok=True)
        else:
            spare.replace(self._state / to)

    def _delete(self) -> None:
        (self._folder / "trial.json").unlink(missing_ok=True)
        sync_folder(self._folder)
        shutil.rmtree(self._folder)
        sync_folder(self._state)


def now_here(incarnation: str) -> Moment:
    """This moment."""
    return Moment(incarnation, time.clock_gettime(time.CLOCK_BOOTTIME), datetime.now(UTC))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise HardenError(
            f"{path}: cannot be read ({error})", "`harden wg remove` takes all rules and trials out"
        ) from error
    if not isinstance(document, dict):
        raise HardenError(f"{path}: not a file of harden's", "`harden wg remove` takes all rules and trials out")
    return document


def _write(path: Path, document: Mapping[str, Any]) -> None:
    write_whole(path, [json.dumps(document).encode() + b"\n"])
