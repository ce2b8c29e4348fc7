"""WireGuard between gateways and two clients of each: the operator, and a guest who wants to reach the NAS."""

import socket
import subprocess
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from lab.netns import Netns
from lab.tunnel import Keys

if TYPE_CHECKING:
    from ansible_lab.gateways import Gateway

PORT = 51820
SERVICES = (22, 445)
CLIENTS = {"operator": 2, "guest": 3}  # the last part of their addresses
_PATIENCE = 20.0  # seconds


class Tunnels:
    """The clients' ends. Each client has one interface and one key for all gateways, and an address in each VPN."""

    def __init__(self, hub: Netns) -> None:
        self._stack = ExitStack()
        self._hub = hub
        self._keys = {name: Keys.make() for name in CLIENTS}
        self._interfaces: dict[str, str] = {}
        self._spaces = {"operator": hub}
        self._nas: Netns | None = None
        self._listeners: list[socket.socket] = []

    def close(self) -> None:
        """End the tunnels, and remove the clients' namespaces."""
        self._stack.close()

    def conf(self, gateway: "Gateway") -> str:
        """The gateway's file, as wg-quick reads it."""
        n = gateway.number
        lines = [f"[Interface]\nAddress = 10.8.{n}.1/24, fd00:8:{n:x}::1/64\nListenPort = {PORT}"]
        lines += [f"PrivateKey = {gateway.keys.private}"]
        for name, last in CLIENTS.items():
            lines += [f"\n# friendly_name = {name}\n[Peer]\nPublicKey = {self._keys[name].public}"]
            lines += [f"AllowedIPs = 10.8.{n}.{last}/32, fd00:8:{n:x}::{last}/128"]
        return "\n".join(lines) + "\n"

    def connect(self, gateway: "Gateway") -> None:
        """The gateway's interface wg0, its NAS, and the clients' way to both."""
        self._make_clients()
        self._cable_nas(gateway)
        inside = gateway.host.inside
        self._start(inside("wireguard-go", "--foreground", "wg0"), gateway.path("/run/wireguard/wg0.sock"))
        stripped = gateway.run("wg-quick", "strip", "/etc/wireguard/wg0.conf").stdout
        _run(inside("wg", "setconf", "wg0", "/dev/stdin"), stripped)
        n = gateway.number
        _batch(inside("ip", "-batch", "-"), [
            f"address add 10.8.{n}.1/24 dev wg0", f"address add fd00:8:{n:x}::1/64 dev wg0", "link set wg0 up",
        ])  # fmt: skip
        for name, last in CLIENTS.items():
            self._reach(name, last, gateway)

    def reaches(self, address: str, port: int) -> bool:
        """Whether the guest can open a connection there."""
        try:
            with self._spaces["guest"].call(lambda: socket.create_connection((address, port), timeout=1.5)):
                return True
        except OSError:
            return False

    def _make_clients(self) -> None:
        if self._interfaces:
            return
        guest = self._spaces["guest"] = self._stack.enter_context(Netns("sshd"))
        self._hub.run("ip", "link", "add", "guest", "type", "veth", "peer", "name", "eth0", "netns", guest.name)
        self._hub.run("ip", "link", "set", "guest", "master", "br0", "up")
        guest.run("ip", "address", "add", "10.77.255.3/16", "dev", "eth0")
        guest.run("ip", "link", "set", "eth0", "up")
        self._nas = self._stack.enter_context(Netns("sshd"))
        for port in SERVICES:
            # The kernel answers for it: nobody needs to accept what is never spoken to.
            listener = self._nas.call(lambda port=port: socket.create_server(("", port), backlog=4096))
            self._stack.enter_context(listener)
        for name, space in self._spaces.items():
            # All userspace WireGuard of the machine keeps its sockets in one folder.
            interface = self._interfaces[name] = f"wg{name[0]}{uuid.uuid4().hex[:8]}"
            argv = space.command("wireguard-go", "--foreground", interface)
            self._start(argv, Path(f"/var/run/wireguard/{interface}.sock"))
            conf = f"[Interface]\nPrivateKey = {self._keys[name].private}\n"
            space.run("wg", "setconf", interface, "/dev/stdin", text=conf)
            space.run("ip", "link", "set", interface, "up")

    def _cable_nas(self, gateway: "Gateway") -> None:
        assert self._nas is not None
        n = gateway.number
        of_gateway = gateway.host.root.parent.name  # one of its processes: it does not see the names of namespaces
        self._nas.run("ip", "link", "add", f"lan{n}", "type", "veth", "peer", "name", "lan", "netns", of_gateway)
        _batch(gateway.host.inside("ip", "-batch", "-"), [
            f"address add 192.168.{n}.1/24 dev lan", "link set lan up",
        ])  # fmt: skip
        _batch(self._nas.command("ip", "-batch", "-"), [
            f"address add 192.168.{n}.10/24 dev lan{n}", f"link set lan{n} up",
            f"route add 10.8.{n}.0/24 via 192.168.{n}.1",
        ])  # fmt: skip

    def _reach(self, name: str, last: int, gateway: "Gateway") -> None:
        space, interface, n = self._spaces[name], self._interfaces[name], gateway.number
        space.run(
            "wg", "set", interface, "peer", gateway.keys.public, "endpoint", f"10.77.0.{n}:{PORT}",
            "allowed-ips", f"10.8.{n}.0/24,192.168.{n}.0/24",
        )  # fmt: skip
        own = f"10.8.{n}.{last}"
        _batch(space.command("ip", "-batch", "-"), [
            f"address add {own}/32 dev {interface}", f"route add 10.8.{n}.0/24 dev {interface} src {own}",
            f"route add 192.168.{n}.0/24 dev {interface} src {own}",
        ])  # fmt: skip

    def _start(self, argv: list[str], socket_path: Path) -> None:
        """WireGuard in a process of ours, which takes its interface with it when it ends."""
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._stack.callback(_end, process)
        deadline = time.monotonic() + _PATIENCE
        while not socket_path.exists():
            assert process.poll() is None, "wireguard-go does not start"
            assert time.monotonic() < deadline, "wireguard-go does not open its socket"
            time.sleep(0.02)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait(10)


def _batch(argv: list[str], lines: list[str]) -> None:
    """Commands of ip(8)."""
    _run(argv, "\n".join(lines) + "\n")


def _run(argv: list[str], text: str) -> None:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr}"
