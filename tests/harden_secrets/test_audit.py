"""The audit log: each line bound to all before it."""

import json
import multiprocessing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harden.errors import HardenError
from harden_secrets.audit import AuditLog, Fault
from harden_secrets.confidential import Confidential

KEY = Confidential(b"k" * 32)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def log(folder: Path) -> AuditLog:
    return AuditLog(folder, KEY, lambda: NOON)


def filled(folder: Path, count: int = 5) -> AuditLog:
    audit = log(folder)
    for number in range(count):
        audit.append("store", {"secret": f"s{number}", "fingerprint": "hk1:00"})
    return audit


def rewritten(audit: AuditLog, lines: list[bytes]) -> list[Fault]:
    audit.path.write_bytes(b"".join(line + b"\n" for line in lines))
    return audit.faults()[1]


def test_a_log_that_nobody_touched_has_no_fault(tmp_path: Path) -> None:
    """As many entries as were made, and nothing wrong."""
    assert filled(tmp_path).faults() == (5, [])
    assert (tmp_path / "audit.log").stat().st_mode & 0o777 == 0o600


def test_an_empty_log_has_no_fault(tmp_path: Path) -> None:
    """Before the first entry there is nothing to find."""
    assert log(tmp_path).faults() == (0, [])


@pytest.mark.parametrize("gone", range(5))
def test_a_removed_line_is_found(tmp_path: Path, gone: int) -> None:
    """Wherever it stood, the last one included."""
    audit = filled(tmp_path)
    lines = audit.path.read_bytes().splitlines()
    assert rewritten(audit, lines[:gone] + lines[gone + 1 :])


def test_two_lines_that_changed_places_are_found(tmp_path: Path) -> None:
    """Each is genuine, their order is not."""
    audit = filled(tmp_path)
    lines = audit.path.read_bytes().splitlines()
    lines[1], lines[2] = lines[2], lines[1]
    assert [fault.line for fault in rewritten(audit, lines)][:1] == [2]


@given(st.data())
def test_an_altered_byte_is_found(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Any byte of any line."""
    audit = filled(tmp_path_factory.mktemp("log"), 3)
    content = bytearray(audit.path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    audit.path.write_bytes(bytes(content))
    assert audit.faults()[1]


def test_a_line_written_with_another_key_is_found(tmp_path: Path) -> None:
    """Who does not have the key cannot make an entry that passes."""
    audit = filled(tmp_path)
    AuditLog(tmp_path, Confidential(b"x" * 32), lambda: NOON).append("store", {})
    assert audit.faults()[1] == [Fault(6, "was altered, or written under another key")]


def test_a_log_that_was_emptied_shows_it_even_after_new_entries(tmp_path: Path) -> None:
    """It goes on counting from where it was."""
    audit = filled(tmp_path)
    audit.path.unlink()
    assert audit.faults()[1]
    audit.append("store", {})
    assert audit.faults()[1]


def test_a_torn_end_is_told_and_then_gone(tmp_path: Path) -> None:
    """A machine that dies while writing leaves half a line, of which nobody was told that it is there."""
    audit = filled(tmp_path)
    with audit.path.open("ab") as stream:
        stream.write(b'{"n": 6, "at"')
    assert audit.faults() == (5, [Fault(6, "is cut off in the middle")])
    audit.append("deliver", {})
    assert audit.faults() == (6, [])


def _append_many(folder: Path) -> None:
    for _ in range(20):
        log(folder).append("store", {})


def test_processes_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    """Nothing is lost, nothing forks."""
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_append_many, args=(tmp_path,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert log(tmp_path).faults() == (80, [])


def test_an_entry_says_when_and_what(tmp_path: Path) -> None:
    """The facts stand beside the time and the event."""
    filled(tmp_path, 1)
    entry = json.loads((tmp_path / "audit.log").read_text())
    assert (entry["at"], entry["event"], entry["secret"]) == ("2026-01-01T12:00:00+00:00", "store", "s0")


def test_a_folder_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    """With the file's name and the reason."""
    with pytest.raises(HardenError, match=r"audit\.log: the audit log cannot be written: No such file"):
        log(tmp_path / "no").append("store", {})
