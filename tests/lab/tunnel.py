"""WireGuard for real: a gateway with a NAS behind it, and clients that come to it through tunnels."""

import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab.netns import Netns

Kind = Literal["kernel", "wireguard-go"]

GATEWAY = {4: "10.8.0.1", 6: "fd00:8::1"}
GATEWAY_LAN = {4: "192.168.1.1", 6: "fd00:1::1"}
NAS = {4: "192.168.1.10", 6: "fd00:1::10"}
LENGTHS = {4: 24, 6: 64}
LAN = ("192.168.1.0/24", "fd00:1::/64")
PORT = 51820
_PATIENCE = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Keys:
    """A key pair of WireGuard."""

    private: str
    public: str

    @classmethod
    def make(cls) -> "Keys":
        """A new pair, by wg(8)."""
        private = _wg("genkey")
        return cls(private, _wg("pubkey", text=private))


@dataclass(frozen=True, slots=True)
class Client:
    """A peer of the gateway; ``number`` is the last part of its addresses, in the VPN and outside."""

    name: str
    number: int
    netns: Netns
    interface: str
    keys: Keys

    def address(self, family: int) -> str:
        """Its address in the VPN."""
        return f"10.8.0.{self.number}" if family == 4 else f"fd00:8::{self.number}"

    @property
    def outside(self) -> str:
        """Its address in the world outside, where the gateway has the one before."""
        return f"198.51.100.{4 * self.number + 2}"

    @property
    def gateway_outside(self) -> str:
        """Where it finds the gateway."""
        return f"198.51.100.{4 * self.number + 1}"


