"""By which interface the kernel reaches an address, from its main routing table."""

import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from harden.errors import HardenError
from wgfw.addresses import BITS
from wgfw.kernel.namespace import inside

_FILES = {4: "route", 6: "ipv6_route"}
_UP = 0x1  # RTF_UP, linux/route.h
_LOOPBACK = "lo"

Route = tuple[int, int, int, str]  # family, network, prefix length, interface


def leads_to(netns: str | None = None) -> Callable[[int, int], str | None]:
    """A function from a family and an address to the name of the interface, None where no route leads there.

    Routes of other tables, which ``ip rule`` may choose, are not known here. Raises HardenError if the kernel's list
    cannot be read.
    """
    return lookup(routes(netns))


def routes(netns: str | None = None) -> list[Route]:
    """The main routing table of both families. Raises HardenError if the kernel's list cannot be read."""
    with inside(netns):
        return [route for family, name in _FILES.items() for route in parse(family, _read(name))]


def lookup(routes: Iterable[Route]) -> Callable[[int, int], str | None]:
    """The longest prefix wins; of equal ones the first."""
    tables: dict[tuple[int, int], dict[int, str]] = {}
    for family, network, length, interface in routes:
        tables.setdefault((family, length), {}).setdefault(network, interface)
    ordered = {family: sorted((n for f, n in tables if f == family), reverse=True) for family in BITS}

    def interface_of(family: int, address: int) -> str | None:
        for length in ordered[family]:
            shift = BITS[family] - length
            found = tables[family, length].get(address >> shift << shift)
            if found is not None:
                return found
        return None

    return interface_of


def parse(family: int, text: str) -> Iterator[Route]:
    """The lines of /proc/net/route (IPv4, numbers in the byte order of the machine) or /proc/net/ipv6_route."""
    for line in text.splitlines():
        words = line.split()
        if family == 4 and len(words) >= 8 and words[0] != "Iface" and int(words[3], 16) & _UP:
            network, mask = (socket.ntohl(int(words[column], 16)) for column in (1, 7))
            yield 4, network, mask.bit_count(), words[0]
        elif family == 6 and len(words) == 10 and words[9] != _LOOPBACK and int(words[8], 16) & _UP:
            yield 6, int(words[0], 16), int(words[1], 16), words[9]


def _read(name: str) -> str:
    path = Path("/proc/thread-self/net") / name
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:  # a kernel without IPv6
        return ""
    except OSError as error:
        raise HardenError(f"/proc/net/{name}: {error.strerror}") from error
