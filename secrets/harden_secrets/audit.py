"""The audit log: who did what to which key, one JSON object a line, each bound to all before it.

``mac`` of a line is HMAC-SHA-256 over the line without it; ``previous`` is the ``mac`` of the line before, so that a
line that is removed, altered or moved breaks the chain from there on. How far the log had come is kept beside it, so
that lines cut off at the end are missed too. A line holds keyed fingerprints and names, never a value.
"""

import contextlib
import fcntl
import hmac
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from harden_secrets.confidential import Confidential
from harden_secrets.durable import append_line, cut_torn_end, write_file

_START = "0" * 64


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the log, and in which line (from 1)."""

    line: int
    words: str


class AuditLog:
    """The log in ``folder``; ``key`` is the fingerprint key. ``now`` gives the time of an entry."""

    def __init__(
        self, folder: Path, key: Confidential, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.path = folder / "audit.log"
        self._head = folder / "audit.head"
        self._key = key
        self._now = now

    def append(self, event: str, facts: Mapping[str, Any]) -> None:
        """Add an entry; on the disk when this returns. Raises HardenError where the log cannot be written."""
        try:
            with self._locked() as descriptor:
                count, previous = self._end(descriptor)
                entry = {"n": count + 1, "at": self._now().isoformat(), "event": event, "previous": previous, **facts}
                entry["mac"] = self._mac(entry)
                append_line(self.path, json.dumps(entry, sort_keys=True).encode())
                self._note_head(count + 1, entry["mac"])
        except OSError as error:
            raise HardenError(
                f"{self.path}: the audit log cannot be written: {error.strerror}",
                "make room for it, or see to its rights; then run the command again, or harden secrets resume",
            ) from None

    def faults(self) -> tuple[int, list[Fault]]:
        """How many entries there are, and everything that breaks the chain."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            data = b""
        except OSError as error:
            raise HardenError(f"{self.path}: cannot be read: {error.strerror}") from None
        whole, _, torn = data.rpartition(b"\n")
        lines = whole.splitlines() if whole else []
        found, macs = self._check_lines(lines)
        found += self._check_head(macs)
        if torn:
            found.append(Fault(len(lines) + 1, "is cut off in the middle"))
        return len(lines), found

    def _check_lines(self, lines: list[bytes]) -> tuple[list[Fault], list[str]]:
        found = []
        macs = [_START]
        for number, line in enumerate(lines, start=1):
            entry = _parsed(line)
            mac = str(entry.get("mac", ""))
            if not hmac.compare_digest(mac.encode(), self._mac(entry).encode()):
                found.append(Fault(number, "was altered, or written under another key"))
            elif entry.get("n") != number or entry.get("previous") != macs[-1]:
                found.append(Fault(number, "does not follow the line before it: lines were removed, added or moved"))
            macs.append(mac)
        return found, macs

    def _check_head(self, macs: list[str]) -> list[Fault]:
        count, mac = self._read_head()
        if count >= len(macs):
            return [Fault(len(macs), f"is missing: the log once had {count} lines")]
        if macs[count] != mac:
            return [Fault(count, "is not the line that was written there")]
        return []

    def _mac(self, entry: Mapping[str, Any]) -> str:
        bare = {name: value for name, value in entry.items() if name != "mac"}
        return hmac.digest(self._key.reveal(), b"audit\0" + json.dumps(bare, sort_keys=True).encode(), "sha256").hex()

    def _end(self, descriptor: int) -> tuple[int, str]:
        """The number and mac of the last line. A torn end was never acknowledged to anybody."""
        data = os.pread(descriptor, cut_torn_end(descriptor), 0)
        if not data:
            count, mac = self._read_head()
            # A log that was removed as a whole goes on from where it was: its absence then shows.
            return count, mac
        last = _parsed(data[data.rfind(b"\n", 0, -1) + 1 :])
        return int(last.get("n", data.count(b"\n"))), str(last.get("mac", ""))

    def _read_head(self) -> tuple[int, str]:
        try:
            count, mac = self._head.read_text().split()
            return int(count), mac
        except FileNotFoundError:
            return 0, _START
        except (OSError, ValueError):
            raise HardenError(
                f"{self._head}: cannot be read: how far the audit log had come is not known",
                "put it back from a backup, with the log beside it; or keep both elsewhere, and a new log begins",
            ) from None

    def _note_head(self, count: int, mac: str) -> None:
        write_file(self._head, f"{count} {mac}\n".encode())

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}
