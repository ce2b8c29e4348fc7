"""Allowed IPs as text, and which of them a peer loses to a section that does not count otherwise."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from socket import AF_INET, AF_INET6, inet_pton

from wgfw.addresses import Prefix
from wgfw.peers.values import Peer

_MASKS = {bits: [(1 << bits) - (1 << bits - length) for length in range(bits + 1)] for bits in (32, 128)}


def parse_prefix(text: str) -> tuple[Prefix, bool]:
    """One element of AllowedIPs without blanks, and whether it had host bits, which the kernel masks away.

    Takes what ``wg`` takes (inet_pton(3), a length in decimal digits). Raises ValueError for anything else:
    netmasks, leading zeros in IPv4, zone indices.
    """
    address, slash, mask = text.partition("/")
    family, code, bits = (6, AF_INET6, 128) if ":" in address else (4, AF_INET, 32)
    try:
        value = int.from_bytes(inet_pton(code, address), "big")
    except (OSError, ValueError):
        raise ValueError("no address") from None
    length = bits
    if slash:
        if not (mask.isascii() and mask.isdigit()) or len(mask) > 99 or int(mask) > bits:
            raise ValueError("no prefix length")
        length = int(mask)
    network = value & _MASKS[bits][length]
    return Prefix(family, network, length), network != value


def without_lost(peers: Iterable[Peer], replaced: Sequence[Peer]) -> list[Peer]:
    """The peers, each without what a later of the ``replaced`` sections has taken from it.

    The kernel is told of a file section by section. One whose key comes again further down is forgotten then, but
    what it had taken from the peers above it does not come back to them: it belongs to nobody.
    """
    last: dict[Prefix, int] = {}
    for section in replaced:
        last.update((allowed.prefix, max(section.line, last.get(allowed.prefix, 0))) for allowed in section.allowed_ips)
    return [
        replace(peer, allowed_ips=tuple(a for a in peer.allowed_ips if last.get(a.prefix, 0) < peer.line))
        if last.keys() & {a.prefix for a in peer.allowed_ips}
        else peer
        for peer in peers
    ]
