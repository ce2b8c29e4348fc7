"""The room in which a test cluster lives: apart from the host and from other rooms, and gone when the run is."""

import contextlib
import functools
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.api import until
from cluster.furniture import CGROUPS
from cluster.room import ADDRESS, Room, RoomError

pytestmark = pytest.mark.kernel

ANSWER = """\
import socket, sys
server = socket.create_server(("", 7000))
while True:
    server.accept()[0].sendall(sys.argv[1].encode())
"""
ABANDONED = """\
import sys, time
from cluster.room import Room
room = Room()
room.run("detached", ["sh", "-c", "setsid -f sleep 4711; mount -t tmpfs none /var/log; sleep 4711"])
print(room.folder, room.name, flush=True)
time.sleep(60)
"""


@contextlib.contextmanager
def opened() -> Iterator[Room]:
    room = Room()
    try:
        yield room
    finally:
        room.close()


def said(port: int, host: str = "127.0.0.1") -> bytes:
    """What a server says first."""
    with socket.create_connection((host, port), timeout=5) as connection:
        return connection.recv(100)


def groups_of(name: str) -> list[Path]:
    return [*CGROUPS.glob(name), *CGROUPS.glob(f"*/{name}")]


def test_two_rooms_use_the_same_port() -> None:
    """Each room has its own network, and is reached through a port of its own on this side."""
    with opened() as one, opened() as other:
        for room, word in ((one, "one"), (other, "other")):
            server = room.run("server", [sys.executable, "-c", ANSWER, word])
            room.wait("the server", server, functools.partial(listens, room))
        assert (said(one.reach(7000)), said(other.reach(7000))) == (b"one", b"other")


def listens(room: Room) -> bool:
    try:
        room.connect(7000).close()
    except ConnectionError:
        return False
    return True


def test_what_runs_in_a_room_reaches_what_is_exposed() -> None:
    """A port of this side is there under the room's address; anything else of this side is not."""
    with socket.create_server(("127.0.0.1", 0)) as listener, opened() as room:
        port = listener.getsockname()[1]
        with pytest.raises(ConnectionError):
            room.connect(port)
        room.expose(port, inside=port)
        with room.connect(port, ADDRESS) as client, listener.accept()[0] as server:
            client.sendall(bytes(range(256)))
            assert server.recv(1000) == bytes(range(256))


def test_the_host_sees_no_change() -> None:
    """Mounts, interfaces and kernel settings inside are not those of the host."""
    mounts, interfaces = Path("/proc/self/mountinfo").read_text(), socket.if_nameindex()
    panic = Path("/proc/sys/kernel/panic").read_text()
    script = "echo 4711 >/proc/sys/kernel/panic && mkdir /var/lib/kubelet && mount -t tmpfs none /var/lib/kubelet"
    with opened() as room:
        assert room.finish(room.run("changes", ["sh", "-c", script])) == 0
        assert Path("/proc/self/mountinfo").read_text() == mounts
        assert socket.if_nameindex() == interfaces
        assert Path("/proc/sys/kernel/panic").read_text() == panic


def test_nothing_is_left_of_a_run_that_was_killed() -> None:
    """Processes, the folder and the control groups end with a run that could not clean up."""
    run = subprocess.Popen(
        [sys.executable, "-c", ABANDONED],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    assert run.stdout is not None
    with run, run.stdout:
        folder, name = run.stdout.readline().split()
        until("they run", lambda: name_in_processes(folder))
        assert groups_of(name)
        run.send_signal(signal.SIGKILL)
    until("all of it is gone", lambda: not (Path(folder).exists() or groups_of(name) or name_in_processes(folder)), 20)


def name_in_processes(folder: str) -> bool:
    """Whether a process of that room runs: it writes to a log in the folder."""
    return bool(list(logs_held(folder)))


def logs_held(folder: str) -> Iterator[Path]:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "fd/1").startswith(f"{folder}/detached.log"):
                yield process


def test_a_missing_program_is_named() -> None:
    """With what brings it."""
    with opened() as room, pytest.raises(RoomError, match="no-such-program is not installed: run"):
        room.run("none", ["no-such-program"])


def test_a_program_that_ends_is_told_with_its_last_words() -> None:
    """Waiting for a server that has died ends at once, and tells what it printed."""
    with opened() as room:
        program = room.run("short", ["sh", "-c", "echo cannot listen >&2; exit 3"])
        with pytest.raises(RoomError, match=r"the server: short ended with status 3:\ncannot listen"):
            room.wait("the server", program, lambda: False)
