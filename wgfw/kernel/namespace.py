"""Network namespaces: which one this is, how programs and sockets get into another."""

import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harden.errors import HardenError, UsageError

NAMED = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_SO_NETNS_COOKIE = 71  # linux/include/uapi/asm-generic/socket.h, from 5.14 on


def path_of(name: str) -> Path:
    """The file of the namespace that ``ip netns`` calls so. Raises UsageError where there is none."""
    path = NAMED / name
    if name in ("", ".", "..") or "/" in name or not path.exists():
        there = sorted(entry.name for entry in NAMED.iterdir()) if NAMED.is_dir() else []
        hint = f"there are: {', '.join(there)}" if there else "there is none; `ip netns add NAME` makes one"
        raise UsageError(f"there is no network namespace {name!r}", hint)
    return path


def name_of_this() -> str | None:
    """What ``ip netns`` calls the namespace of this process; None where it has no name, as the host's own."""
    here = os.stat("/proc/self/ns/net").st_ino
    if NAMED.is_dir():
        for entry in NAMED.iterdir():
            if entry.stat().st_ino == here:
                return entry.name
    return None


def entering(name: str | None) -> tuple[str, ...]:
    """The beginning of an argument list that runs a program in the namespace ``name``."""
    return () if name is None else ("nsenter", f"--net={path_of(name)}", "--")


@contextmanager
def inside(name: str | None) -> Iterator[None]:
    """Within it, sockets that this thread opens belong to the namespace ``name``. Raises HardenError without root."""
    if name is None:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(path_of(name), os.O_RDONLY)
    try:
        try:
            _setns(there)
        except PermissionError as error:
            raise HardenError(f"entering the network namespace {name!r} needs root", "run it with sudo") from error
        try:
            yield
        finally:
            _setns(home)
    finally:
        os.close(home)
        os.close(there)


def incarnation(name: str | None) -> str:
    """Tells this life of the namespace from all others: it changes when the machine boots, and when a namespace is made
    anew, by the same name or not. Before Linux 5.14 the latter is not seen where the kernel gives a number again."""
    with inside(name), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            number = struct.unpack("Q", probe.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8))[0]
        except OSError:
            number = os.stat("/proc/thread-self/ns/net").st_ino
    return f"{_BOOT.read_text(encoding='ascii').strip()}/{number}"


def _setns(descriptor: int) -> None:
    # os.setns is there from Python 3.12 on
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
