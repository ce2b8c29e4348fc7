"""What the kernel makes of everybody's claims, for comparison with what it says itself."""

from collections.abc import Iterable

from wgfw.addresses import Prefix
from wgfw.peers.values import Peer


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
