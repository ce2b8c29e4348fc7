"""What the first packet of a connection costs: the last of 10,000 clients, over conntrack and no rules at all.

Packets are written to one TUN device and read from another in a namespace of our own; the kernel does all its work
for a packet, forwarding included, within the write.
"""

import fcntl
import os
import socket
import statistics
import struct
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.estate import write
from benchmarks.figures import Figure
from wgfw.addresses import AddressSet
from wgfw.compiler import compile_policy
from wgfw.kernel.namespace import inside
from wgfw.peers.file import read
from wgfw.policy.loader import load
from wgfw.policy.resolve import resolve
from wgfw.render import restore_text
from wgfw.ruleset import TABLES

CLIENTS = 10_000
BATCH = 2_000
ROUNDS = 15
LIMITS = {"nft": 1.4, "legacy": 1.2}


def run(folder: Path) -> Iterator[Figure]:
    """The figures for both backends."""
    policy = load(str(write(folder, CLIENTS)))
    text = restore_text(compile_policy(resolve(policy, [read(str(folder / "wg0.conf"))], AddressSet())).v4)
    for backend, limit in LIMITS.items():
        for who, last in (("last client", CLIENTS - 1), ("last client with own rules", CLIENTS - 10)):
            for tables in ((), TABLES) if backend == "legacy" else ((),):
                before, after = _compared(backend, text, last, tables)
                over = "empty tables" if tables else "no rules"
                detail = (
                    f"{before * 1e6:.2f} µs with {over}, {after * 1e6:.2f} µs with {text.count(chr(10))} lines of ours"
                )
                yield Figure(f"new flow, {who}, {backend}, over {over}", after / before, limit, detail)


def _compared(backend: str, text: str, client: int, tables: Iterable[str]) -> tuple[float, float]:
    with _gateway() as (wg0, lan0):
        # conntrack works in a namespace once a rule asks for it; this one is on no packet's way
        _iptables(backend, "-t", "raw", "-A", "OUTPUT", "-m", "conntrack", "--ctstate", "INVALID")
        for table in tables:
            # legacy hooks all chains of a table once anybody has looked at it, as on any host that uses legacy at all
            _iptables(backend, "-t", table, "-S")
        before = _seconds_a_flow(wg0, lan0, client)
        _command(f"iptables-{backend}-restore", "--noflush", text=text)
        return before, _seconds_a_flow(wg0, lan0, client)


def _seconds_a_flow(wg0: int, lan0: int, client: int) -> float:
    times: list[float] = []
    for round_number in range(ROUNDS):
        _command("conntrack", "-F")
        packets = [_packet(client, 1024 + round_number * BATCH + n) for n in range(BATCH)]
        _drain(lan0)
        start = time.perf_counter()
        for packet in packets:
            os.write(wg0, packet)
        times.append((time.perf_counter() - start) / BATCH)
        passed = _drain(lan0)
        if passed < BATCH * 0.99:
            raise RuntimeError(f"only {passed} of {BATCH} packets came through")
    return statistics.median(times)


@contextmanager
def _gateway() -> Iterator[tuple[int, int]]:
    name = f"hbench-{os.getpid()}"
    _command("ip", "netns", "add", name)
    try:
        with inside(name):
            wg0, lan0 = _tun("wg0"), _tun("lan0")
            for device, address in (("wg0", "10.128.0.1/16"), ("lan0", "192.168.1.1/24")):
                _command("ip", "address", "add", address, "dev", device)
                _command("ip", "link", "set", device, "up", "txqueuelen", str(2 * BATCH))
            _command("ip", "route", "add", "10.0.20.0/24", "dev", "lan0")
            _command("sysctl", "-qw", "net.ipv4.ip_forward=1")
            yield wg0, lan0
            os.close(wg0)
            os.close(lan0)
    finally:
        _command("ip", "netns", "delete", name)


def _tun(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x1001))  # TUNSETIFF: IFF_TUN | IFF_NO_PI
    return device


def _packet(client: int, port: int) -> bytes:
    """A DNS query from the client, 50 bytes of IPv4 and UDP."""
    source = (10 << 24 | 128 << 16) + client + 2
    target = int.from_bytes(socket.inet_aton("10.0.20.200"), "big")
    payload = b"x" * 22
    header = struct.pack("!BBHHHBBHII", 0x45, 0, 28 + len(payload), port & 0xFFFF, 0, 64, 17, 0, source, target)
    total = sum(struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    udp = struct.pack("!HHHH", port, 53, 8 + len(payload), 0)
    return header[:10] + struct.pack("!H", checksum) + header[12:] + udp + payload


def _drain(device: int) -> int:
    count = 0
    while True:
        try:
            os.read(device, 2048)
        except BlockingIOError:
            return count
        count += 1


def _iptables(backend: str, *arguments: str) -> None:
    _command(f"iptables-{backend}", "-w", *arguments)


def _command(*arguments: str, text: str | None = None) -> None:
    subprocess.run(arguments, input=text, text=True, check=True, capture_output=True, timeout=120)
