"""The WireGuard side: keys, a wg0.conf as one finds it on gateways, and the tunnels brought up from it."""

import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from demonstration.commands import capture, in_machine
from demonstration.topology import CLIENTS, ENDPOINT, LISTEN_PORT, TUNNEL, WAN, Client
from harden.errors import HardenError

# A comment above [Peer] in some of the ways that tools write the friendly name.
NAME_COMMENTS = ("# friendly_name = {}", "### Client {}", "# Name = {}", "# friendly_name = {}")
HANDSHAKE_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Keys:
    """A key pair. The private half goes into files that only root reads, never into argv or output."""

    private: str
    public: str

    def __repr__(self) -> str:
        return f"Keys(public={self.public!r})"

    @classmethod
    def make(cls) -> "Keys":
        """A new pair, by wg(8)."""
        private = capture(["wg", "genkey"]).strip()
        return cls(private, capture(["wg", "pubkey"], stdin=private).strip())


def gateway_conf(keys: Keys, peers: Sequence[tuple[Client, Keys]], iptables: Sequence[str]) -> str:
    """A wg0.conf as it stands on gateways: NAT and an open FORWARD by PostUp, a comment above each peer."""
    lines = [
        "[Interface]",
        "Address = 10.8.0.1/24, fd00:8::1/64",
        f"ListenPort = {LISTEN_PORT}",
        f"PrivateKey = {keys.private}",
    ]
    for tool in iptables:
        lines.append(f"PostUp = {tool} -A FORWARD -i %i -j ACCEPT; {tool} -t nat -A POSTROUTING -o {WAN} -j MASQUERADE")
    for (client, theirs), comment in zip(peers, NAME_COMMENTS, strict=True):
        lines += ["", comment.format(client.name), "[Peer]", f"PublicKey = {theirs.public}"]
        lines.append(f"AllowedIPs = {client.v4}/32, {client.v6}/128")
    return "\n".join(lines) + "\n"


def client_conf(client: Client, keys: Keys, gateway: Keys) -> str:
    """What a client has: everything goes through the tunnel."""
    return (
        f"[Interface]\nAddress = {client.v4}/32, {client.v6}/128\nPrivateKey = {keys.private}\nTable = off\n"
        f"PostUp = ip -4 route add default dev %i; ip -6 route add default dev %i\n\n"
        f"[Peer]\nPublicKey = {gateway.public}\nEndpoint = {ENDPOINT}:{LISTEN_PORT}\n"
        "AllowedIPs = 0.0.0.0/0, ::/0\nPersistentKeepalive = 25\n"
    )


def write_confs(folder: Path, iptables: Sequence[str]) -> dict[str, str]:
    """Write everyone's file, readable by root only; returns the public key of each client by its name."""
    gateway = Keys.make()
    peers = [(client, Keys.make()) for client in CLIENTS]
    texts = {f"{TUNNEL}.conf": gateway_conf(gateway, peers, iptables)}
    texts |= {f"{client.tunnel}.conf": client_conf(client, keys, gateway) for client, keys in peers}
    for name, text in texts.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    return {client.name: keys.public for client, keys in peers}


def bring_up(folder: Path) -> None:
    """Every tunnel by wg-quick(8), which takes the kernel's WireGuard, or wireguard-go where there is none."""

    def up(machine: str, tunnel: str) -> None:
        capture(in_machine(machine, ["wg-quick", "up", str(folder / f"{tunnel}.conf")]))

    # A handshake that finds nobody is tried again after five seconds only, so the gateway is first.
    up("gateway", TUNNEL)
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(up, client.name, client.tunnel) for client in CLIENTS]:
            done.result()


def wait_for_handshakes(public_keys: Iterable[str]) -> dict[str, int]:
    """When each peer's last handshake was (seconds since 1970). Raises HardenError if one has none in time."""
    wanted = set(public_keys)
    deadline = time.monotonic() + HANDSHAKE_PATIENCE
    while True:
        lines = capture(in_machine("gateway", ["wg", "show", TUNNEL, "latest-handshakes"])).splitlines()
        found = {key: int(when) for key, when in (line.split("\t") for line in lines) if int(when)}
        if wanted <= set(found):
            return found
        if time.monotonic() > deadline:
            raise HardenError(f"{len(wanted - set(found))} of {len(wanted)} peers have had no WireGuard handshake")
        time.sleep(0.1)


def implementation() -> str:
    """Which WireGuard runs on the gateway, for people."""
    kinds = capture(in_machine("gateway", ["ip", "-d", "link", "show", TUNNEL]))
    return "the kernel's WireGuard" if " wireguard " in kinds.replace("\n", " ") else "wireguard-go"
