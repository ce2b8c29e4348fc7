"""Interfaces and their addresses, asked of the kernel over rtnetlink(7).

Two dumps with ``struct``: pyroute2 would answer the same after 0.1 s of imports, and every command asks for these.
Another namespace is entered by the calling thread for as long as it takes to open the socket.
"""

import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from harden.errors import HardenError
from wgfw.addresses import AddressSet, Prefix
from wgfw.kernel.namespace import inside

_GETLINK, _GETADDR = 18, 22
_NEWLINK, _NEWADDR = 16, 20
_REQUEST_DUMP = 0x301
_INTERRUPTED = 0x10
_ERROR, _DONE = 2, 3
_IFLA_IFNAME, _IFLA_MASTER, _IFLA_LINKINFO, _INFO_KIND = 3, 10, 18, 1
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_LINK_LOCAL = 0xFE80 >> 6  # the first ten bits
_LOOPBACK = 1  # the first interface of every namespace
_TRIES = 10
_TIMEOUT = 10.0  # seconds

Attributes = dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Link:
    """An interface; ``kind`` is what ``ip -d link`` calls it (``wireguard``, ``tun``…), empty for hardware.

    ``master`` is the index of the bridge or VRF that it is part of, 0 for none.
    """

    index: int
    name: str
    kind: str
    master: int = 0


@dataclass(frozen=True, slots=True)
class Address:
    """An address on the interface ``index``; ``length`` is that of the network it was given with."""

    index: int
    family: int
    value: int
    length: int


def links(netns: str | None = None) -> list[Link]:
    """All interfaces of the namespace. Raises HardenError where the kernel does not answer."""
    return [decode_link(body) for body in _dump(_GETLINK, _NEWLINK, netns)]


def addresses(netns: str | None = None) -> list[Address]:
    """All addresses of both families in the namespace. Raises HardenError where the kernel does not answer."""
    found = (decode_address(body) for body in _dump(_GETADDR, _NEWADDR, netns))
    return [address for address in found if address is not None]


def local_addresses(netns: str | None = None) -> AddressSet:
    """Every address that the namespace takes for its own.

    On the loopback interface that is all of an IPv4 network (127.0.0.0/8), as the kernel's local routing table has it;
    elsewhere the network's broadcast address too or, in IPv6, the one at which any of its routers answers (RFC 4291).
    """
    found = addresses(netns)
    return AddressSet.of((*map(own_prefix, found), *(p for a in found if (p := shared_prefix(a)) is not None)))


def own_prefix(address: Address) -> Prefix:
    """What the address makes local."""
    if address.index == _LOOPBACK and address.family == 4:
        shift = 32 - address.length
        return Prefix(4, address.value >> shift << shift, address.length)
    return host_prefix(address)


def shared_prefix(address: Address) -> Prefix | None:
    """The broadcast (IPv4) or subnet-router anycast address (IPv6) of the address's network, where it has one.

    The kernel delivers packets to it as to the address itself; networks of one or two addresses have none.
    """
    host_bits = (32 if address.family == 4 else 128) - address.length
    if address.index == _LOOPBACK or host_bits < 2:
        return None
    network = address.value >> host_bits << host_bits
    if address.family == 4:
        return Prefix(4, network | (1 << host_bits) - 1, 32)
    return None if network >> 118 == _LINK_LOCAL else Prefix(6, network, 128)


def host_prefix(address: Address) -> Prefix:
    """The address alone."""
    return Prefix(address.family, address.value, 32 if address.family == 4 else 128)


def decode_link(body: bytes) -> Link:
    """An RTM_NEWLINK message without its netlink header."""
    (index,) = struct.unpack_from("=i", body, 4)
    attributes = _attributes(body, 16)
    kind = _attributes(attributes.get(_IFLA_LINKINFO, b""), 0).get(_INFO_KIND, b"")
    master = int.from_bytes(attributes.get(_IFLA_MASTER, b""), sys.byteorder)
    return Link(index, _text(attributes.get(_IFLA_IFNAME, b"")), _text(kind), master)


def decode_address(body: bytes) -> Address | None:
    """An RTM_NEWADDR message without its netlink header; None for families that are not IP.

    On a point-to-point interface IFA_ADDRESS is the other end, so IFA_LOCAL counts where it is there.
    """
    family, length, _, _, index = struct.unpack_from("=BBBBi", body)
    attributes = _attributes(body, 8)
    raw = attributes.get(_IFA_LOCAL, attributes.get(_IFA_ADDRESS))
    if raw is None or family not in (socket.AF_INET, socket.AF_INET6):
        return None
    return Address(index, 4 if family == socket.AF_INET else 6, int.from_bytes(raw, "big"), length)


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def _attributes(data: bytes, offset: int) -> Attributes:
    """The attributes from ``offset`` on, each aligned to four bytes."""
    found: Attributes = {}
    while offset + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, offset)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def _dump(request: int, answer: int, netns: str | None) -> list[bytes]:
    """The bodies of all messages of one dump. It is asked for again while the kernel says that it changed meanwhile."""
    try:
        with _opened(netns) as netlink:
            netlink.settimeout(_TIMEOUT)
            for sequence in range(1, _TRIES + 1):
                netlink.sendto(struct.pack("=IHHIIB3x", 20, request, _REQUEST_DUMP, sequence, 0, 0), (0, 0))
                bodies, whole = _collect(_messages(netlink, sequence), answer)
                if whole:
                    return bodies
    except OSError as error:
        raise HardenError(f"the kernel does not tell its interfaces: {error.strerror or error}") from error
    raise HardenError("the interfaces change too fast to be read", "try again")


def _opened(netns: str | None) -> socket.socket:
    with inside(netns):
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)


def _collect(messages: Iterator[tuple[int, int, bytes]], answer: int) -> tuple[list[bytes], bool]:
    """The bodies, and whether they are of one moment."""
    bodies: list[bytes] = []
    whole = True
    for kind, flags, body in messages:
        whole = whole and not flags & _INTERRUPTED
        if kind == answer:
            bodies.append(body)
    return bodies, whole


def _messages(netlink: socket.socket, sequence: int) -> Iterator[tuple[int, int, bytes]]:
    """``(type, flags, body)`` of each message that answers, up to the end of the dump."""
    while True:
        data = netlink.recv(1 << 18)
        offset = 0
        while offset + 16 <= len(data):
            length, kind, flags, number = struct.unpack_from("=IHHI", data, offset)
            body = data[offset + 16 : offset + length]
            offset += (max(length, 16) + 3) & ~3
            if number != sequence:
                continue
            if kind in (_DONE, _ERROR):
                code = -struct.unpack_from("=i", body)[0] if len(body) >= 4 else 0
                if code:
                    raise OSError(code, "netlink refuses the request")
                yield kind, flags, b""
                return
            yield kind, flags, body
