"""Gathering the policy: the file, the peers it points to, and the addresses of this host."""

from pathlib import Path

import pytest

from harden.errors import HardenError
from wgfw.addresses import AddressSet, Prefix
from wgfw.commands import gateway
from wgfw.commands.gateway import load_policy
from wgfw.peers.values import AllowedIP, InterfacePeers, Peer
from wgfw.policy import gather

KEY = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
PEER = f"[Peer]\n# anca\nPublicKey = {KEY}\nAllowedIPs = 10.8.0.2\n"


def running(interface: str, netns: str | None) -> InterfacePeers:
    """A running interface with one peer, in the namespace that the tests ask for."""
    assert netns == "gateway"
    peer = Peer(KEY.replace("A", "B", 1), None, (AllowedIP(Prefix.parse("10.9.0.2"), 0),), 0)
    return InterfacePeers(interface, "kernel", (peer,), (Prefix.parse("10.9.0.1"),))


def test_peers_come_from_files_and_running_interfaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path is relative to the policy's folder; `kernel` asks the interface in the namespace."""
    monkeypatch.setattr(gather, "read_device", running)
    monkeypatch.setattr(gateway, "local_addresses", lambda netns: AddressSet.parse("192.168.1.1") if netns else None)
    (tmp_path / "peers").mkdir()
    (tmp_path / "peers" / "a.conf").write_text(f"[Interface]\nAddress = 10.8.0.1/24\n{PEER}")
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\ninterfaces:\n  wg0: {peers: peers/a.conf}\n  wg1: {peers: kernel}\n")
    policy = load_policy(str(path), "gateway").policy
    assert [(client.interface, client.name) for client in policy.clients] == [("wg0", "anca"), ("wg1", "peer-10.9.0.2")]
    assert str(policy.clients[0].peer) == f"{tmp_path}/peers/a.conf:5"
    assert policy.gateway == AddressSet.parse("192.168.1.1", "10.8.0.1", "10.9.0.1")


def test_off_the_gateway_this_hosts_addresses_do_not_count(tmp_path: Path) -> None:
    """A policy that is checked elsewhere knows the gateway by its peers files only."""
    (tmp_path / "a.conf").write_text(f"[Interface]\nAddress = 10.8.0.1/24\n{PEER}")
    (tmp_path / "policy.yaml").write_text(f"version: 1\ninterface: wg0\npeers: {tmp_path}/a.conf\n")
    loaded = load_policy(str(tmp_path / "policy.yaml"), None, on_gateway=False)
    assert loaded.policy.gateway == AddressSet.parse("10.8.0.1")


def test_all_peers_files_are_complained_about_at_once(tmp_path: Path) -> None:
    """One message for each that cannot be read, and each hint once."""
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\ninterfaces:\n  wg0: {peers: a.conf}\n  wg1: {peers: b.conf}\n")
    with pytest.raises(HardenError) as caught:
        load_policy(str(path), None)
    assert [message.partition(": ")[0] for message in caught.value.messages] == [f"{tmp_path}/{n}.conf" for n in "ab"]
    assert len(caught.value.hints) == 1
