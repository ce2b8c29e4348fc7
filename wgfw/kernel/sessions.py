"""By which connection somebody has come to this host, and whether it is an old one.

A session is carried by the nearest ancestor process that holds an open TCP connection: for SSH that is the server's
own process for this connection. Where the way up is cut off (tmux, screen, a container), SSH_CONNECTION names the
connection (ssh(1), ENVIRONMENT). A connection is known by the inode of its socket, which no other one gets while the
machine runs; see socket(7) and proc_pid_net(5) for the files.
"""

import ipaddress
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_ESTABLISHED = "01"
_PROC = Path("/proc")
_ORDER = sys.byteorder
_OUTLIVING = ("TMUX", "STY")  # tmux(1) and screen(1); sudo before them takes away what names the connection
_UNKNOWN = "unknown"
Ends = tuple[str, int, str, int]  # remote address and port, local address and port


@dataclass(frozen=True, slots=True)
class Session:
    """``carriers`` are the inodes of the connections that carry it; none for a console. ``remote``: it comes from
    elsewhere, as the environment says, even if no connection was found that carries it."""

    carriers: frozenset[int]
    remote: bool


def connections() -> frozenset[int]:
    """The inodes of all TCP connections of this machine, in every network namespace that has a process."""
    return frozenset(inode for table in _tables() for inode in table)


def this_session(environment: Mapping[str, str] = os.environ, pid: int | None = None) -> Session:
    """The session that a process belongs to; this one without ``pid``."""
    named = _named_in(environment)
    for ancestor in _ancestors(os.getpid() if pid is None else pid):
        sockets = _sockets(ancestor)
        carriers = sockets & _connections_of(ancestor).keys() if sockets else set()
        if carriers:
            return Session(frozenset(carriers), remote=True)
        named += [_UNKNOWN] if sockets is None else []
        named += _named_by(ancestor)
    if not named:
        return Session(frozenset(), remote=False)
    wanted = _ends(next((one for one in named if one != _UNKNOWN), _UNKNOWN))
    found = (inode for table in _tables() for inode, raw in table.items() if (*_end(raw[0]), *_end(raw[1])) == wanted)
    return Session(frozenset(found) if wanted else frozenset(), remote=True)


def _ancestors(pid: int) -> Iterator[int]:
    """The process and those above it, but not the first of all, which is nobody's session."""
    while pid > 1:
        yield pid
        try:
            status = (_PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        pid = int(next(line for line in status.splitlines() if line.startswith("PPid:")).split()[1])


def _sockets(pid: int) -> set[int] | None:
    """The inodes of its sockets; None where we may not look."""
    found = set()
    try:
        for descriptor in os.scandir(_PROC / str(pid) / "fd"):
            with suppress(FileNotFoundError):
                target = os.readlink(descriptor.path)
                if target.startswith("socket:["):
                    found.add(int(target[8:-1]))
    except PermissionError:
        return None
    except OSError:  # it has ended
        return set()
    return found


def _named_by(pid: int) -> list[str]:
    try:
        variables = (_PROC / str(pid) / "environ").read_bytes().decode("ascii", "replace").split("\0")
    except OSError:
        return []
    return _named_in(dict(pair for pair in (text.split("=", 1) for text in variables) if len(pair) == 2))


def _named_in(environment: Mapping[str, str]) -> list[str]:
    """The connection that the environment names; and that there is one that nobody knows, where a session that outlives
    its connection may be used through another one."""
    named = [environment["SSH_CONNECTION"]] if environment.get("SSH_CONNECTION") else []
    return named + [_UNKNOWN for name in _OUTLIVING if environment.get(name)]


def _tables() -> Iterator[dict[int, tuple[str, str]]]:
    """The connections of each network namespace."""
    seen = set()
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            namespace = os.stat(entry / "ns/net").st_ino
            if namespace not in seen:
                table = _connections_of(int(entry.name))
                os.stat(entry / "ns/net")  # of one that has ended meanwhile the table is empty: another has to show it
                seen.add(namespace)
                yield table


def _connections_of(pid: int) -> dict[int, tuple[str, str]]:
    """The TCP connections of the network namespace of a process: the remote and the local end of each, by inode."""
    found: dict[int, tuple[str, str]] = {}
    for name in ("tcp", "tcp6"):
        try:
            lines = (_PROC / str(pid) / "net" / name).read_text(encoding="ascii").splitlines()
        except OSError:  # no IPv6; or the process has ended
            continue
        for line in lines[1:]:
            words = line.split()
            if words[3] == _ESTABLISHED and words[9] != "0":
                found[int(words[9])] = words[2], words[1]
    return found


def _end(text: str) -> tuple[str, int]:
    """Address and port as /proc/net/tcp prints them: words of 32 bits in the machine's own order."""
    address, port = text.split(":")
    raw = b"".join(int(address[at : at + 8], 16).to_bytes(4, byteorder=_ORDER) for at in range(0, len(address), 8))
    return _plain(ipaddress.ip_address(raw)), int(port, 16)


def _ends(named: str) -> Ends | None:
    words = named.split()
    try:
        remote, local = (_plain(ipaddress.ip_address(words[at].partition("%")[0])) for at in (0, 2))
        return remote, int(words[1]), local, int(words[3])
    except (ValueError, IndexError):
        return None


def _plain(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
