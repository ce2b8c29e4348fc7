"""The journal of a run: what was begun, done and undone, forced to the disk before the world is changed.

One JSON object a line. What a step needs to be undone is in the line that begins it, encrypted with AES-256-GCM under a
key of the run's own; the run's and step's names are bound to it, so that no entry passes for another's. A last line
without its end was being written when the machine died: nothing was changed yet, so it counts as not there.
"""

import base64
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.durable import append_line
from harden_secrets.migrate.event import Event, StepState

_NONCE = 12  # bytes, NIST SP 800-38D 8.2.2
_FROM_BACKUP = "put the folder of the run back from a backup and resume; what was moved already is in Vault"


class Journal:
    """The journal in ``folder`` of the run ``run``. One process at a time: the caller holds the run's lock.

    Without a ``key`` it only says where the run stands.
    """

    def __init__(self, folder: Path, run: str, key: Confidential | None) -> None:
        self._path = folder / "journal"
        self._run = run
        self._key = key
        self._states: dict[str, StepState] = {}
        self.going_back = False
        self.finished = False
        for line in _whole_lines(self._path):
            self._take_in(line)

    def state(self, step: str) -> StepState | None:
        """Where a step stands; None where it never began."""
        return self._states.get(step)

    def before(self, step: str) -> Confidential:
        """What was noted when the step began. Raises HardenError if the journal was tampered with."""
        sealed = base64.b64decode(self._states[step].before)
        try:
            return Confidential(self._cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], self._bound_to(step)))
        except InvalidTag:
            raise HardenError(
                f"{self._path}: the entry of step {step} cannot be decrypted: altered, or under another key",
                _FROM_BACKUP,
            ) from None

    def begin(self, step: str, before: Confidential) -> None:
        """Note what is needed to undo a step. On the disk before this returns."""
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._cipher().encrypt(nonce, before.reveal(), self._bound_to(step))
        self._append({"event": Event.BEGIN, "step": step, "before": base64.b64encode(sealed).decode()})

    def done(self, step: str, result: Mapping[str, Any]) -> None:
        """Note that a step is done, with facts about it that hold no value."""
        self._append({"event": Event.DONE, "step": step, "result": dict(result)})

    def failed(self, step: str, why: str) -> None:
        """Note that a step was tried and failed."""
        self._append({"event": Event.FAILED, "step": step, "why": why})

    def turn_back(self) -> None:
        """Note that the run is being rolled back: from here there is no way forward."""
        if not self.going_back:
            self._append({"event": Event.BACK})

    def undone(self, step: str) -> None:
        """Note that a step is undone."""
        self._append({"event": Event.UNDONE, "step": step})

    def finish(self) -> None:
        """Note that the run has come to its end, in the direction it went."""
        if not self.finished:
            self._append({"event": Event.FINISHED})

    def _cipher(self) -> AESGCM:
        assert self._key is not None, "a journal without its key is only looked at"
        return AESGCM(self._key.reveal())

    def _bound_to(self, step: str) -> bytes:
        return f"{self._run}\0{step}".encode()

    def _append(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry, sort_keys=True).encode()
        try:
            append_line(self._path, line)
        except OSError as error:
            raise HardenError(
                f"{self._path}: the journal cannot be written: {error.strerror}",
                "nothing is lost: free some space, then run: harden secrets resume",
            ) from None
        self._take_in(dict(entry))

    def _take_in(self, entry: Mapping[str, Any]) -> None:
        event = Event(entry["event"])
        if event is Event.BACK:
            self.going_back, self.finished = True, False
        elif event is Event.FINISHED:
            self.finished = True
        else:
            known = self._states.setdefault(entry["step"], StepState(event))
            known.event = event
            known.before = entry.get("before", known.before)
            known.result = entry.get("result", known.result)


def _whole_lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise HardenError(f"{path}: cannot be read: {error.strerror}") from None
    whole, _, _torn = data.rpartition(b"\n")
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            entry = json.loads(line)
            Event(entry["event"])
        except (ValueError, KeyError, TypeError):
            raise HardenError(f"{path}:{number}: the journal is damaged here", _FROM_BACKUP) from None
        yield entry
