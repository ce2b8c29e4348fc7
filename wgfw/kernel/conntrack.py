"""Connections that are open, and the end of those that the rules in force do not allow any more.

Our rules judge every packet of the one who opened a connection again; what the other side sends back passes as
a reply as long as the kernel remembers the connection. A download would go on after the right to it is gone.
"""

import errno
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harden.errors import HardenError
from wgfw.addresses import format_ip, parse_ip
from wgfw.kernel.namespace import inside
from wgfw.services import Flow

_LISTING = Path("/proc/thread-self/net/nf_conntrack")
_ICMP = {4: socket.IPPROTO_ICMP, 6: socket.IPPROTO_ICMPV6}
_SOCKET_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
_FAMILIES = {"ipv4": 4, "ipv6": 6}
_PASSES = 3


@dataclass(frozen=True, slots=True)
class Connection:
    """One entry of conntrack, as its opener sees it.

    ``source`` asked for ``destination`` and ``flow``; ``behind`` is what a DNAT made of these two, None where there
    is none. ``detail`` is the opener's port, or the identifier of an ICMP exchange.
    """

    family: int
    source: int
    destination: int
    flow: Flow
    behind: tuple[int, Flow] | None
    detail: int
    zone: int = 0


def parse_line(line: str) -> Connection | None:
    """One line of /proc/net/nf_conntrack (nf_conntrack_standalone.c in the kernel), None for what has no addresses."""
    words = line.split()
    if len(words) < 5 or words[0] not in _FAMILIES:
        return None
    pairs = [word.split("=", 1) for word in words if "=" in word]
    halves = [number for number, (key, _) in enumerate(pairs) if key == "src"]
    if len(halves) != 2:
        return None
    zones = [int(value) for key, value in pairs if key == "zone"]
    opener, answer = dict(pairs[: halves[1]]), dict(pairs[halves[1] :])
    return _connection(_FAMILIES[words[0]], int(words[3]), opener, answer, zones[0] if zones else 0)


def end_denied(denied: Callable[[Connection], bool], netns: str | None = None) -> int:
    """End every open connection for which ``denied`` says so; how many there were.

    To be called when the new rules are in force, so that no such connection can begin any more. Raises HardenError
    where the kernel lets us neither see nor end connections.
    """
    ended = 0
    with inside(netns), ExitStack() as stack:
        sockets = _Sockets(stack)
        # a listing may miss an entry while others come and go, hence again until nothing is found
        for _ in range(_PASSES):
            found = [connection for connection in _listed(sockets) if denied(connection)]
            ended += sum(_end(sockets[connection.family], connection) for connection in found)
            if not found:
                break
    return ended


class _Sockets(dict[int, Any]):
    """A netlink socket for each family, opened when it is needed: pyroute2 is a twentieth of a second of imports."""

    def __init__(self, stack: ExitStack) -> None:
        super().__init__()
        self._stack = stack

    def __missing__(self, family: int) -> Any:
        from pyroute2 import NFCTSocket  # noqa: PLC0415

        self[family] = self._stack.enter_context(NFCTSocket(nfgen_family=_SOCKET_FAMILY[family]))
        return self[family]


def _connection(
    family: int, protocol: int, opener: Mapping[str, str], answer: Mapping[str, str], zone: int
) -> Connection:
    icmp = protocol == _ICMP[family]
    kind = int(opener.get("type", 0)) << 8 | int(opener.get("code", 0))
    flow = Flow(protocol, kind if icmp else int(opener.get("dport", 0)))
    destination = parse_ip(opener["dst"])[1]
    behind = parse_ip(answer["src"])[1], flow if icmp else Flow(protocol, int(answer.get("sport", 0)))
    return Connection(
        family,
        parse_ip(opener["src"])[1],
        destination,
        flow,
        None if behind == (destination, flow) else behind,
        int(opener.get("id" if icmp else "sport", 0)),
        zone,
    )


def _listed(sockets: Mapping[int, Any]) -> Iterator[Connection]:
    try:
        # thirty times faster than netlink through Python, but not every kernel has it
        text = _LISTING.read_text(encoding="ascii")
    except FileNotFoundError:
        for family in _SOCKET_FAMILY:
            yield from _dumped(family, sockets[family])
    except OSError as error:
        raise HardenError(f"/proc/net/nf_conntrack: {error.strerror}", "run it as root") from error
    else:
        yield from filter(None, map(parse_line, text.splitlines()))


def _dumped(family: int, netlink: Any) -> Iterator[Connection]:
    from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415  as in `_Sockets`

    try:
        entries = list(netlink.dump())
    except (OSError, NetlinkError) as error:
        raise HardenError(
            f"the kernel does not list its connections: {error}", "`modprobe nf_conntrack_netlink`"
        ) from error
    for entry in entries:
        halves = [_tuple(family, entry.get_attr(name)) for name in ("CTA_TUPLE_ORIG", "CTA_TUPLE_REPLY")]
        zone = entry.get_attr("CTA_ZONE") or 0
        yield _connection(family, int(halves[0]["protocol"]), halves[0], halves[1], int(zone))


def _tuple(family: int, attribute: Any) -> dict[str, str]:
    """A tuple of netlink in the words of /proc."""
    addresses, protocol = attribute.get_attr("CTA_TUPLE_IP"), attribute.get_attr("CTA_TUPLE_PROTO")
    icmp = "CTA_PROTO_ICMP" if family == 4 else "CTA_PROTO_ICMPV6"
    found = {
        "src": addresses.get_attr(f"CTA_IP_V{family}_SRC"),
        "dst": addresses.get_attr(f"CTA_IP_V{family}_DST"),
        "protocol": protocol.get_attr("CTA_PROTO_NUM"),
        "sport": protocol.get_attr("CTA_PROTO_SRC_PORT"),
        "dport": protocol.get_attr("CTA_PROTO_DST_PORT"),
        "type": protocol.get_attr(f"{icmp}_TYPE"),
        "code": protocol.get_attr(f"{icmp}_CODE"),
        "id": protocol.get_attr(f"{icmp}_ID"),
    }
    return {key: str(value) for key, value in found.items() if value is not None}


def _end(netlink: Any, connection: Connection) -> bool:
    from pyroute2.netlink.exceptions import NetlinkError  # noqa: PLC0415  as in `end_denied`
    from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple  # noqa: PLC0415  likewise

    family, protocol, detail = connection.family, connection.flow.protocol, connection.flow.detail
    known: dict[str, int] = {}
    if protocol == _ICMP[family]:
        known = {"icmp_id": connection.detail, "icmp_type": detail >> 8, "icmp_code": detail & 255}
    elif detail or connection.detail:
        known = {"sport": connection.detail, "dport": detail}
    opener = NFCTAttrTuple(
        family=_SOCKET_FAMILY[family],
        saddr=format_ip(family, connection.source),
        daddr=format_ip(family, connection.destination),
        proto=protocol,
        **known,
    )
    zone = {"zone": connection.zone} if connection.zone else {}
    try:
        netlink.entry("del", tuple_orig=opener, **zone)
    except NetlinkError as error:
        if error.code == errno.ENOENT:  # it ended by itself
            return False
        raise HardenError(f"the kernel does not end a connection: {error}", "run it as root") from error
    return True
