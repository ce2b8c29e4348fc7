"""Interfaces that are not what the policy takes them for."""

import pytest

from harden.errors import HardenError
from tests.lab.netns import Netns
from wgfw.commands.interfaces import doubtful_interfaces, doubts
from wgfw.peers.links import Link

DEFAULT = (4, 0, 0, "eth0")


@pytest.mark.parametrize("kind", ["wireguard", "tun", "amneziawg"])
def test_tunnels_are_what_is_meant(kind: str) -> None:
    """Nothing to say, not even where the default route goes through the tunnel."""
    assert not list(doubts(["wg0"], [Link(2, "wg0", kind)], [(4, 0, 0, "wg0")]))


def test_the_uplink_is_refused() -> None:
    """Rules for the interface by which the gateway is reached would cut it off."""
    with pytest.raises(HardenError, match="eth0 is no WireGuard interface but hardware, and the default route"):
        list(doubts(["eth0"], [Link(2, "eth0", "")], [DEFAULT]))


def test_another_interface_is_doubted() -> None:
    """On a network that is no tunnel, addresses prove nothing; interfaces that are not there yet are not doubted."""
    (doubt,) = doubts(["eth1", "wg7"], [Link(2, "eth0", ""), Link(3, "eth1", "veth")], [DEFAULT])
    assert doubt.startswith("eth1 is no WireGuard interface but a veth interface")


def test_a_part_of_a_bridge_is_refused() -> None:
    """Read from a real namespace: its packets go by the bridge's name in FORWARD and INPUT."""
    with Netns("hbridge") as netns:
        netns.run("ip", "tuntap", "add", "wg0", "mode", "tap")
        assert doubtful_interfaces(["wg0"], netns.name) == []
        netns.run("ip", "link", "add", "br0", "type", "bridge")
        netns.run("ip", "link", "set", "wg0", "master", "br0")
        with pytest.raises(HardenError, match="wg0 is part of a bridge or VRF"):
            doubtful_interfaces(["wg0"], netns.name)
