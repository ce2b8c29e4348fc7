"""Random policies with the peers files, routes and published ports around them; a seed gives the same each time.

What comes out is text, as a user would have written it, so that the real readers are exercised too. The
addresses are those of the lab's devices (:mod:`lab.tun`).
"""

import base64
import ipaddress
import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import yaml
from lab.iptables import Dnat
from lab.tun import ADDRESSES

PAST, FUTURE = "2001-02-03T04:05:06Z", "2037-01-01T00:00:00+02:00"
BUILT_IN = ("any", "ssh", "https", "dns", "smb", "ping", "icmp/any", "icmp/echo-request", "vnc", "icmp/time-exceeded")
NETWORKS = {
    "nas": ["192.168.1.10", "fd00:1::10"],
    "lan": ["192.168.1.0/24", "fd00:1::/64"],
    "cluster": ["10.32.0.0/12", "fd00:32::/32"],
    "odd": ["192.168.1.3", "192.168.1.5", "192.168.1.8/29", "10.35.1.2/31", "fd00:1::a0/125", "fd00:32:1::/48"],
    "abroad": ["8.8.8.0/24", "1.1.1.1", "2620:fe::/48"],
    "vpn": ["10.8.0.0/24", "10.9.0.0/25", "fd00:8::/64"],
    "public": ["51.15.0.0/24", "2a01:4f8:1::/64"],
    "doors": ["192.168.1.1", "fd00:9::1"],
    "sites": ["172.20.0.0/16", "172.21.4.0/22", "fd00:20::/32"],
    "everyone": ["0.0.0.0/1", "128.0.0.0/1", "2000::/3", "fc00::/7"],
    "six": ["fd00:1::/80"],
}
PUBLISHED = {4: ("192.168.1.1", "51.15.0.2", "10.8.0.1"), 6: ("fd00:1::1", "2a01:4f8:1::2", "fd00:9::1")}
VIRTUAL = {4: ("10.43.0.10", "10.43.0.11"), 6: ("fd00:43::10", "fd00:43::11")}
BACKENDS = {4: ("192.168.1.10", "192.168.1.20", "10.35.1.2"), 6: ("fd00:1::10", "fd00:1::20", "fd00:32:1::5")}

Fields = dict[str, Any]


@dataclass
class Peer:
    """A client to be: its name, interface and AllowedIPs."""

    name: str
    interface: str
    allowed_ips: list[str]

    def reference(self, names: list[str]) -> str:
        """Its name as the policy must write it: with the interface where two have the same one."""
        return f"{self.interface}/{self.name}" if names.count(self.name) > 1 else self.name


@dataclass(frozen=True)
class Line:
    """One entry as written: ``effect`` is its list, ``target`` its ``to`` or ``from``."""

    effect: str
    target: str
    services: list[str]


@dataclass
class Scenario:
    """A gateway in a few files: ``policy`` and ``peers_files`` (text by name), ``routes`` for the peers' prefixes,
    ``dnat`` for what the gateway publishes. ``lines`` has every peer's entries, its profiles' included; ``services``
    and ``networks`` are the policy's own."""

    seed: int
    policy: str
    peers_files: dict[str, str]
    peers: list[Peer]
    routes: list[tuple[str, str]]
    dnat: list[Dnat]
    networks: dict[str, list[str]]
    services: dict[str, list[str]]
    lines: list[tuple[Peer, Line]]
    profiles: dict[str, list[Peer]]

    def __str__(self) -> str:
        files = "".join(f"--- {name}\n{text}" for name, text in self.peers_files.items())
        return f"seed {self.seed}\n--- policy.yaml\n{self.policy}{files}--- DNAT\n" + "\n".join(map(str, self.dnat))


def scenario(seed: int) -> Scenario:
    """The gateway of this seed."""
    return _Maker(seed).make()


