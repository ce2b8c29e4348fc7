"""What is remembered on disk: whole at any moment, private, and refused with a reason when it cannot be."""

import errno
import multiprocessing
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harden.errors import HardenError
from harden.state import DEFAULT_ROOT, state_root
from wgfw.kernel.detached import uninterrupted
from wgfw.kernel.record import Record
from wgfw.kernel.state import StateDirectory

A = Record("a: 1", "digest-a", "nft", "1.8.9", {4: "*mangle\nCOMMIT\n", 6: ""}, {4: ("mangle",), 6: ()})
B = Record("b", "digest-b", "nft", None, {4: "x\n", 6: "y\n"}, {})


def texts() -> st.SearchStrategy[str]:
    """What comes out of decoding any bytes."""
    return st.binary(max_size=50).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


@given(policy=st.text(alphabet=st.characters(codec="utf-8")), four=texts(), six=texts())
def test_a_record_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, policy: str, four: str, six: str
) -> None:
    """Whatever others have put into comments."""
    record = Record(policy, "d", "legacy", "1.8.10", {4: four, 6: six}, {4: ("security",), 6: ()})
    state = StateDirectory(tmp_path_factory.mktemp("state"), None)
    state.begin(record)
    assert state.pending() == record


def test_what_was_current_becomes_previous_only_when_asked(tmp_path: Path) -> None:
    """A rollback is not kept as something to go back to."""
    state = StateDirectory(tmp_path, None)
    assert (state.current(), state.previous(), state.pending()) == (None, None, None)
    state.settle(A, keep=True)
    assert (state.current(), state.previous()) == (A, None)
    state.begin(B)
    assert (state.current(), state.pending()) == (A, B)
    state.settle(B, keep=True)
    assert (state.current(), state.previous(), state.pending()) == (B, A, None)
    state.settle(A, keep=False)
    assert (state.current(), state.previous()) == (A, A)


def test_what_was_pending_can_be_settled_without_writing(tmp_path: Path) -> None:
    """For when the disk is full and the kernel has the new rules."""
    state = StateDirectory(tmp_path, None)
    state.settle(A, keep=True)
    state.begin(B)
    state.settle_pending(keep=True)
    assert (state.current(), state.previous(), state.pending()) == (B, A, None)


def test_the_token_changes_with_every_step(tmp_path: Path) -> None:
    """It tells a plan that somebody was here since."""
    state = StateDirectory(tmp_path, None)
    seen = [state.token()]
    for step in (lambda: state.begin(A), lambda: state.settle(A, keep=True), lambda: state.begin(B), state.abandon):
        step()
        seen.append(state.token())
    assert seen[-1] == seen[-3]  # abandoned: as before
    assert len(set(seen)) == len(seen) - 1


