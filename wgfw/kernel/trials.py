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
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from wgfw.kernel.record import Record
from wgfw.kernel.recordfile import explained, read_record, sync_folder, write_record, write_whole
from wgfw.kernel.trial import Ended, Ending, Moment, Trial, after

_ASIDE = "replaced.json"


class Trials:
    """The trials of one network namespace, whose state is ``folder``. All that writes needs the lock of that state."""

    def __init__(self, folder: Path) -> None:
        self._state = folder
        self._folder = folder / "trial"

    def open(self) -> Trial | None:
        """The one that waits, also when its time is over and nobody has gone back yet."""
        path = self._folder / "trial.json"
        document = _read(path)
        if document is None:
            return None
        try:
            inodes = document.pop("connections")
            trial = Trial(**document, connections=None if inodes is None else tuple(map(int, inodes)))
            return replace(trial, seconds=int(trial.seconds), deadline=float(trial.deadline))
        except (KeyError, TypeError, ValueError) as error:
            raise _spoilt(path, "it is none of a trial") from error

    def base(self) -> Record | None:
        """The rules that come back; those of the last confirmed apply."""
        return read_record(self._folder / "current")

    def ending(self) -> Ending | None:
        """How the last one ended."""
        path = self._state / "ended.json"
        document = _read(path)
        try:
            return None if document is None else Ending(**document)
        except TypeError as error:
            raise _spoilt(path, "it is none of a trial") from error

    def begin(self, trial: Trial, base: Record) -> None:
        """Have ``trial`` open. What comes back is that of the trial that is open already, else what is current; where
        nothing is, ``base``."""
        with explained(self._folder):
            if self.open() is not None:
                self._set_aside()
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

    def resume(self) -> None:
        """The open trial is again the one before :meth:`begin`. It needs no room on the disk."""
        with explained(self._folder):
            (self._folder / _ASIDE).replace(self._folder / "trial.json")

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

    def discard(self) -> None:
        """No trial is open any more, legible or not; a rollback goes to what it was to go back to."""
        with explained(self._folder):
            if (self._folder / "current").exists():
                self._take_back("current", "previous")
            if self._folder.is_dir():
                self._delete()

    def _set_aside(self) -> None:
        (self._folder / _ASIDE).unlink(missing_ok=True)
        os.link(self._folder / "trial.json", self._folder / _ASIDE)

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
            spare.unlink(missing_ok=True)  # rename(2) leaves both names of one and the same file

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
    except OSError as error:
        raise HardenError(f"{path}: {error.strerror}", "run it as root, or name another folder with --state") from error
    except (ValueError, RecursionError) as error:
        raise _spoilt(path, str(error)) from error
    if not isinstance(document, dict):
        raise _spoilt(path, "it is none of a trial")
    return document


def _spoilt(path: Path, why: str) -> HardenError:
    return HardenError(
        f"{path}: not a file as harden writes it ({why})",
        f"`harden wg remove` takes all rules and trials out; or `mv {path} {path}.broken`, and the rules in force stay",
    )


def _write(path: Path, document: Mapping[str, Any]) -> None:
    write_whole(path, [json.dumps(document).encode() + b"\n"])