class Site:
    """Everything but the tunnels is there when it is made; ``close`` removes everything.

    Interfaces have names of their own, since all userspace WireGuard keeps its sockets in one folder. ``conf`` is the
    gateway's wg-quick file, with the name of each client in a comment.
    """

    def __init__(self, folder: Path, names: Sequence[str], kind: Kind) -> None:
        self.kind = kind
        self._stack = ExitStack()
        self._tag = uuid.uuid4().hex[:6]
        self.interface = f"wgt{self._tag}"
        try:
            self.gateway = self._stack.enter_context(Netns("hwg"))
            self.nas = self._stack.enter_context(Netns("hwg"))
            routes = [f"route add default via {router}" for router in GATEWAY_LAN.values()]
            self._cable(self.nas, "lan", _dressed("lan", GATEWAY_LAN), _dressed("eth0", NAS) + routes)
            self.clients = {name: self._client(name, number) for number, name in enumerate(names, start=2)}
        except BaseException:
            self.close()
            raise
        self._keys = Keys.make()
        self.conf = folder / f"{self.interface}.conf"
        self.conf.touch(mode=0o600)
        self.write_conf()

    def close(self) -> None:
        """End the tunnels and remove the namespaces."""
        self._stack.close()

    def write_conf(self, *lines: str) -> None:
        """Write the gateway's file, with more lines in its [Interface]."""
        addresses = ", ".join(f"{address}/{LENGTHS[family]}" for family, address in GATEWAY.items())
        text = [f"[Interface]\nAddress = {addresses}\nListenPort = {PORT}\nPrivateKey = {self._keys.private}", *lines]
        for client in self.clients.values():
            text += [f"\n# friendly_name = {client.name}\n[Peer]\nPublicKey = {client.keys.public}"]
            text += [f"AllowedIPs = {client.address(4)}/32, {client.address(6)}/128"]
            text += [f"Endpoint = {client.outside}:{PORT}\nPersistentKeepalive = 5"]
        self.conf.write_text("\n".join(text) + "\n")

    def up(self) -> None:
        """All tunnels, and a handshake with each client."""
        self.clients_up()
        self.gateway_up()
        self.wait_for_handshakes()

    def clients_up(self) -> None:
        """The clients' ends; each sends everything for the gateway and the LAN into its tunnel."""
        for client in self.clients.values():
            conf = (
                f"[Interface]\nPrivateKey = {client.keys.private}\nListenPort = {PORT}\n"
                f"[Peer]\nPublicKey = {self._keys.public}\nAllowedIPs = 0.0.0.0/0, ::/0\n"
                f"Endpoint = {client.gateway_outside}:{PORT}\n"
            )
            own = {family: client.address(family) for family in LENGTHS}
            # Without rto_min a busy host sends segments twice of which none was lost.
            routes = [f"route add {network} dev {client.interface} rto_min 3s" for network in LAN]
            self._tunnel(client.netns, client.interface, conf, _dressed(client.interface, own) + routes)

    def gateway_up(self) -> None:
        """The gateway's end, from its file, as wg-quick goes about it."""
        stripped = subprocess.run(
            ["wg-quick", "strip", self.conf], capture_output=True, text=True, check=True, timeout=30
        )
        self._tunnel(self.gateway, self.interface, stripped.stdout, _dressed(self.interface, GATEWAY))

    def wait_for_handshakes(self) -> None:
        """Wait until the gateway has one with every client. Raises AssertionError if it takes too long."""
        deadline = time.monotonic() + _PATIENCE
        while not all(self.handshakes().get(client.keys.public) for client in self.clients.values()):
            assert time.monotonic() < deadline, f"no handshake in {_PATIENCE:.0f} s"
            time.sleep(0.05)

    def handshakes(self) -> dict[str, int]:
        """The last handshake with each public key as wg(8) tells it, in seconds since 1970, 0 for none."""
        told = self.gateway.run("wg", "show", self.interface, "latest-handshakes").stdout
        return {key: int(when) for key, when in (line.split("\t") for line in told.splitlines())}

    def _client(self, name: str, number: int) -> Client:
        netns = self._stack.enter_context(Netns("hwg"))
        client = Client(name, number, netns, f"wgc{number}{self._tag}", Keys.make())
        near, far = {4: client.gateway_outside}, {4: client.outside}
        link = f"out{number}"
        self._cable(netns, link, _dressed(link, near, 30), _dressed("eth0", far, 30))
        return client

    def _cable(self, other: Netns, name: str, near: list[str], far: list[str]) -> None:
        """A cable from the gateway's interface ``name`` to another machine's ``eth0``, and what ip(8) does then."""
        _ip(self.gateway, [f"link add {name} type veth peer name eth0 netns {other.name}", *near])
        _ip(other, far)

    def _tunnel(self, netns: Netns, name: str, conf: str, then: list[str]) -> None:
        if self.kind == "kernel":
            netns.run("ip", "link", "add", name, "type", "wireguard")
        else:
            self._stack.enter_context(_wireguard_go(netns, name))
        netns.run("wg", "setconf", name, "/dev/stdin", text=conf)
        _ip(netns, then)


def _dressed(link: str, addresses: dict[int, str], length: int | None = None) -> list[str]:
    """Commands of ip(8) that give a link its addresses and set it up."""
    lines = [f"address add {address}/{length or LENGTHS[family]} dev {link}" for family, address in addresses.items()]
    return [*lines, f"link set {link} up"]


def _ip(netns: Netns, lines: list[str]) -> None:
    netns.run("ip", "-batch", "-", text="\n".join(lines) + "\n")


@contextmanager
def _wireguard_go(netns: Netns, name: str) -> Iterator[None]:
    """WireGuard in a process of ours, which takes the interface with it when it ends."""
    argv = netns.command("wireguard-go", "--foreground", name)
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + _PATIENCE
            while not Path(f"/var/run/wireguard/{name}.sock").exists():
                assert process.poll() is None, f"wireguard-go: {process.stderr.read() if process.stderr else ''}"
                assert time.monotonic() < deadline, "wireguard-go does not open its socket"
                time.sleep(0.02)
            yield
        finally:
            process.terminate()
            process.wait(10)


def _wg(*arguments: str, text: str = "") -> str:
    done = subprocess.run(["wg", *arguments], input=text, capture_output=True, text=True, check=True, timeout=30)
    return done.stdout.strip()
