"""Whether the interfaces of a policy are such that rules by their names do what is meant."""

from collections.abc import Collection, Iterable, Iterator

from harden.errors import HardenError
from wgfw.kernel.routes import Route, routes
from wgfw.peers.links import Link, links

# wireguard-go and boringtun make a TUN device.
TUNNELS = ("wireguard", "tun", "amneziawg")


def doubtful_interfaces(names: Collection[str], netns: str | None) -> list[str]:
    """Warnings about the interfaces that are there already.

    Raises HardenError for one by which the gateway itself is reached, and for one whose packets the kernel shows
    under another name.
    """
    return list(doubts(names, links(netns), routes(netns)))


def doubts(names: Collection[str], present: Iterable[Link], table: Iterable[Route]) -> Iterator[str]:
    """The same for what is known of a host."""
    uplinks = {interface for _, _, length, interface in table if length == 0}
    for link in present:
        if link.name not in names:
            continue
        if link.master:
            raise HardenError(
                f"{link.name} is part of a bridge or VRF: its packets go by the name of that, and no rule "
                f"for {link.name} would see them",
                f"`ip link set {link.name} nomaster`, or leave it out of the policy",
            )
        if link.kind in TUNNELS:
            continue
        kind = f"a {link.kind} interface" if link.kind else "hardware"
        if link.name in uplinks:
            raise HardenError(
                f"{link.name} is no WireGuard interface but {kind}, and the default route leads by it: "
                "these rules would cut the gateway off",
                "name the WireGuard interface: `wg show interfaces` lists those that are up",
            )
        yield f"{link.name} is no WireGuard interface but {kind}: who is on its network can use any client's address"
