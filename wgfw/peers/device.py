"""A running WireGuard interface, in the kernel or in userspace."""

import os

from harden.errors import HardenError
from wgfw.peers import links, netlink, uapi
from wgfw.peers.complaints import excerpt
from wgfw.peers.grammar import valid_interface_name
from wgfw.peers.links import Link
from wgfw.peers.state import SOURCE, DevicePeer, DeviceState

__all__ = ["DevicePeer", "DeviceState", "read_device"]


def read_device(interface: str, netns: str | None = None) -> DeviceState:
    """The peers and addresses of a running interface; ``netns`` is a name of ``ip netns``, None for our namespace.

    The kind of the interface decides whom to ask: a socket may be left over, or be that of another namespace's
    interface of the same name. Raises HardenError where there is no such interface, or it is no WireGuard.
    """
    link = find(interface, netns)
    if link.kind == "wireguard":
        peers = netlink.peers(interface, netns)
    elif os.path.exists(uapi.socket_path(interface)):
        peers = uapi.peers(interface)
    else:
        raise HardenError(f"{interface} is no WireGuard interface{_kind(link)}", _hint(netns))
    own = (links.host_prefix(a) for a in links.addresses(netns) if a.index == link.index)
    return DeviceState(interface, SOURCE, peers, tuple(own))


def find(interface: str, netns: str | None) -> Link:
    """The interface, which must be there."""
    if not valid_interface_name(interface):
        raise HardenError(f"{excerpt(interface)} is no name of an interface")
    for link in links.links(netns):
        if link.name == interface:
            return link
    where = f" in the namespace {netns}" if netns is not None else ""
    raise HardenError(f"there is no interface {interface}{where}", _hint(netns))


def _kind(link: Link) -> str:
    return f": it is of the kind {link.kind}" if link.kind else ""


def _hint(netns: str | None) -> str:
    inside = f"ip netns exec {netns} " if netns is not None else ""
    return f"`{inside}wg show interfaces` lists them; `peers:` with the path of a wg-quick file needs none running"
