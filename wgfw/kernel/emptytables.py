"""Deleting nftables tables that hold nothing, which iptables makes but cannot take away again.

``nft delete table`` would do it with everything that somebody may just have put into the table. The kernel has a
flag against that, NLM_F_NONREC, which neither the program nor a library lets us set: so the request is made here.
Numbers are from linux/netfilter/nfnetlink.h and nf_tables.h; the batch form is that of libnftnl.
"""

import socket
import struct
from collections.abc import Iterable

from wgfw.kernel.namespace import inside

_NETLINK_NETFILTER = 12
_BATCH_BEGIN, _BATCH_END, _DELTABLE = 16, 17, (10 << 8) | 2  # subsystem nf_tables, NFT_MSG_DELTABLE
_TABLE_NAME = 1  # NFTA_TABLE_NAME
_REQUEST, _ACK, _NONREC, _ERROR = 1, 4, 0x100, 2
_PROTOCOL = {4: 2, 6: 10}  # NFPROTO_IPV4, NFPROTO_IPV6
_HEADER = struct.Struct("=IHHII")


def drop_empty_tables(family: int, tables: Iterable[str], netns: str | None) -> tuple[str, ...]:
    """Delete those tables that are empty; the answer names those that are gone."""
    with inside(netns), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER) as netlink:
        netlink.settimeout(10)
        netlink.bind((0, 0))
        return tuple(table for table in tables if _drop(netlink, family, table))


def _drop(netlink: socket.socket, family: int, table: str) -> bool:
    name = table.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(name), _TABLE_NAME) + name
    attribute += b"\0" * (-len(attribute) % 4)
    batch = struct.pack(">BBH", 0, 0, 10)  # the resource of a batch is the subsystem
    netlink.send(
        _message(_BATCH_BEGIN, _REQUEST, batch)
        + _message(_DELTABLE, _REQUEST | _ACK | _NONREC, struct.pack(">BBH", _PROTOCOL[family], 0, 0) + attribute)
        + _message(_BATCH_END, _REQUEST, batch)
    )
    answer = netlink.recv(65536)
    kind: int = _HEADER.unpack_from(answer)[1]
    error: int = struct.unpack_from("=i", answer, _HEADER.size)[0]
    return kind == _ERROR and error == 0


def _message(kind: int, flags: int, payload: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(payload), kind, flags, 0, 0) + payload
