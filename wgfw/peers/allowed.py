"""Allowed IPs as text, and what the kernel makes of everybody's claims."""

from collections.abc import Iterable
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


def kernel_view(peers: Iterable[Peer]) -> dict[str, set[Prefix]]:
    """What the kernel holds after these peers were set in this order, by public key.

    A prefix belongs to one peer: whoever is set last takes it from whoever had it.
    """
    view: dict[str, set[Prefix]] = {}
    owners: dict[Prefix, str] = {}
    for peer in peers:
        view[peer.public_key] = set()
        for allowed in peer.allowed_ips:
            before = owners.get(allowed.prefix)
            if before is not None:
                view[before].discard(allowed.prefix)
            owners[allowed.prefix] = peer.public_key
            view[peer.public_key].add(allowed.prefix)
    return view
