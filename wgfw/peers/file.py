"""The wg-quick file on disk."""

import os
import stat
from pathlib import PurePath

from harden.errors import HardenError
from wgfw.peers.complaints import excerpt
from wgfw.peers.grammar import valid_interface_name
from wgfw.peers.values import InterfacePeers
from wgfw.peers.wgquick import parse

MAX_SIZE = 64 << 20
DEFAULT_INTERFACE = "wg0"


def read(path: str, interface: str | None = None) -> InterfacePeers:
    """The peers in the file at ``path``.

    The interface is the file's name without its suffix, as wg-quick has it, unless given; where that is no
    name of an interface, it is wg0 and a warning says so. Raises HardenError for a file that is not there, cannot
    be read, is no plain file, is larger than 64 MiB or is not as WireGuard wants it.
    """
    data = _content(path)
    if interface is not None:
        return parse(data, path, interface)
    stem = PurePath(path).stem
    if valid_interface_name(stem):
        return parse(data, path, stem)
    peers = parse(data, path, DEFAULT_INTERFACE)
    warning = f"{path}: {excerpt(stem)} is no name of an interface; {DEFAULT_INTERFACE} is assumed"
    return InterfacePeers(peers.interface, path, peers.peers, peers.addresses, (warning, *peers.warnings))


def _content(path: str) -> bytes:
    """The file's bytes. A FIFO or a device is refused before it can block."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                what = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
                raise HardenError(f"{path}: this is {what}, not a wg-quick file", "give the path of the .conf file")
            data = file.read(MAX_SIZE + 1)
    except (OSError, ValueError) as error:
        raise HardenError(f"{path}: {_reason(error)}", _hint(error)) from error
    if len(data) > MAX_SIZE:
        raise HardenError(f"{path}: larger than {MAX_SIZE >> 20} MiB: this is no wg-quick file")
    return data


def _reason(error: Exception) -> str:
    """Why the file cannot be read."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else "no path of a file"


def _hint(error: Exception) -> str:
    """What to do about it."""
    if isinstance(error, PermissionError):
        return "wg-quick files are for root: run harden as root"
    if isinstance(error, FileNotFoundError):
        return "wg-quick's files are in /etc/wireguard; for a running interface without a file, `peers: kernel`"
    return "give the path of a wg-quick file"