class _Maker:
    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.peers: list[Peer] = []
        self.profiles: list[str] = []
        self.services: dict[str, list[str]] = {}
        self.networks: dict[str, list[str]] = {}
        self.profiles_of: dict[int, list[str]] = {}

    def make(self) -> Scenario:
        self.peers = self._peers()
        self.profiles = ["staff", "guests", "fleet", *self.random.sample(["lab", "ops"], self.random.randint(0, 2))]
        self.services = {f"own{n}": self._notations() for n in range(4)}
        self.networks = {n: NETWORKS[n] for n in self.random.sample(sorted(NETWORKS), self.random.randint(3, 9))}
        document = self._document()
        return Scenario(
            self.seed,
            yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=110, allow_unicode=True),
            {f"{dev}.conf": self._conf(dev) for dev in ("wg0", "wg1")},
            self.peers,
            [(p, peer.interface) for peer in self.peers for p in peer.allowed_ips if not p.endswith("/0")],
            self._dnat(),
            self.networks,
            self.services,
            self._lines(document),
            {name: [peer for peer in self.peers if name in self.profiles_of[id(peer)]] for name in self.profiles},
        )

    # --- peers

    def _peers(self) -> list[Peer]:
        peers = [peer for dev, net in (("wg0", 8), ("wg1", 9)) for peer in self._roaming(dev, net)]
        peers += self._sites()
        if self.random.random() < 0.5:
            numbers = self.random.sample(range(100, 250), 40)
            peers += [Peer(f"phone-{n}", "wg0", [f"10.8.0.{n}/32", f"fd00:8::{n:x}/128"]) for n in numbers]
        if self.random.random() < 0.12:
            peers.append(Peer("exit", self.random.choice(["wg0", "wg1"]), ["0.0.0.0/0", "::/0"]))
        return peers

    def _roaming(self, dev: str, net: int) -> Iterable[Peer]:
        names = self.random.sample(["anca", "bogdan", "carla", "dan", "Élena's phone", 'q"uote', "no", "0x10"], 4)
        for name, host in zip(names, self.random.sample(range(2, 60), 4), strict=True):
            both = [f"10.{net}.0.{host}/32", f"fd00:{net}::{host:x}/128"]
            yield Peer(name, dev, self.random.choice([both, both, both, both[:1], both[1:]]))

    def _sites(self) -> list[Peer]:
        """A network behind a peer, hosts of it that are peers of their own, on either interface, and a block."""
        inner = self.random.choice(["172.20.5.0/24", "172.20.5.7/32", "172.20.128.0/17"])
        found = [
            Peer("office", "wg0", ["10.8.0.62/32", "172.20.0.0/16", "fd00:20::/32"]),
            Peer("desk", self.random.choice(["wg0", "wg1"]), [inner, "fd00:20:5::/48"]),
            Peer("annex", "wg1", ["172.21.4.0/22", "fd00:21::/48", "172.20.5.9/32"]),
            Peer("block", "wg0", ["10.8.0.64/28"]),
            Peer("within", self.random.choice(["wg0", "wg1"]), ["10.8.0.70/32"]),
        ]
        return self.random.sample(found, self.random.randint(2, 5))

    def _conf(self, dev: str) -> str:
        addresses = ", ".join(ADDRESSES[dev])
        lines = [f"[Interface]\nPrivateKey = {key(dev)}\nAddress = {addresses}\nListenPort = 51820\n"]
        for number, peer in enumerate(self.peers):
            if peer.interface == dev:
                ips = ", ".join(peer.allowed_ips)
                lines.append(
                    f"# friendly_name = {peer.name}\n[Peer]\nPublicKey = {key(str(number))}\nAllowedIPs = {ips}\n"
                )
        return "\n".join(lines)

    # --- policy

    def _document(self) -> Fields:
        interfaces: dict[str, Fields] = {dev: {"peers": f"{dev}.conf"} for dev in ("wg0", "wg1")}
        if self.random.random() < 0.5:
            interfaces["wg1"]["profile"] = "guests"
        default = {"wg0": "staff", "wg1": interfaces["wg1"].get("profile", "staff")}
        clients: Fields = {}
        for peer in self.peers:
            self.profiles_of[id(peer)] = [str(default[peer.interface])]
            if peer.name.startswith("phone-") or self.random.random() < 0.8:
                clients[self._reference(peer)] = self._client(peer)
        return {
            "version": 1,
            "interfaces": interfaces,
            "networks": self.networks,
            "services": self.services,
            "profiles": {name: {"description": name, **self._lists(3)} for name in self.profiles},
            "clients": clients,
            "defaults": {"profile": "staff", "on_allow": self.random.choice(["accept", "accept", "return"])},
        }

    def _client(self, peer: Peer) -> Fields:
        names = self.profiles_of[id(peer)] = ["fleet"]
        if peer.name.startswith("phone-"):
            return {"profile": "fleet"}
        names[:] = self.random.sample(self.profiles, self.random.choice([0, 1, 1, 2]))
        out: Fields = {"profiles": list(names)} if names else {}
        if self.random.random() < 0.7:
            out.update(self._lists(2))
        return out

    def _lines(self, document: Fields) -> list[tuple[Peer, Line]]:
        """Every entry with whom it is about; of the phones, which are all alike, only a few."""
        out: list[tuple[Peer, Line]] = []
        phones = [peer for peer in self.peers if peer.name.startswith("phone-")]
        for peer in self.peers:
            if peer in phones[3:]:
                continue
            holders = [document["profiles"][name] for name in self.profiles_of[id(peer)]]
            holders.append(document["clients"].get(self._reference(peer), {}))
            for holder in holders:
                for effect, side in (("allow", "to"), ("deny", "to"), ("inbound", "from")):
                    out += [(peer, Line(effect, e[side], e["services"])) for e in holder.get(effect, ())]
        return out

    def _reference(self, peer: Peer) -> str:
        return peer.reference([other.name for other in self.peers])

    def _lists(self, most: int) -> Fields:
        out: Fields = {}
        for name, chance in (("allow", 0.9), ("deny", 0.4), ("inbound", 0.5)):
            if self.random.random() < chance:
                count = self.random.randint(0, most)
                out[name] = [self._entry("from" if name == "inbound" else "to", name) for _ in range(count)]
        return out

    def _entry(self, side: str, effect: str) -> Fields:
        entry: Fields = {side: self._target(), "services": self._services()}
        if effect != "deny" and self.random.random() < 0.2:
            entry["until"] = self.random.choice([PAST, FUTURE])
        return entry

    def _target(self) -> str:
        return self.random.choice([
            *self.random.choices(sorted(self.networks), k=6), "gateway", "internet", "any",
            f"client:{self._reference(self.random.choice(self.peers))}", f"profile:{self.random.choice(self.profiles)}",
            self.random.choice(self.random.choice(self.peers).allowed_ips),
            "192.168.1.1", "10.43.0.0/24", "fd00:43::10",
        ])  # fmt: skip

    def _services(self) -> list[str]:
        return self.random.choices([*BUILT_IN, *self.services], k=self.random.randint(1, 3))

    def _notations(self) -> list[str]:
        """Some ports and ranges; now and then more than one multiport match can hold."""
        count = self.random.choice([1, 2, 3, 17, 24])
        out: list[str] = []
        for _ in range(count):
            low = self.random.choice([1, 22, 80, 443, 1024, 8080, self.random.randint(1, 19000)])
            high = min(low + self.random.choice([0, 0, 1, 7, 500]), 19999)
            out.append(f"{self.random.choice(['tcp', 'udp'])}/{low}" + (f"-{high}" if high > low else ""))
        return out + self.random.choice([[], [], ["tcp/1-65535"], ["icmp/any"]])[: count == 1]

    # --- DNAT

    def _dnat(self) -> list[Dnat]:
        found: dict[tuple[str, str, int], Dnat] = {}
        for _ in range(8):
            family = self.random.choice([4, 6])
            dst = self.random.choice(PUBLISHED[family] + VIRTUAL[family])
            protocol = self.random.choice(["tcp", "udp"])
            port = self.random.choice([22, 53, 80, 443, 5900, 8080, *self._ports()])
            kind = self.random.random()
            to: str | None = self.random.choice(BACKENDS[family])
            hosts = [ip for peer in self.peers for ip in peer.allowed_ips if ip.endswith(("/32", "/128"))]
            reachable = [ip.partition("/")[0] for ip in hosts if (":" in ip) == (family == 6)]
            if kind < 0.35 and reachable:
                to = self.random.choice(reachable)
            elif kind > 0.8:
                to = None
            to_port = self.random.choice([22, 53, 80, 443, *self._ports(), port])
            found[dst, protocol, port] = Dnat(dst, protocol, port, to, to_port)
        return list(found.values())

    def _ports(self) -> list[int]:
        notation = self.random.choice(
            [text for texts in self.services.values() for text in texts if "icmp" not in text]
        )
        return [int(part) for part in notation.partition("/")[2].split("-")]


def key(name: str) -> str:
    """A key in WireGuard's notation, the same for the same name of up to 32 bytes."""
    return base64.b64encode(name.encode().rjust(32, b"k")).decode()


def edges(prefix: str) -> list[str]:
    """The first and last address of a prefix and the neighbours outside."""
    net = ipaddress.ip_network(prefix, strict=False)
    first, last = int(net.network_address), int(net.broadcast_address)
    kind = type(net.network_address)
    top = (1 << net.max_prefixlen) - 1
    return [str(kind(n)) for n in dict.fromkeys((first, last, max(first - 1, 0), min(last + 1, top)))]
