"""Peers as values, whichever place they were read from."""

from dataclasses import dataclass

from wgfw.addresses import Prefix


@dataclass(frozen=True, slots=True)
class AllowedIP:
    """One prefix of a peer, with the line that claims it (0 where there is no file)."""

    prefix: Prefix
    line: int


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer as the kernel would hold it.

    ``name`` comes from a comment, or is None. ``allowed_ips`` are in file order, already limited to what the
    *last* section with this key says, since that is what ``wg setconf`` keeps. ``line`` is the line of the
    peer's PublicKey (0 where there is no file).
    """

    public_key: str
    name: str | None
    allowed_ips: tuple[AllowedIP, ...]
    line: int


@dataclass(frozen=True, slots=True)
class InterfacePeers:
    """All peers of one interface.

    ``source`` is the path as given, or ``kernel``. ``addresses`` are the gateway's own addresses that the
    file's ``Address =`` lines (or the running interface) give it. ``warnings`` are complete messages, with
    file and line, about what is legal for WireGuard and yet not what anyone wants.
    """

    interface: str
    source: str
    peers: tuple[Peer, ...]
    addresses: tuple[Prefix, ...] = ()
    warnings: tuple[str, ...] = ()
