"""A small estate around the lab's gateway, for tests that are about one thing each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lab import packet as wire
from lab.enforce import install, policy_of
from lab.generate import key
from lab.iptables import Iptables
from lab.outcome import Outcome
from lab.packet import Packet
from lab.tun import GATEWAY, Lab

HEAD = """\
version: 1
interfaces: {wg0: {peers: wg0.conf}, wg1: {peers: wg1.conf}}
networks:
  nas: [192.168.1.10, "fd00:1::10"]
  cluster: [10.43.0.0/24, "fd00:43::/64"]
"""
PEERS = {
    "wg0": {
        "anca": "10.8.0.2/32, fd00:8::2/128",
        "laptop": "10.8.0.3/32, fd00:8::3/128",
        "office": "172.20.0.0/16, fd00:20::/32",
        "desk": "172.20.5.7/32, fd00:20::7/128",
    },
    "wg1": {"guest": "10.9.0.2/32, fd00:9::2/128", "printer": "172.20.5.9/32, fd00:20::9/128"},
}


def peers_file(dev: str) -> str:
    """A wg-quick file."""
    text = f"[Interface]\nAddress = {', '.join(f'{a}/24' if '.' in a else f'{a}/64' for a in GATEWAY[dev])}\n"
    for number, (name, ips) in enumerate(PEERS[dev].items()):
        text += f"\n# friendly_name = {name}\n[Peer]\nPublicKey = {key(f'{dev} {number}')}\nAllowedIPs = {ips}\n"
    return text


@dataclass
class Gateway:
    """The lab under one backend, and a policy on it."""

    lab: Lab
    iptables: Iptables
    folder: Path

    def govern(self, policy: str) -> None:
        """Enforce the clients (and what else follows) of a policy, instead of anything there was."""
        self.iptables.clear()
        self.add(policy)

    def add(self, policy: str) -> None:
        """Enforce it beside what is there, with no connections yet."""
        files = {f"{dev}.conf": peers_file(dev) for dev in PEERS}
        install(self.iptables, policy_of({"policy.yaml": HEAD + policy, **files}, self.folder))

    def send(self, via: str, src: str, dst: str, service: str) -> Outcome:
        """The fate of a packet that opens a connection to a service."""
        return self.lab.send(via, opening(src, dst, service, self.lab.next_number() + 30000))

    def refused(self, via: str, src: str, dst: str) -> list[str]:
        """What gets through of the services that an attacker would try first."""
        tried = ("tcp/22", "tcp/80", "udp/53", "ping", "gre")
        sent = [(via, opening(src, dst, s, self.lab.next_number() + 30000)) for s in tried]
        return [s for s, outcome in zip(tried, self.lab.send_all(sent), strict=True) if outcome.passed]


def opening(src: str, dst: str, service: str, source: int = 30000) -> Packet:
    """A packet that asks for ``tcp/22``, ``udp/53``, ``ping`` or ``gre``."""
    family = 6 if ":" in src else 4
    kind, _, port = service.partition("/")
    if kind in ("tcp", "udp"):
        return Packet(src, dst, wire.TCP if kind == "tcp" else wire.UDP, int(port), source)
    if kind == "gre":
        return Packet(src, dst, wire.GRE)
    return Packet(src, dst, wire.ICMPV6 if family == 6 else wire.ICMP, wire.ECHO_REQUEST[family] << 8, source)


def pick(pair: Sequence[str], family: int) -> str:
    """The address of that family, of an IPv4 and an IPv6 one."""
    return pair[family == 6]
