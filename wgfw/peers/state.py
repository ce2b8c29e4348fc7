"""A running interface as values: the peers, and how they fare."""

from dataclasses import dataclass

from wgfw.peers.values import InterfacePeers, Peer

SOURCE = "kernel"


@dataclass(frozen=True, slots=True)
class DevicePeer(Peer):
    """One peer of a running interface, which has neither a name nor a line.

    ``latest_handshake`` is in seconds since 1970, 0 for none yet; ``rx_bytes`` came from the peer, ``tx_bytes``
    went to it, both since the peer was set.
    """

    latest_handshake: int
    rx_bytes: int
    tx_bytes: int


@dataclass(frozen=True, slots=True)
class DeviceState(InterfacePeers):
    """A running interface. ``source`` is ``kernel``, ``addresses`` are those that it carries."""

    peers: tuple[DevicePeer, ...]
