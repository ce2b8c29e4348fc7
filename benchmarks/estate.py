"""Gateways of any size: a wg-quick file and a policy, written as a person would have them."""

import base64
import hashlib
from pathlib import Path

PROFILES = ("guest", "media", "developer", "dns-only")
OWN = "allow: [{{to: 192.168.1.{host}, services: [ssh, udp/9999]}}, {{to: 10.32.5.5, services: [http]}}]"
NETWORKS = """\
networks:
  cluster: [10.32.0.0/12]
  nas: [192.168.1.10, "fd00:1::10"]
  media: [192.168.1.11]
  dns: [10.0.20.200, "fd00:20::200"]
"""


def client_line(number: int) -> str:
    """One entry under ``clients``: one client in ten has rules of its own, and the last of a round number has not."""
    own = f", {OWN.format(host=number % 200 + 20)}" if number % 10 == 0 else ""
    return f"  client{number}: {{profile: {PROFILES[number % 4]}{own}}}"


def write(folder: Path, clients: int, changed: int | None = None) -> Path:
    """Writes ``wg0.conf`` and ``policy.yaml`` and returns the latter; ``changed`` is a client with another profile."""
    conf = ["[Interface]", "Address = 10.128.0.1/16, fd00:128::1/64", "ListenPort = 51820", ""]
    policy = ["version: 1", "interface: wg0", "peers: wg0.conf", NETWORKS + "clients:"]
    for number in range(clients):
        key = base64.b64encode(hashlib.sha256(b"%d" % number).digest()).decode()
        host = number + 2
        conf += ["[Peer]", f"# friendly_name = client{number}", f"PublicKey = {key}"]
        conf += [f"AllowedIPs = 10.128.{host >> 8}.{host & 255}/32, fd00:128::{host:x}/128", ""]
        other = f"  client{number}: {{profile: {PROFILES[(number + 1) % 4]}}}"
        policy.append(other if number == changed else client_line(number))
    (folder / "wg0.conf").write_text("\n".join(conf) + "\n")
    (folder / "policy.yaml").write_text("\n".join(policy) + "\n")
    return folder / "policy.yaml"
