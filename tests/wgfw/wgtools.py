"""What wireguard-tools makes of a wg-quick file: a plain model of it, and the programs themselves.

The model follows ``wg-quick strip | wg setconf`` step by step and shares no code with the reader under test.
"""

import base64
import ipaddress
import socket
import subprocess
import threading
from pathlib import Path

SOCKETS = Path("/var/run/wireguard")
BLANKS = b" \t\n\v\f\r"
QUICK = ("address", "mtu", "dns", "table", "preup", "predown", "postup", "postdown", "saveconfig")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
View = dict[str, set[str]]


def strip(text: bytes) -> bytes | None:
    """``wg-quick strip``; None where it refuses."""
    kept: list[bytes] = []
    inside = False
    for line in text.split(b"\n"):
        stripped = line.split(b"#")[0]
        key = stripped.split(b"=")[0].strip(BLANKS).lower()
        value = stripped[stripped.index(b"=") + 1 :] if b"=" in stripped else stripped
        if key.startswith(b"["):
            inside = key == b"[interface]"
        if inside and key.decode("latin-1") in QUICK:
            if key == b"saveconfig" and value.strip(BLANKS).lower() not in (b"true", b"false"):
                return None
            continue
        kept.append(line)
    return b"\n".join(kept)


def is_key(text: str) -> bool:
    """``key_from_base64``: exactly 32 bytes, spelt in the one way."""
    try:
        return len(text) == 44 and base64.b64encode(base64.b64decode(text)).decode() == text
    except ValueError:
        return False


def network(text: str) -> Network | None:
    """One element of AllowedIPs."""
    address, slash, length = text.partition("/")
    if slash and not (length.isascii() and length.isdigit()):
        return None
    if "%" in address:
        return None
    try:
        return ipaddress.ip_network(f"{address}/{int(length)}" if slash else address, strict=False)
    except ValueError:
        return None


def interface_line(key: str, value: str) -> bool:
    """Whether this is good under [Interface]."""
    return (key == "listenport" and value.isdigit()) or (key == "privatekey" and is_key(value))


def peer_line(key: str, value: str, keys: list[str], networks: list[Network]) -> bool:
    """Whether this is good under [Peer]; what it says is added to ``keys`` and ``networks``."""
    if key == "publickey" and is_key(value):
        keys.append(value)
        return True
    if key == "allowedips":
        found = [network(element) for element in value.split(",")]
        networks.extend(one for one in found if one is not None)
        return None not in found
    if key == "persistentkeepalive":
        return value.lower() == "off" or (value.isdigit() and int(value) < 65536)
    return key == "presharedkey" and is_key(value)


def setconf(text: bytes) -> View | None:
    """``wg setconf`` on a device without peers; None where it refuses."""
    section = ""
    peers: list[tuple[list[str], list[Network]]] = []
    for raw in text.split(b"\n"):
        line = "".join(chr(c) for c in raw.split(b"#")[0] if c not in BLANKS)
        if not line:
            continue
        if line.lower() in ("[interface]", "[peer]"):
            section = line.lower()
            if section == "[peer]":
                peers.append(([], []))
            continue
        key, _, value = line.partition("=")
        if not value or not section:
            return None
        good = (
            interface_line(key.lower(), value)
            if section == "[interface]"
            else peer_line(key.lower(), value, *peers[-1])
        )
        if not good:
            return None
    if not all(keys for keys, _ in peers):
        return None
    return applied([(keys[-1], [str(one) for one in networks]) for keys, networks in peers])


def applied(peers: list[tuple[str, list[str]]]) -> View:
    """The kernel's table after these sections: each replaces what its key had, and takes what others had."""
    owner: dict[str, str] = {}
    for key, networks in peers:
        owner = {prefix: other for prefix, other in owner.items() if other != key}
        owner.update(dict.fromkeys(networks, key))
    view: View = {key: set() for key, _ in peers}
    for prefix, key in owner.items():
        view[key].add(prefix)
    return view


class RealTools:
    """The programs, talking to a userspace device that only writes down what it is told."""

    def __init__(self, interface: str, folder: Path) -> None:
        self.interface = interface
        self.path = folder / f"{interface}.conf"
        self.heard = b""
        SOCKETS.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.socket_path = SOCKETS / f"{interface}.sock"
        self.socket_path.unlink(missing_ok=True)
        self.listener.bind(str(self.socket_path))
        self.listener.listen()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                heard = b""
                while not heard.endswith(b"\n\n") and (part := connection.recv(65536)):
                    heard += part
                if heard:
                    self.heard = heard
                    connection.sendall(b"errno=0\n\n")

    def close(self) -> None:
        """End the device."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)
        self.socket_path.unlink(missing_ok=True)

    def view(self, text: bytes) -> View | None:
        """What the device would hold after ``wg-quick strip | wg setconf``; None where either refuses."""
        self.path.write_bytes(text)
        self.path.chmod(0o600)
        stripped = subprocess.run(["wg-quick", "strip", str(self.path)], capture_output=True, timeout=20, check=False)
        if stripped.returncode:
            return None
        self.heard = b""
        command = ["wg", "setconf", self.interface, "/dev/stdin"]
        if subprocess.run(command, input=stripped.stdout, capture_output=True, timeout=20, check=False).returncode:
            return None
        peers: list[tuple[str, list[str]]] = []
        for line in self.heard.decode().splitlines():
            name, _, value = line.partition("=")
            if name == "public_key":
                peers.append((base64.b64encode(bytes.fromhex(value)).decode(), []))
            elif name == "allowed_ip":
                peers[-1][1].append(str(ipaddress.ip_network(value, strict=False)))
        return applied(peers)
