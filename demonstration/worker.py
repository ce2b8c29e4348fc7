"""What runs inside one machine: it serves ports, probes others when told to, and says what it saw.

Started as ``python -m demonstration.worker NAME`` in a network namespace. Requests come as one JSON object a
line on standard input, answers go the same way to standard output; the end of input ends the process.
"""

import asyncio
import errno
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any, cast

# What a reset or "administratively prohibited" of either family arrives as. "Network unreachable" is not among
# them: it would be the fault of our own routes.
REFUSALS = {errno.ECONNREFUSED, errno.ECONNRESET, errno.EHOSTUNREACH, errno.EACCES}
ECHO_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
RESEND = 0.6


def family_of(address: str) -> socket.AddressFamily:
    """The socket family of an address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Datagrams(asyncio.DatagramProtocol):
    """Answers every datagram with this machine's name, and remembers what the datagrams said."""

    def __init__(self, name: str, seen: set[str]) -> None:
        self._name = name
        self._seen = seen

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer through."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer, and remember."""
        self._seen.add(data.decode(errors="replace"))
        self._transport.sendto(self._name.encode(), addr)


class Machine:
    """The operations that a request may name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: set[str] = set()
        self.held: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def sysctl(self, settings: dict[str, str]) -> None:
        """Set what stands under /proc/sys/net of this namespace."""
        for key, value in settings.items():
            Path("/proc/sys/net", key).write_text(value)

    async def serve(self, tcp: list[int], udp: list[int]) -> None:
        """Listen on these ports over both families."""
        for port in tcp:
            listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
            await asyncio.start_server(self._greet, sock=listener)
        for port in udp:
            listener = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.setblocking(False)
            listener.bind(("::", port))
            loop = asyncio.get_running_loop()
            await loop.create_datagram_endpoint(lambda: Datagrams(self.name, self.seen), sock=listener)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Say who we are, then echo lines until the other side has enough."""
        try:
            writer.write(f"{self.name}\n".encode())
            while line := await reader.readline():
                writer.write(line)
            writer.close()
        except OSError:
            writer.transport.abort()

    async def probe(self, probes: list[dict[str, str | None]], patience: float) -> list[dict[str, object]]:
        """All of these at once, each with its outcome and the seconds it took."""
        return await asyncio.gather(*(self._probe(p, patience) for p in probes))

    async def _probe(self, probe: dict[str, str | None], patience: float) -> dict[str, object]:
        to, service, source = str(probe["to"]), str(probe["service"]), probe["source"]
        started = time.monotonic()
        outcome, by = "reached", ""
        try:
            by = await asyncio.wait_for(attempt(to, service, source), patience)
        except TimeoutError:
            outcome = "silent"
        except OSError as e:
            if e.errno == errno.ETIMEDOUT:
                outcome = "silent"
            elif e.errno in REFUSALS:
                outcome = "refused"
            else:
                raise
        return {"outcome": outcome, "by": by, "seconds": time.monotonic() - started}

    async def hold(self, to: str, port: int) -> None:
        """Open a TCP connection and keep it."""
        self.held = await asyncio.wait_for(asyncio.open_connection(to, port), 5)
        await self.held[0].readline()

    async def poke(self, patience: float) -> bool:
        """Whether the connection that is held still carries a line there and back."""
        assert self.held is not None
        reader, writer = self.held
        try:
            writer.write(b"still there?\n")
            return bool(await asyncio.wait_for(reader.readline(), patience))
        except OSError:
            return False

    async def throw(self, to: str, port: int, source: str, token: str) -> None:
        """Send a datagram from ``source``, expecting nothing."""
        with socket.socket(family_of(to), socket.SOCK_DGRAM) as sock:
            sock.bind((source, 0))
            for _ in range(3):
                sock.sendto(token.encode(), (to, port))

    async def caught(self, token: str) -> bool:
        """Whether a datagram that said this has arrived here."""
        return token in self.seen


async def attempt(to: str, service: str, source: str | None) -> str:
    """The name of whoever answers; OSError where someone refuses. The caller sets the time limit."""
    if service == "ping":
        await exchange(to, socket.SOCK_DGRAM, 0, bytes((ECHO_REQUEST[family_of(to)], 0, 0, 0, 0, 0, 0, 1)), source)
        return ""
    protocol, _, port = service.partition("/")
    if protocol == "udp":
        return (await exchange(to, socket.SOCK_DGRAM, int(port), b"who?", source)).decode()
    local = (source, 0) if source else None
    reader, writer = await asyncio.open_connection(to, int(port), local_addr=local)
    try:
        name = await reader.readline()
        if not name:
            raise ConnectionResetError(errno.ECONNRESET, "closed without a word")
        return name.decode().strip()
    finally:
        writer.transport.abort()


async def exchange(to: str, kind: socket.SocketKind, port: int, message: bytes, source: str | None) -> bytes:
    """Send a datagram now and then until something comes back; port 0 is a ping (icmp(7), ping sockets)."""
    family = family_of(to)
    ping = (socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6) if port == 0 else 0
    loop = asyncio.get_running_loop()
    with socket.socket(family, kind, ping) as sock:
        sock.setblocking(False)
        if source:
            sock.bind((source, 0))
        sock.connect((to, port))
        while True:
            await loop.sock_sendall(sock, message)
            try:
                return await asyncio.wait_for(loop.sock_recv(sock, 2048), RESEND)
            except TimeoutError:
                continue


async def main(name: str) -> None:
    """Serve requests until standard input ends."""
    machine = Machine(name)
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        request = json.loads(line)
        operation = getattr(machine, request.pop("operation"))
        try:
            answer = {"result": await operation(**request)}
        except OSError as e:
            answer = {"error": f"{os.strerror(e.errno) if e.errno else e} ({line.decode().strip()[:200]})"}
        print(json.dumps(answer), flush=True)
    os._exit(0)  # connections that others still hold are of no interest any more


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