def test_the_folder_is_private_and_each_namespace_has_its_own(tmp_path: Path) -> None:
    """0700, whatever the umask."""
    before = os.umask(0)
    try:
        StateDirectory(tmp_path / "new", "blue").settle(A, keep=False)
    finally:
        os.umask(before)
    for folder in ("new", "new/wg", "new/wg/netns-blue"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700
    assert StateDirectory(tmp_path / "new", None).current() is None


def test_the_root_is_the_option_then_the_environment_then_var_lib() -> None:
    """As the contract says."""
    assert state_root(Path("/a"), {"HARDEN_STATE": "/b"}) == Path("/a")
    assert state_root(None, {"HARDEN_STATE": "/b"}) == Path("/b")
    assert state_root(None, {"HARDEN_STATE": ""}) == DEFAULT_ROOT == state_root(None, {})


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a folder and little else."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)], check=True, timeout=30)
    yield disk
    subprocess.run(["umount", str(disk)], check=True, timeout=30)


def test_a_full_disk_is_told_and_leaves_what_was_there(full_disk: Path) -> None:
    """Before the kernel is touched: `begin` needs as much room as what follows."""
    state = StateDirectory(full_disk, None)
    state.settle(A, keep=True)
    big = Record("", "", "nft", None, {4: "x" * 100_000, 6: ""})
    with pytest.raises(HardenError, match="the state cannot be written: No space left on device") as caught:
        state.begin(big)
    assert "--state" in caught.value.hints[0]
    assert (state.current(), state.pending()) == (A, None)
    assert sorted(path.name for path in state.folder.iterdir()) == ["current"]


def test_a_read_only_or_wrong_place_is_told(tmp_path: Path) -> None:
    """A file where the folder should be, and a file system that takes nothing."""
    (tmp_path / "file").write_text("")
    for root in (tmp_path / "file", Path("/proc/harden")):
        with pytest.raises(HardenError, match="the state cannot be written"):
            StateDirectory(root, None).begin(A)
        with pytest.raises(HardenError, match="the state cannot be written"), StateDirectory(root, None).lock():
            pytest.fail("locked where nothing can be written")


@pytest.mark.parametrize("content", [b"", b"{}", b"[]\n", b"\xff\x00", b'{"format": 99}\n', b"[" * 100_000])
def test_a_spoilt_file_is_told_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    """Cut off, not ours, or of a later version: never a traceback."""
    state = StateDirectory(tmp_path, None)
    state.settle(A, keep=True)
    (state.folder / "current").write_bytes(content)
    with pytest.raises(HardenError, match="not a file of rules") as caught:
        state.current()
    assert "mv " in caught.value.hints[0]


def test_a_file_cut_off_in_its_texts_is_spoilt_too(tmp_path: Path) -> None:
    """Half of the rules must not pass for all of them."""
    state = StateDirectory(tmp_path, None)
    state.settle(B, keep=True)
    path = state.folder / "current"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(HardenError, match="not a file of rules"):
        state.current()


def hold(root: Path, ready: "multiprocessing.synchronize.Event", seconds: float) -> None:
    """Hold the lock for a while."""
    with StateDirectory(root, None).lock():
        ready.set()
        time.sleep(seconds)


def test_the_lock_lets_one_in_at_a_time_and_names_who_holds_it(tmp_path: Path) -> None:
    """The second waits, and gives up with the first one's process number."""
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    holder = spawn.Process(target=hold, args=(tmp_path, ready, 1.5))
    holder.start()
    try:
        assert ready.wait(20)
        told = rf"gave up after 0.2 seconds \(process {holder.pid} "
        with pytest.raises(HardenError, match=told) as caught, StateDirectory(tmp_path, None).lock(0.2):
            pytest.fail("two inside")
        assert caught.value.hints
        with StateDirectory(tmp_path, None).lock(20):
            assert not holder.is_alive() or holder.join(5) is None
    finally:
        holder.join(20)


def test_uninterrupted_work_gives_its_result_or_its_error() -> None:
    """Both come over from the child that does it."""
    parent = os.getpid()
    assert uninterrupted(os.getpid) != parent

    def fail() -> None:
        raise HardenError(["one", "two"], ["hint"])

    with pytest.raises(HardenError) as caught:
        uninterrupted(fail)
    assert (caught.value.messages, caught.value.hints) == (("one", "two"), ("hint",))
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        uninterrupted(lambda: 1 / 0)
    with pytest.raises(HardenError, match="ended from outside"):
        uninterrupted(lambda: os._exit(0))


def test_uninterrupted_work_outlives_the_death_of_the_one_who_asked(tmp_path: Path) -> None:
    """kill -9 to the process and to its group; the lock is held until the work is done."""
    state = StateDirectory(tmp_path, None)
    done = tmp_path / "done"
    asking = os.fork()
    if asking == 0:
        os.setpgid(0, 0)
        with state.lock():
            uninterrupted(lambda: (time.sleep(0.5), done.write_text("yes")))
        os._exit(0)
    time.sleep(0.2)
    os.killpg(asking, 9)
    os.waitpid(asking, 0)
    assert not done.exists()
    with state.lock(10):
        assert done.read_text() == "yes"


def test_an_error_names_the_file_that_could_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails at fsync is told like one that fails at write."""

    def broken(_descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    state = StateDirectory(tmp_path, None)
    with pytest.raises(HardenError, match="Input/output error"):
        state.settle(A, keep=False)
    monkeypatch.undo()
    assert state.current() is None
